"""The watcher in the server's process, and what pages are told of it.

If another process watches the library already, that one goes on, and is shown in the same way.
"""

import os
import threading
from dataclasses import dataclass
from typing import Literal

from libindex.errors import BusyError, LibindexError
from libindex.library import Library
from libindex.serve.events import Events
from libindex.watching import activity
from libindex.watching.options import Intervals, WatchOptions
from libindex.watching.watcher import Watcher

_LOOK_S = 0.5
_OPTIONS = WatchOptions(intervals=Intervals(roots_s=1.0))  # a folder is added by a click
_IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Watching:
    """Who keeps the library up to date.

    Attributes
    ----------
    state : {"here", "elsewhere", "off"}
        This process, another one, or nobody.
    doing : str
        What it does, in a few words; empty if it waits.
    trouble : str or None
        What it is trying to get over.
    """

    state: Literal["here", "elsewhere", "off"] = "off"
    doing: str = ""
    trouble: str | None = None


class WatchThread:
    """Runs a watcher in a thread. Thread-safe.

    Parameters
    ----------
    library : Library
        What is watched: all its roots, also those that are added later.
    events : Events
        To publish "watching".
    """

    def __init__(self, library: Library, events: Events) -> None:
        self._library = library
        self._events = events
        self._watcher: Watcher | None = None
        self._failure: str | None = None
        self._now = Watching()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def now(self) -> Watching:
        """Who watches, and what it does."""
        return self._now

    def start(self) -> None:
        """Begin."""
        for work in (self._watch, self._look):
            thread = threading.Thread(target=work, name=f"serve{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End, with everything committed."""
        with self._lock:
            self._stopping.set()
            if self._watcher is not None:
                self._watcher.stop()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        """Watch, or wait until whoever else does ends."""
        while watcher := self._next_watcher():
            try:
                watcher.run()
            except BusyError:
                self._failure = None
            except LibindexError as error:
                self._failure = str(error)
            with self._lock:
                self._watcher = None
            self._stopping.wait(5.0)

    def _next_watcher(self) -> Watcher | None:
        """Another one, unless it is time to end: then nobody would stop it."""
        with self._lock:
            is_wanted = not self._stopping.is_set()
            self._watcher = self._library.watcher(options=_OPTIONS) if is_wanted else None
            return self._watcher

    def _look(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            seen = self._seen()
            if seen != self._now:
                self._now = seen
                self._events.publish("watching", as_json(seen))

    def _seen(self) -> Watching:
        current = activity.read(self._library.database.path)
        if current is None:
            return Watching("off", "", self._failure)
        here = self._watcher is not None and self._is_ours(current)
        doing = "" if current.doing == _IDLE else current.doing
        return Watching("here" if here else "elsewhere", doing, current.trouble)

    def _is_ours(self, current: activity.Activity) -> bool:
        return current.holder.pid == os.getpid()


def as_json(watching: Watching) -> dict[str, str | None]:
    """As pages are told."""
    return {"state": watching.state, "doing": watching.doing, "trouble": watching.trouble}
