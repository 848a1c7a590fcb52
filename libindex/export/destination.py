"""Files that are written aside and put in their place in one step."""

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

from libindex.disk.atomic import replacing
from libindex.errors import LibindexError, UsageError
from libindex.paths import PathLike, absolute, is_audio

Destination = PathLike | BinaryIO


@contextlib.contextmanager
def writing_to(target: Destination) -> Iterator[BinaryIO]:
    """A binary file to write to.

    A named one appears under its name when it is complete, over one that was there, and not at
    all if anything goes wrong. What is no regular file, such as ``/dev/null`` or a pipe, is
    written as it is. A link stays one.

    Parameters
    ----------
    target : str, Path or binary file
        Where to write; an open file is left open.

    Yields
    ------
    binary file
        What was written is in its place when the ``with`` statement ends.

    Raises
    ------
    UsageError
        If it has the name of an audio file.
    LibindexError
        If it can't be written.
    """
    if not isinstance(target, str | os.PathLike):
        yield target
        target.flush()
        return
    path = os.path.realpath(absolute(target))
    if is_audio(path) or is_audio(target):
        raise UsageError("has the name of an audio file; libindex never writes to those", target)
    try:
        with _in_place(path) if _is_special(path) else _aside(path) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LibindexError(f"can't be written ({error.strerror or error})", target) from None


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - names that are not UTF-8
    except FileNotFoundError:
        return False


def _in_place(path: str) -> BinaryIO:
    return open(path, "wb")  # noqa: PTH123 - a name that is not UTF-8; the caller closes it


def _aside(path: str) -> AbstractContextManager[BinaryIO]:
    folder = os.path.dirname(path)  # noqa: PTH120
    name = f".libindex-{os.getpid()}-{threading.get_ident()}.part"
    return replacing(path, os.path.join(folder, name))  # noqa: PTH118
