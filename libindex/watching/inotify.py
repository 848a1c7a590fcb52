"""watchdog's inotify, made to report problems, and to follow folders that move.

For Linux only; other systems have no inotify. What is overridden here is not watchdog's public
interface, so pyproject.toml names the versions that this was tested with.
"""

import errno
import os
import warnings
from collections.abc import Callable
from typing import Any, cast

from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD, Mask
from watchdog.observers.inotify_move_event_grouper import GroupedInotifyEvent, PathedInotifyEvent

from libindex.watching.notices import Problem

_NO_PERMISSION = -1  # what watchdog gives then, instead of an error
_ELSEWHERE = b"/dev/null/%d"  # no folder: stands for one that moved, until it is known where to


class Observer(BaseObserver):
    """watchdog's observer, over an inotify that reports problems.

    Parameters
    ----------
    on_problem : callable
        See `libindex.watching.events.Events`.
    """

    def __init__(self, on_problem: Callable[[Problem], None]) -> None:
        # It warns of a folder that comes twice while it is being copied, which does no harm.
        warnings.filterwarnings("ignore", "Callback with id .* already exists", RuntimeWarning)
        self._fd = _Inotify(on_problem)
        self._fd.start()
        super().__init__(_Emitter, inotify_fd=self._fd)

    def on_thread_stop(self) -> None:
        super().on_thread_stop()
        self._fd.stop()
        self._fd.join()


class _Inotify(InotifyFD):
    """Reports what watchdog ignores or only logs: what it can't watch, and events it lost."""

    def __init__(self, on_problem: Callable[[Problem], None]) -> None:
        super().__init__()
        self.on_problem = on_problem

    def add_callback(self, path: bytes, *arguments: Any) -> Any:
        try:
            watch = super().add_callback(path, *arguments)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.ENOMEM}:
                self.on_problem(Problem("limit"))
            raise
        if watch == _NO_PERMISSION:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return watch

    def handle_event(self, event: InotifyEvent) -> None:
        super().handle_event(event)
        if event.is_queue_overflow:
            self.on_problem(Problem("overflow"))

    def run(self) -> None:
        try:
            super().run()
        finally:
            if self.should_keep_running():
                self.on_problem(Problem("ended"))


class _Group(InotifyWatchGroup):
    """The watches of a folder and all below it, each under its one present path.

    While a move is pending a watch has no path: its events would otherwise carry a name that
    another folder may have taken. watchdog looks up a folder that moved by its old path when the
    new one is known, which finds that other folder; and a folder that moved out of sight keeps
    its old path for good, so that after it came back its events are about a path that is gone.
    """

    def __post_init__(self) -> None:
        self._barred: set[bytes] = set()
        self._under_way: dict[int, bytes] = {}
        super().__post_init__()

    def on_event(self, event: InotifyEvent) -> None:
        super().on_event(event)
        if not event.is_directory or not self.is_active:
            return
        with self._lock:
            path = self._build_event_source_path(event)
            if path is None:
                return
            if event.is_moved_from:
                self._under_way[event.cookie] = _ELSEWHERE % event.cookie
                self._move_watches(path, self._under_way[event.cookie])
            is_open = event.is_attrib and self._can_be_watched_now(path)
            has_moved = event.is_move_self and path == self.path
        if is_open or has_moved:
            problem = Problem("moved" if has_moved else "opened")
            cast("_Inotify", self._inotify_fd).on_problem(problem)

    def left(self, cookie: int) -> None:
        """A folder moved out of what is watched."""
        with self._lock:
            path = self._under_way.pop(cookie, None)
            if path is not None:
                below = path + os.sep.encode()
                known = self._active_callbacks_by_path.items()
                self._remove_callbacks(
                    [watch for p, watch in known if p == path or p.startswith(below)]
                )

    def _source_for_move(self, cookie: int) -> bytes | None:
        return self._under_way.pop(cookie, None) or super()._source_for_move(cookie)

    def _can_be_watched_now(self, path: bytes) -> bool:
        below = path + os.sep.encode()
        return any(p == path or p.startswith(below) for p in self._barred)

    def _add_callback(self, path: bytes) -> None:
        try:
            watch = self._inotify_fd.add_callback(path, self.event_mask, self, self._id)
        except OSError as error:
            if error.errno == errno.EACCES:
                self._barred.add(path)
            if path == self.path:
                raise
            return
        was = self._active_callbacks_by_watch.get(watch)
        if was is not None and self._active_callbacks_by_path.get(was) == watch:
            del self._active_callbacks_by_path[was]
        self._active_callbacks_by_path[path] = watch
        self._active_callbacks_by_watch[watch] = path

    def _remove_watch_internally(self, watch: Any) -> None:
        path = self._active_callbacks_by_watch.pop(watch)
        if self._active_callbacks_by_path.get(path) == watch:  # or another folder has its name
            del self._active_callbacks_by_path[path]


class _Emitter(InotifyEmitter):
    def on_thread_start(self) -> None:
        self._inotify = _Group(
            self._inotify_fd,
            os.fsencode(self.watch.path),
            is_recursive=self.watch.is_recursive,
            event_mask=Mask(self.get_event_mask_from_filter() | InotifyConstants.IN_MOVE_SELF),
        )

    def build_and_queue_event(self, event: GroupedInotifyEvent, **options: Any) -> None:
        super().build_and_queue_event(event, **options)
        if isinstance(event, PathedInotifyEvent) and event.ev.is_moved_from:
            cast("_Group", self._inotify).left(event.ev.cookie)
