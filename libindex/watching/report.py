"""What others see of a watcher: its log, its activity file, and its messages to systemd."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from libindex.disk import presence
from libindex.errors import LibindexError
from libindex.indexing import ScanSummary
from libindex.paths import display
from libindex.store.locking import Holder
from libindex.watching import activity
from libindex.watching.activity import Activity, WatchedFolder
from libindex.watching.notices import ProblemKind
from libindex.watching.notify import notify
from libindex.watching.place import Place

_LOG = logging.getLogger(__name__)
_LIMIT = (
    "the system's limit for watching folders is reached, so all folders are polled every minute; "
    "to raise it: sudo sysctl fs.inotify.max_user_watches=1048576 "
    "fs.inotify.max_user_instances=512"
)
_MODES = {
    "events": "watched",
    "polled": "polled, because not all of its changes are reported",
    "offline": "offline; its samples are kept",
    "barred": "can't be read (permission denied); its samples are kept",
}
_LOST = "events of the file system were lost; comparing everything"
_PROBLEMS = {
    "overflow": (logging.WARNING, "events lost", _LOST),
    "ended": (logging.WARNING, "events lost", _LOST),
    "opened": (logging.INFO, "opened", "permissions of a folder changed; comparing everything"),
}
_COUNTED = ("new", "changed", "moved", "removed", "failed")


class Report:
    """Reports what happens, once each: in the log, in the activity file and to systemd.

    Parameters
    ----------
    database : Path
        The library that is watched.
    holder : Holder
        The process that watches.
    show_s : float
        How often the activity file is written where only the length of the queue changes [s].
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        database: Path,
        holder: Holder,
        show_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._holder = holder
        self._show_s = show_s
        self._clock = clock
        self._shown: Activity | None = None
        self._shown_at = 0.0
        self._error: str | None = None
        self._reconciled_at: int | None = None
        self._unreadable: set[str] = set()
        self._is_limit_known = False

    def show(self, doing: str, queue: int, folders: list[WatchedFolder]) -> None:
        """Write the activity file, where it differs from before."""
        shown = Activity(self._holder, doing, queue, self._reconciled_at, self._error, folders)
        before, now = self._shown, self._clock()
        if shown == before:
            return
        is_other = before is None or replace(shown, queue=before.queue) != before
        if is_other or now >= self._shown_at + self._show_s:
            self._shown, self._shown_at = shown, now
            activity.write(self._database, shown)
            notify(STATUS=doing)

    def close(self) -> None:
        """Remove the activity file."""
        activity.remove(self._database)

    # The watcher itself

    def on_ready(self) -> None:
        notify(READY="1")
        _LOG.info("ready", extra={"event": "ready"})

    def on_stopping(self) -> None:
        notify(STOPPING="1")
        _LOG.info("stopping; finished work is saved", extra={"event": "stopping"})

    def on_asked(self) -> None:
        _LOG.info("comparing everything, as requested", extra={"event": "asked"})

    def on_waiting(self, doing: str) -> None:
        _LOG.info(doing, extra={"event": "waiting"})

    def on_error(self, error: LibindexError) -> None:
        """Something failed and will be tried again."""
        if str(error) != self._error:
            self._error = str(error)
            _LOG.error("%s; trying again", error, extra={"event": "trouble"})

    def clear_error(self) -> None:
        """What failed before works again."""
        if self._error:
            self._error = None
            _LOG.info("working again", extra={"event": "recovered"})

    # Folders

    def on_no_folders(self) -> None:
        _LOG.warning(
            "this library has no folders yet; add one with: libindex scan FOLDER",
            extra={"event": "empty"},
        )

    def on_presence(self, place: Place) -> None:
        """A folder is watched, polled or offline from now on."""
        mode = "barred" if place.is_barred else place.mode
        level = logging.WARNING if mode == "barred" else logging.INFO
        extra = {"event": mode, "path": place.path}
        _LOG.log(level, "%s: %s", display(place.path), _MODES[mode], extra=extra)

    def on_forgotten(self, path: str) -> None:
        _LOG.info("%s: no longer watched", display(path), extra={"event": "forgotten"})

    def on_problem(self, kind: ProblemKind) -> None:
        """Events may be missing."""
        level, event, text = _PROBLEMS[kind]
        _LOG.log(level, text, extra={"event": event})

    def on_limit(self) -> None:
        """Not every folder can be watched."""
        if not self._is_limit_known:
            self._is_limit_known = True
            _LOG.warning(_LIMIT, extra={"event": "limit"})

    # Changes

    def on_compared(self, summary: ScanSummary, new_failures: int, *, everything: bool) -> None:
        """Folders were compared; failures that are not new are counted, but not named again."""
        if everything:
            self._reconciled_at = int(time.time())
        counts = _counts(summary, new_failures)
        files = sum(getattr(summary, name) for name in ("unchanged", "new", "changed", "moved"))
        files += summary.failed
        extra = {"event": "compared", "files": files, "seconds": summary.seconds, **counts}
        text = _text(counts) or "no changes"
        _LOG.info(
            "compared %s files in %.1f s: %s", f"{files:,}", summary.seconds, text, extra=extra
        )
        self._on_unreadable(summary.unreadable)

    def on_updated(self, summary: ScanSummary, new_failures: int) -> None:
        """Changes were recorded."""
        counts = _counts(summary, new_failures)
        if text := _text(counts):
            extra = {"event": "recorded", "seconds": summary.seconds, **counts}
            _LOG.info(text, extra=extra)
        self._on_unreadable(summary.unreadable)

    def _on_unreadable(self, folders: Collection[str]) -> None:
        """Log each folder once, until it can be read again."""
        self._unreadable = {path for path in self._unreadable if presence.is_barred(path)}
        for path in set(folders) - self._unreadable:
            _LOG.warning(
                "%s: can't be read; its samples are kept",
                display(path),
                extra={"event": "unreadable", "path": path},
            )
        self._unreadable.update(folders)


def _counts(summary: ScanSummary, new_failures: int) -> dict[str, int]:
    return {**{name: getattr(summary, name) for name in _COUNTED}, "failed": new_failures}


def _text(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
