"""A watcher in a thread of its own."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from libindex import settings as settings_module
from libindex.settings import Settings
from libindex.store.database import Database
from libindex.watching import activity
from libindex.watching.activity import Activity
from libindex.watching.indexer import Server
from libindex.watching.messages import Ended, Message, Request
from libindex.watching.notices import Notice, Problem
from libindex.watching.options import WatchOptions
from libindex.watching.places import EventSource
from libindex.watching.system import System
from libindex.watching.watcher import Watcher

PATIENCE_S = 30.0


class ThreadedIndexer:
    """The indexing process as a thread of this one, so that a test can stand in for its ear."""

    _pids = itertools.count(1)

    def __init__(
        self, settings: Settings, on_message: Callable[[Message], None], *, with_changes: bool
    ) -> None:
        self.pid = next(self._pids)
        self._server = Server(settings, on_message, with_changes=with_changes)
        self._on_message = on_message
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()

    def request(self, request: Request) -> None:
        self._server.request(request)

    def close(self, patience_s: float) -> None:
        self._server.stop()
        self._thread.join()
        self._on_message(Ended(self.pid, 0))


SYSTEM = System(start_indexer=ThreadedIndexer)


class Running:
    """A watcher in a thread of its own, which indexes in this process by default."""

    def __init__(
        self, database: Path, model: Path, *paths: Path, system: System = SYSTEM, **options: Any
    ) -> None:
        self.database = database
        settings = settings_module.load({"db": str(database), "model": str(model), "jobs": 1})
        self._start_events = system.start_events
        self.watcher = Watcher(
            Database.open(str(database), create=True),
            settings,
            [str(path) for path in paths],
            WatchOptions(**options),
            replace(system, start_events=self._started_events),
        )
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _started_events(
        self, on_notice: Callable[[Notice], None], on_problem: Callable[[Problem], None]
    ) -> EventSource:
        self.events = self._start_events(on_notice, on_problem)
        self.on_problem = on_problem
        return self.events

    def _run(self) -> None:
        try:
            self.watcher.run()
        except BaseException as error:  # noqa: BLE001 - shown by `stop`
            self.error = error

    def activity(self) -> Activity | None:
        return activity.read(self.database)

    def current(self) -> Activity:
        """What it shows of itself, which must be something."""
        found = self.activity()
        assert found is not None
        return found

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.error is None, self.error
            assert self._thread.is_alive()
            assert time.monotonic() < end, (condition, self.activity())
            time.sleep(0.01)

    def until_quiet(self, seconds: float = 1.2) -> None:
        """Until it has had nothing to do for so long; watchdog keeps moves for half a second."""
        since: list[float] = []

        def is_quiet() -> bool:
            now = self.activity()
            idle = (
                now
                and now.doing == "idle"
                and not now.queue
                and self.watcher.is_idle  # what it shows of itself may be half a second old
                and now.reconciled_at
                and all(folder.how != "offline" for folder in now.folders)
            )
            if not idle:
                since.clear()
            elif not since:
                since.append(time.monotonic())
            return bool(since) and time.monotonic() - since[0] >= seconds

        self.until(is_quiet)

    def stop(self) -> None:
        self.watcher.stop()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        if self.error:
            raise self.error
