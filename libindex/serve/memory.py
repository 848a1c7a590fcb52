"""Memory of a process that runs for days."""

import contextlib
import ctypes

_M_ARENA_MAX = -8  # of glibc's malloc.h
_ARENAS = 2


def share_heaps() -> None:
    """Have all threads take memory from two heaps.

    By default glibc gives each of the first sixteen threads one of its own on two processors, and
    each keeps what it needed most: with decoded sounds in them that is hundreds of megabytes.
    Other C libraries have no such setting.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
