"""The process that compares, analyses and records for the watcher.

It is another process because a network, once loaded, costs some 250 MB that Python does not give
back: when there has been nothing to do for a while, it is ended. Nor does a crash in a native
library end the watching. Messages are pickled; when its standard input ends, it stops, with
everything that was done committed.
"""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from libindex.analysis.engine import Engine
from libindex.errors import LibindexError
from libindex.indexing import Change, Indexer, ScanSummary
from libindex.paths import path_fields
from libindex.settings import Settings
from libindex.store import locking
from libindex.store.database import Database
from libindex.watching.messages import Done, Ended, Failed, Message, Recorded, Request, Waiting

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],  # -P: nothing from the current folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        self._thread = threading.Thread(target=self._listen, name="indexer", daemon=True)
        self._thread.start()
        self._send((settings, with_changes))

    @property
    def pid(self) -> int:
        return self._process.pid

    def request(self, request: Request) -> None:
        """Have something done; `Done`, `Failed` or `Ended` will follow."""
        self._send(request)

    def close(self, patience_s: float) -> None:
        """End the process; after `patience_s` by force, which costs what is not committed."""
        with contextlib.suppress(OSError):
            cast("BinaryIO", self._process.stdin).close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()

    def _send(self, message: object) -> None:
        stdin = cast("BinaryIO", self._process.stdin)
        with contextlib.suppress(OSError):  # it has ended, which `_listen` reports
            pickle.dump(message, stdin)
            stdin.flush()

    def _listen(self) -> None:
        stdout = cast("BinaryIO", self._process.stdout)
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._on_message(pickle.load(stdout))  # noqa: S301 - our own child
        stdout.close()
        self._on_message(Ended(self._process.pid, self._process.wait()))


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
            with locking.writing(self._database.path, "watch", self._on_wait, self._stop):
                return self._compare(request)
        return Done(ScanSummary())

    def _compare(self, request: Request) -> Done:
        if request.kind == "update":
            summary = self._indexer.update(
                request.paths, progress=self._send, recorded=self._on_commit, stop=self._stop
            )
        else:
            summary = self._indexer.scan(
                request.paths,
                leave_fresh=True,
                progress=self._send,
                recorded=self._on_commit,
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
            with self._database.reading() as connection:
                self._send(Recorded([self._described(connection, change) for change in changes]))

    def _described(self, connection: "Connection", change: Change) -> dict[str, Any]:
        from libindex import queries
        from libindex.queries import lookup

        description: dict[str, Any] = {"change": change.kind, **path_fields(change.path)}
        if change.previous_path is not None:
            description |= path_fields(change.previous_path, "previous_path")
        sample = lookup.sample_at(connection, change.path)
        if sample is None or change.kind == "removed":
            return description
        network = queries.current_network(connection, self._engine.fingerprint)
        known = queries.info(connection, network, sample)
        for code, probability in list(known.probabilities.items())[:1]:
            description |= {"class": code, "probability": round(probability, 6)}
        if known.facts is not None and known.facts.duration_s is not None:
            description["duration_s"] = round(known.facts.duration_s, 6)
        if known.failure:
            description["reason"] = known.failure
        return description


def main() -> None:
    """Run as the child: serve requests until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, signal.SIG_IGN)  # the parent's business; its end ends us
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a C library prints is no message
    stdin = sys.stdin.buffer
    lock = threading.Lock()

    def send(message: Message) -> None:
        with lock, contextlib.suppress(OSError):  # the parent is gone; our input ends too
            pickle.dump(message, answers)
            answers.flush()

    settings, with_changes = pickle.load(stdin)  # noqa: S301 - from our parent
    try:
        server = Server(settings, send, with_changes=with_changes)
    except LibindexError as error:
        send(Failed(error))
        return

    def listen() -> None:
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                server.request(pickle.load(stdin))  # noqa: S301 - from our parent
        server.stop()

    threading.Thread(target=listen, daemon=True).start()
    server.serve()
