import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from libindex import settings as settings_module
from libindex.store.database import Database
from libindex.watching import activity, watcher
from libindex.watching.indexer import Ended, Message, Request, Server
from libindex.watching.watcher import Watcher, WatchOptions

PATIENCE_S = 30.0


class ThreadedIndexer:
    """The indexing process as a thread of this one, so that a test can stand in for its ear."""

    pid = 1

    def __init__(self, settings, told: Callable[[Message], None], *, with_changes: bool) -> None:
        self._server = Server(settings, told, with_changes=with_changes)
        self._told = told
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()

    def request(self, request: Request) -> None:
        self._server.request(request)

    def close(self, patience_s: float) -> None:
        self._server.stop()
        self._thread.join()
        self._told(Ended(self.pid, 0))


class Running:
    """A watcher in a thread of its own."""

    def __init__(self, database: Path, model: Path, *paths: Path, **options: object) -> None:
        self.database = database
        settings = settings_module.load({"db": str(database), "model": str(model), "jobs": 1})
        self.watcher = Watcher(
            Database.open(str(database), create=True),
            settings,
            [str(path) for path in paths],
            WatchOptions(**options),
        )
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.watcher.run()
        except BaseException as error:  # noqa: BLE001 - shown by `stop`
            self.error = error

    def activity(self) -> activity.Activity | None:
        return activity.read(self.database)

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
                # What it shows of itself may be half a second old.
                and not self.watcher._hints
                and self.watcher._inbox.empty()
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


@pytest.fixture
def threaded(ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """Watchers of this test index in this process, with the ear."""
    monkeypatch.setattr(watcher, "IndexerProcess", ThreadedIndexer)


@pytest.fixture
def watch(threaded: None, library, small_model: Path) -> Iterator[Callable[..., Running]]:
    """Start a watcher of the library of `library`: `watch(folder, reconcile_every_s=...)`."""
    with ExitStack() as stack:

        def start(*paths: Path, **options: object) -> Running:
            running = Running(library.database.path, small_model, *paths, **options)
            stack.callback(running.stop)
            return running

        yield start
