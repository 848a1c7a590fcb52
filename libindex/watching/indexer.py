"""The process that looks, analyses and records for the watcher.

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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from libindex.analysis.engine import Engine
from libindex.errors import LibindexError
from libindex.indexing import Change, Indexer, Progress, ScanSummary
from libindex.paths import path_fields
from libindex.settings import Settings
from libindex.store import locking
from libindex.store.database import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PROGRAM = "from libindex.watching.indexer import main; main()"


@dataclass(frozen=True, slots=True)
class Request:
    """What the process is to do.

    Attributes
    ----------
    kind : {"reconcile", "update", "refresh", "warm up"}
        Compare whole folders; look at some paths; bring the neighbour index up to date; load the
        network, since something is coming.
    paths : tuple of str
        Where; none stands for all roots.
    """

    kind: Literal["reconcile", "update", "refresh", "warm up"]
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """Changes that were committed, as they are told to a hook."""

    changes: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another process writes; this one waits for it."""

    holder: str


@dataclass(frozen=True, slots=True)
class Done:
    """A request was carried out."""

    summary: ScanSummary


@dataclass(frozen=True, slots=True)
class Failed:
    """A request could not be carried out, or not to its end."""

    error: LibindexError


@dataclass(frozen=True, slots=True)
class Ended:
    """The process ended."""

    pid: int
    status: int


Message = Progress | Recorded | Waiting | Done | Failed | Ended


class IndexerProcess:
    """The parent's side.

    Parameters
    ----------
    settings : Settings
        How to analyse, and for which library.
    told : callable
        Called with each `Message`, from another thread.
    with_changes : bool
        Whether to tell of every change.
    """

    def __init__(
        self, settings: Settings, told: Callable[[Message], None], *, with_changes: bool
    ) -> None:
        self._told = told
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
        """Have something done; `Done`, `Failed` or `Ended` will tell of its end."""
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
        with contextlib.suppress(OSError):  # it has ended, which `_listen` tells
            pickle.dump(message, stdin)
            stdin.flush()

    def _listen(self) -> None:
        stdout = cast("BinaryIO", self._process.stdout)
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._told(pickle.load(stdout))  # noqa: S301 - our own child
        stdout.close()
        self._told(Ended(self._process.pid, self._process.wait()))


class Server:
    """The child's side: carries out requests, one after the other.

    Parameters
    ----------
    settings : Settings
        How to analyse, and for which library.
    tell : callable
        Called with each `Message`.
    with_changes : bool
        Whether to tell of every change.
    """

    def __init__(
        self, settings: Settings, tell: Callable[[Message], None], *, with_changes: bool
    ) -> None:
        self._tell = tell
        self._with_changes = with_changes
        self._stop = threading.Event()
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
                    self._tell(Done(self._carried_out(request)))
                except LibindexError as error:
                    self._tell(Failed(error))
                except KeyboardInterrupt:  # it was stopped while it waited for another writer
                    return

    def _carried_out(self, request: Request) -> ScanSummary:
        if request.kind == "warm up":
            self._indexer.warm_up()
            return ScanSummary()
        if request.kind == "refresh":
            self._indexer.refresh_neighbours()
            return ScanSummary()
        with locking.writing(self._database.path, "watch", self._waiting, self._stop):
            if request.kind == "update":
                return self._indexer.update(
                    request.paths, progress=self._tell, recorded=self._recorded, stop=self._stop
                )
            return self._indexer.scan(
                request.paths,
                leave_fresh=True,
                progress=self._tell,
                recorded=self._recorded,
                stop=self._stop,
            )

    def _waiting(self, holder: str) -> None:
        self._tell(Waiting(holder))

    def _recorded(self, changes: list[Change]) -> None:
        if self._with_changes:
            with self._database.reading() as connection:
                self._tell(Recorded([self._described(connection, change) for change in changes]))

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

    def tell(message: Message) -> None:
        with lock, contextlib.suppress(OSError):  # the parent is gone; our input ends too
            pickle.dump(message, answers)
            answers.flush()

    settings, with_changes = pickle.load(stdin)  # noqa: S301 - from our parent
    try:
        server = Server(settings, tell, with_changes=with_changes)
    except LibindexError as error:
        tell(Failed(error))
        return

    def listen() -> None:
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                server.request(pickle.load(stdin))  # noqa: S301 - from our parent
        server.stop()

    threading.Thread(target=listen, daemon=True).start()
    server.serve()
