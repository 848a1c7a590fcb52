"""Paths where something happened, until they have stopped changing."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import assert_never

from libindex.watching.notices import Notice

_CLOSED_S = 0.05  # whoever closed it may open it again at once
_APPEARED_S = 0.1  # checked twice, so that a copy has time to show that it goes on
_WRITTEN_S = 2.0 if sys.platform == "linux" else 0.5  # elsewhere there is no event for closing
_EMPTY_S = 2.0
_GONE_S = 0.1
_TOGETHER_S = 0.05
_FOLDER_S = 0.2
_FOLDER_AGAIN_S = 2.0  # what was made in it before it was watched made no events

_Stamp = tuple[int, int]


@dataclass(slots=True)
class _Hint:
    """When a path is due, and its size and mtime, unless it is sure not to change any more."""

    due: float
    is_sure: bool = False
    gap_s: float = _APPEARED_S
    before: _Stamp | None = None


class Hints:
    """Which paths to check, and when.

    A file that was closed is checked at once; one that appeared, when its size and mtime stay the
    same for a moment; one that is being written, when they do for longer.

    Parameters
    ----------
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._hints: dict[str, _Hint] = {}

    def __len__(self) -> int:
        return len(self._hints)

    def clear(self) -> None:
        """Forget all paths: everything will be compared."""
        self._hints.clear()

    def add(self, notice: Notice) -> None:
        """Something happened at a path."""
        match notice.kind:
            case "appeared":
                self.appeared(notice.path)
            case "written":
                self.written(notice.path)
            case "closed":
                self.closed(notice.path)
            case "gone":
                self.gone(notice.path)
            case "folder":
                self.folder(notice.path)
            case _:
                assert_never(notice.kind)

    def appeared(self, path: str) -> None:
        """A file was made, moved here or touched."""
        if path not in self._hints:
            self._hints[path] = _Hint(self._clock() + _APPEARED_S)

    def written(self, path: str) -> None:
        """A file is being written."""
        hint = self._hints.setdefault(path, _Hint(0.0))
        hint.due, hint.is_sure, hint.gap_s = self._clock() + _WRITTEN_S, False, _WRITTEN_S

    def closed(self, path: str) -> None:
        """A file was closed after writing, or moved."""
        self._sure(path, _CLOSED_S)

    def gone(self, path: str) -> None:
        """A file or folder was removed or moved away."""
        self._sure(path, _GONE_S)

    def folder(self, path: str) -> None:
        """A folder appeared; what is in it may have made no events."""
        self._sure(path, _FOLDER_S)
        self._sure(os.path.join(path, ""), _FOLDER_AGAIN_S)  # noqa: PTH118 - the same, later

    def again(self, paths: Iterable[str], after_s: float) -> None:
        """These could not be checked; try once more."""
        for path in paths:
            self._sure(path, after_s)

    def _sure(self, path: str, after_s: float) -> None:
        hint = self._hints.get(path)
        if hint is None or not hint.is_sure:
            self._hints[path] = _Hint(self._clock() + after_s, is_sure=True)

    def next_due(self) -> float | None:
        """When the first path is due, by the clock; None if there is none."""
        return min((hint.due for hint in self._hints.values()), default=None)

    def take(self) -> list[str]:
        """Paths that are due and have stopped changing; they are forgotten."""
        now = self._clock()
        due = [(path, hint) for path, hint in self._hints.items() if hint.due <= now]
        ready = [path for path, hint in due if self._is_still(path, hint, now)]
        if ready:  # both ends of a move, and what else came at the same time
            soon = now + _TOGETHER_S
            ready += [p for p, h in self._hints.items() if h.is_sure and now < h.due <= soon]
        for path in ready:
            del self._hints[path]
        return list(dict.fromkeys(path.rstrip(os.sep) or os.sep for path in ready))

    def _is_still(self, path: str, hint: _Hint, now: float) -> bool:
        if hint.is_sure:
            return True
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:  # gone, or not ours: the comparison will show
            return True
        stamp = (status.st_size, status.st_mtime_ns)
        if stamp == hint.before:
            return True
        hint.before = stamp
        hint.due = now + (hint.gap_s if status.st_size else _EMPTY_S)
        return False
