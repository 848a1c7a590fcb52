"""Events of the file system, through watchdog: hints, of which some may be missing."""

import os
import sys
from collections.abc import Callable

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver, ObservedWatch

from libindex.paths import is_audio, relative_to
from libindex.watching.notices import Notice, NoticeKind, Problem

# Opening and closing without writing is what our own decoders do.
_FILE_KINDS: dict[str, NoticeKind] = {
    "created": "appeared",
    "attrib": "appeared",
    "modified": "written",
    "closed": "closed",
    "deleted": "gone",
}


class Events(FileSystemEventHandler):
    """Watches folders.

    Parameters
    ----------
    on_notice : callable
        Called with each `Notice`, from another thread.
    on_problem : callable
        Called with each `Problem`, from another thread, when events may be missing.

    Raises
    ------
    OSError
        If the system has no more room for watching at all.
    """

    def __init__(
        self, on_notice: Callable[[Notice], None], on_problem: Callable[[Problem], None]
    ) -> None:
        self._on_notice = on_notice
        self._observer = _observer(on_problem)
        self._shown_as: dict[str, list[str]] = {}
        self._watches: dict[str, ObservedWatch] = {}
        self._observer.start()

    def watch(self, folder: str) -> None:
        """Watch a folder and all below it; links to folders in it are not followed.

        Raises
        ------
        OSError
            If it can't be watched.
        """
        real = os.path.realpath(folder)
        names = self._shown_as.setdefault(real, [])
        if folder not in names:
            names.append(folder)
        if real not in self._watches:
            self._watches[real] = self._observer.schedule(self, real, recursive=True)

    def unwatch(self, folder: str) -> None:
        """Stop watching a folder, if it was watched."""
        for real, names in list(self._shown_as.items()):
            if folder in names:
                names.remove(folder)
            if not names:
                del self._shown_as[real]
                watch = self._watches.pop(real, None)
                if watch is not None:
                    self._observer.unschedule(watch)

    def close(self) -> None:
        """Stop watching all folders."""
        self._observer.stop()
        self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Report what may change the library."""
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        if event.event_type == "moved":
            # Both at the same time, so that they are recognised as a move.
            for path in (source, target):
                self._report("closed", path, is_folder=event.is_directory)
                if not os.path.lexists(path):  # it may have been a link to a folder
                    self._report("gone", path)
            if event.is_directory:
                self._report("folder", target)
        elif event.is_directory:
            if event.event_type in {"created", "attrib"}:
                self._report("folder", source)
            elif event.event_type == "deleted":
                self._report("gone", source, is_folder=True)
        elif event.event_type in _FILE_KINDS:
            self._report(_FILE_KINDS[event.event_type], source)

    def _report(self, kind: NoticeKind, real: str, *, is_folder: bool = False) -> None:
        # A link to a folder counts as a file here; one that is gone may have been either.
        may_be_folder = is_folder or kind in {"folder", "gone"} or os.path.islink(real)  # noqa: PTH114
        if not (is_audio(real) or may_be_folder):
            return
        for watched, names in list(self._shown_as.items()):
            below = relative_to(real, watched)
            if below is None or below.startswith(".") or f"{os.sep}." in below:
                continue
            for name in list(names):
                self._on_notice(Notice(kind, os.path.join(name, below) if below else name))  # noqa: PTH118


def _observer(on_problem: Callable[[Problem], None]) -> BaseObserver:
    if sys.platform == "linux":
        from libindex.watching import inotify

        return inotify.Observer(on_problem)
    from watchdog.observers import Observer

    return Observer()
