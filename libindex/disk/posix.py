"""What only POSIX systems have, behind functions that do the next best elsewhere."""

import contextlib
import errno
import faulthandler
import os
import signal
import sys
from collections.abc import Iterator
from typing import Literal

_MAX_S = 1e6  # more overflows the system's timers


def lower_priority(niceness: int) -> None:
    """Let other processes go first: be at least this nice, from 0 to 19; nothing elsewhere."""
    if sys.platform != "win32":
        os.nice(max(0, niceness - os.nice(0)))


def is_process_running(pid: int) -> bool:
    """Whether there is a process of this number; elsewhere it is taken to be there."""
    if sys.platform == "win32":  # where os.kill would end it
        return True
    try:
        os.kill(pid, 0)  # sends nothing
    except PermissionError:  # it is somebody else's
        return True
    except (OSError, OverflowError, TypeError):
        return False
    return True


def is_read_only(folder: bytes) -> bool:
    """Whether it lies on a disk that nobody can write to."""
    if sys.platform == "win32":
        return False
    return bool(os.statvfs(folder or b".").f_flag & os.ST_RDONLY)


@contextlib.contextmanager
def locked_folder(folder: str) -> Iterator[None]:
    """Keep out others who lock the same folder; the system lets go when the process ends.

    Raises
    ------
    BlockingIOError
        If another process has locked it.
    """
    if sys.platform == "win32":  # which locks no folders
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EWOULDBLOCK, errno.EAGAIN}:
                raise
            # Not every network drive can lock a folder.
        yield
    finally:
        os.close(handle)


def limit_time(cpu_s: float, clock_s: float) -> None:
    """End this process when it has computed for so long, or when so much time has passed [s].

    Nobody handles the signals, so they end the process even inside of a C library; `limit_hit`
    recognises its exit status. Where there are no such timers, only the clock counts.
    """
    if sys.platform == "win32":
        faulthandler.dump_traceback_later(min(clock_s, _MAX_S), exit=True)
    else:
        signal.setitimer(signal.ITIMER_PROF, min(cpu_s, _MAX_S))
        signal.setitimer(signal.ITIMER_REAL, min(clock_s, _MAX_S))


def lift_limit() -> None:
    """Undo `limit_time`."""
    if sys.platform == "win32":
        faulthandler.cancel_dump_traceback_later()
    else:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def limit_hit(status: int) -> Literal["cpu", "clock"] | None:
    """Which limit of `limit_time` a process ran into, by its exit status."""
    if sys.platform == "win32":
        return None
    limits: dict[int, Literal["cpu", "clock"]] = {
        -signal.SIGPROF: "cpu",
        -signal.SIGALRM: "clock",
    }
    return limits.get(status)
