"""One writer and one watcher at a time: lock files beside the database, and who holds them."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from libindex.disk.posix import is_process_running
from libindex.errors import BusyError, DatabaseError

_LOOK_S = 0.3  # how often somebody who waits looks whether to stop


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that writes.

    Attributes
    ----------
    command : str
        What it does, such as "scan".
    pid : int
        Its process id.
    host : str
        Its machine.
    since : int
        When it began [s since 1970].
    """

    command: str
    pid: int
    host: str
    since: int

    def __str__(self) -> str:
        started = time.strftime("%H:%M", time.localtime(self.since))
        return f"libindex {self.command} (process {self.pid} on {self.host}, since {started})"


@contextlib.contextmanager
def writer_lock(
    database: Path,
    command: str,
    on_wait: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[None]:
    """Hold a database for writing.

    The operating system lets go of the lock when its process ends, however it ends.

    Parameters
    ----------
    database : Path
        The database file.
    command : str
        What this process is about to do.
    on_wait : callable, optional
        Called once with the name of the holder if there is one; then this waits for it.
        Without it, this does not wait.
    stop : threading.Event, optional
        Ends the waiting, with KeyboardInterrupt, when it is set.

    Raises
    ------
    BusyError
        If somebody else holds it and `on_wait` is None.
    """
    lock = FileLock(database.with_name(database.name + ".lock"))
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            name = str(holder(database) or "another process")
            if on_wait is None:
                raise BusyError(f"is being written by {name}", database) from None
            on_wait(name)
            _wait(lock, stop)
    except OSError as error:
        raise DatabaseError(f"can't be locked for writing ({error.strerror})", database) from None
    note = _note(database)
    try:
        with contextlib.suppress(OSError):  # only a note; on a full disk the lock still counts
            note.write_text(json.dumps(asdict(this_process(command))), encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def watcher_lock(database: Path) -> Iterator[None]:
    """Hold a database for watching, which somebody else may write meanwhile.

    Raises
    ------
    BusyError
        If somebody else watches it.
    """
    with _only_one(database, "watch", "watched"):
        yield


@contextlib.contextmanager
def server_lock(database: Path) -> Iterator[None]:
    """Hold a database as the one server of its page.

    Raises
    ------
    BusyError
        If somebody else serves it.
    """
    with _only_one(database, "serve", "served"):
        yield


def is_served(database: Path) -> bool:
    """Whether a server of its page runs."""
    try:
        with server_lock(database):
            return False
    except BusyError:
        return True


@contextlib.contextmanager
def map_lock(database: Path) -> Iterator[None]:
    """Hold a database to draw its map anew, which somebody else may write meanwhile.

    Raises
    ------
    BusyError
        If somebody else draws it.
    """
    with _only_one(database, "map", "mapped"):
        yield


@contextlib.contextmanager
def _only_one(database: Path, name: str, done: str) -> Iterator[None]:
    lock = FileLock(database.with_name(f"{database.name}.{name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(f"is being {done} by another process", database) from None
    except OSError as error:
        raise DatabaseError(f"can't be locked to be {done} ({error.strerror})", database) from None
    try:
        yield
    finally:
        lock.release()


def this_process(command: str) -> Holder:
    """Our own process as a holder."""
    return Holder(command, os.getpid(), socket.gethostname(), int(time.time()))


def _wait(lock: FileLock, stop: threading.Event | None) -> None:
    while True:
        try:
            lock.acquire(timeout=_LOOK_S)
        except Timeout:
            if stop is not None and stop.is_set():
                raise KeyboardInterrupt from None
        else:
            return


def holder(database: Path) -> Holder | None:
    """Who holds a database for writing, as far as is known."""
    try:
        found = Holder(**json.loads(_note(database).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if is_running(found) else None


def is_running(found: Holder) -> bool:
    """Whether a process that left a note is still there, as far as this machine knows."""
    if found.host != socket.gethostname():
        return True
    return is_process_running(found.pid)


def _note(database: Path) -> Path:
    return database.with_name(database.name + ".writer")
