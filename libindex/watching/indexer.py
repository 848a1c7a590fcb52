"""The process that compares, analyses and records for the watcher.

It is another process because a network, once loaded, costs some 250 MB that Python does not give
back: when there has been nothing to do for a while, it is ended. Nor does a crash in a native
library end the watching. Messages are pickled; when its standard input ends, it stops, with
everything that was done committed.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from libindex.analysis.children import CLOSED, Child, Parent
from libindex.analysis.engine import Engine
from libindex.errors import LibindexError
from libindex.indexing import Change, Indexer, ScanSummary
from libindex.paths import path_fields
from libindex.settings import Settings
from libindex.store import locking
from libindex.store.database import Database
from libindex.watching.messages import Done, Ended, Failed, Message, Recorded, Request, Waiting

_PROGRAM = "from libindex.watching.indexer import main; main()"


class IndexerProcess:
    """The parent's side.

    Parameters
    ----------
    settings : Settings
        How to analyse, and for which library.
    on_message : callable
        Called with each `Message`, from another thread.
    with_changes : bool
        Whether to send a message for every change.
    """

    def __init__(
        self, settings: Settings, on_message: Callable[[Message], None], *, with_changes: bool
    ) -> None:
        self._on_message = on_message
        self._child = Child(_PROGRAM)
        self._thread = threading.Thread(target=self._listen, name="indexer", daemon=True)
        self._thread.start()
        self._send((settings, with_changes))

    @property
    def pid(self) -> int:
        return self._child.pid

    def request(self, request: Request) -> None:
        """Have something done; `Done`, `Failed` or `Ended` will follow."""
        self._send(request)

    def close(self, patience_s: float) -> None:
        """End the process; after `patience_s` by force, which costs what is not committed."""
        self._child.close_input()
        if self._child.wait(patience_s) is None:
            self._child.kill()
        self._thread.join()

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # it has ended, which `_listen` reports
            self._child.send(message)

    def _listen(self) -> None:
        with contextlib.suppress(*CLOSED):
            while True:
                self._on_message(self._child.receive())
        status = self._child.wait()
        self._child.close()
        self._on_message(Ended(self._child.pid, status or 0))


class Server:
    """The child's side: carries out requests, one after the other.

    Parameters
    ----------
    settings : Settings
        How to analyse, and for which library.
    send : callable
        Called with each `Message`.
    with_changes : bool
        Whether to send a message for every change.
    """

    def __init__(
        self, settings: Settings, send: Callable[[Message], None], *, with_changes: bool
    ) -> None:
        self._send = send
        self._with_changes = with_changes
        self._stop = threading.Event()
        self._new_failures = 0
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._database = Database.open(settings.db, create=True)
        self._engine = Engine(settings)
        self._indexer = Indexer(self._database, self._engine)

    def request(self, request: Request) -> None:
        """Have something done, from another thread."""
        self._requests.put(request)

    def stop(self) -> None:
        """End soon, with everything that was done committed; from another thread."""
        self._stop.set()
        self._requests.put(None)

    def serve(self) -> None:
        """Carry out requests until `stop`."""
        with self._engine, self._indexer:
            while (request := self._requests.get()) and not self._stop.is_set():
                try:
                    self._send(self._carry_out(request))
                except LibindexError as error:
                    self._send(Failed(error))
                except KeyboardInterrupt:  # it was stopped while it waited for another writer
                    return

    def _carry_out(self, request: Request) -> Done:
        if request.kind == "warm up":
            self._indexer.warm_up()
        elif request.kind == "refresh":
            self._indexer.refresh_neighbours()
        else:
            with locking.writer_lock(self._database.path, "watch", self._on_wait, self._stop):
                return self._compare(request)
        return Done(ScanSummary())

    def _compare(self, request: Request) -> Done:
        if request.kind == "update":
            summary = self._indexer.update(
                request.paths, on_progress=self._send, on_commit=self._on_commit, stop=self._stop
            )
        else:
            summary = self._indexer.scan(
                request.paths,
                leave_fresh=True,
                on_progress=self._send,
                on_commit=self._on_commit,
                stop=self._stop,
            )
        done = Done(summary, self._new_failures)
        self._new_failures = 0
        return done

    def _on_wait(self, holder: str) -> None:
        self._send(Waiting(holder))

    def _on_commit(self, changes: list[Change]) -> None:
        self._new_failures += sum(change.kind == "failed" for change in changes)
        if self._with_changes:
            self._send(Recorded([_described(change) for change in changes]))


def _described(change: Change) -> dict[str, Any]:
    """A change as a hook gets it, without what is not known."""
    description: dict[str, Any] = {"change": change.kind, **path_fields(change.path)}
    if change.previous_path is not None:
        description |= path_fields(change.previous_path, "previous_path")
    if change.class_code is not None and change.probability is not None:
        description |= {"class": change.class_code, "probability": round(change.probability, 6)}
    if change.duration_s is not None:
        description["duration_s"] = round(change.duration_s, 6)
    if change.reason is not None:
        description["reason"] = change.reason
    return description


def main() -> None:
    """Run as the child: serve requests until standard input ends."""
    parent = Parent()

    def send(message: Message) -> None:
        with contextlib.suppress(OSError):  # the parent is gone; our input ends too
            parent.send(message)

    settings, with_changes = parent.receive()
    try:
        server = Server(settings, send, with_changes=with_changes)
    except LibindexError as error:
        send(Failed(error))
        return

    def listen() -> None:
        with contextlib.suppress(*CLOSED):
            while True:
                server.request(parent.receive())
        server.stop()

    threading.Thread(target=listen, daemon=True).start()
    server.serve()
