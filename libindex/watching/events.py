"""What the file system tells, through watchdog: hints, of which some may be missing."""

import errno
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver, ObservedWatch

from libindex.paths import SUFFIXES, relative_to

Kind = Literal["appeared", "written", "closed", "gone", "folder"]
Trouble = Literal["overflow", "limit", "ended"]

# Opening and closing without writing is what our own decoders do.
_FILE_KINDS: dict[str, Kind] = {
    "created": "appeared",
    "attrib": "appeared",
    "modified": "written",
    "closed": "closed",
    "deleted": "gone",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened at a path."""

    kind: Kind
    path: str


class Events(FileSystemEventHandler):
    """Watches folders.

    Parameters
    ----------
    noticed : callable
        Called with each `Notice`, from another thread.
    troubled : callable
        Called, from another thread, when not everything is told any more: "overflow" (events
        came too fast), "limit" (a folder could not be watched) or "ended".

    Raises
    ------
    OSError
        If the system has no more room for watching at all.
    """

    def __init__(
        self, noticed: Callable[[Notice], None], troubled: Callable[[Trouble], None]
    ) -> None:
        self._noticed = noticed
        self._observer = _observer(troubled)
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
        """Watch a folder no longer, if it was."""
        for real, names in list(self._shown_as.items()):
            if folder in names:
                names.remove(folder)
            if not names:
                del self._shown_as[real]
                watch = self._watches.pop(real, None)
                if watch is not None:
                    self._observer.unschedule(watch)

    def close(self) -> None:
        """Watch nothing any more."""
        self._observer.stop()
        self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on what may change the library."""
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        if event.event_type == "moved":
            # Both at the same time, so that they are seen to be one thing.
            self._tell("closed", source, is_folder=event.is_directory)
            self._tell("closed", target, is_folder=event.is_directory)
            if event.is_directory:
                self._tell("folder", target)
        elif event.is_directory:
            if event.event_type in {"created", "attrib"}:
                self._tell("folder", source)
            elif event.event_type == "deleted":
                self._tell("gone", source, is_folder=True)
        elif event.event_type in _FILE_KINDS:
            self._tell(_FILE_KINDS[event.event_type], source)

    def _tell(self, kind: Kind, real: str, *, is_folder: bool = False) -> None:
        is_audio = os.path.splitext(real)[1].lower() in SUFFIXES  # noqa: PTH122
        # A link to a folder counts as a file here; one that is gone may have been either.
        may_be_folder = is_folder or kind in {"folder", "gone"} or os.path.islink(real)  # noqa: PTH114
        if not (is_audio or may_be_folder):
            return
        for watched, names in list(self._shown_as.items()):
            below = relative_to(real, watched)
            if below is None or below.startswith(".") or f"{os.sep}." in below:
                continue
            for name in list(names):
                self._noticed(Notice(kind, os.path.join(name, below) if below else name))  # noqa: PTH118


def _observer(troubled: Callable[[Trouble], None]) -> BaseObserver:
    if sys.platform != "linux":
        from watchdog.observers import Observer

        return Observer()
    from watchdog.observers.inotify import InotifyEmitter

    return _InotifyObserver(InotifyEmitter, inotify_fd=_inotify(troubled))


class _InotifyObserver(BaseObserver):
    """As watchdog's own, over an inotify that tells of its troubles."""

    def __init__(self, emitter: Any, inotify_fd: Any) -> None:
        self._fd = inotify_fd
        self._fd.start()
        super().__init__(emitter, inotify_fd=inotify_fd)

    def on_thread_stop(self) -> None:
        super().on_thread_stop()
        self._fd.stop()
        self._fd.join()


def _inotify(troubled: Callable[[Trouble], None]) -> Any:
    from watchdog.observers.inotify_c import InotifyFD

    # It warns of a folder that comes twice while it is being copied, which does no harm.
    warnings.filterwarnings("ignore", "Callback with id .* already exists", RuntimeWarning)

    class Inotify(InotifyFD):
        """watchdog keeps quiet about what it can't watch and logs what it lost; this tells."""

        def add_callback(self, *arguments: Any) -> Any:
            try:
                return super().add_callback(*arguments)
            except OSError as error:
                if error.errno in {errno.ENOSPC, errno.ENOMEM}:
                    troubled("limit")
                raise

        def handle_event(self, event: Any) -> None:
            super().handle_event(event)
            if event.is_queue_overflow:
                troubled("overflow")

        def run(self) -> None:
            try:
                super().run()
            finally:
                if self.should_keep_running():
                    troubled("ended")

    return Inotify()
