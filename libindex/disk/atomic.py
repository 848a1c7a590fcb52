"""Files that are replaced in one step: a reader sees the old one or the new one, whole."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import BinaryIO, Literal


@contextlib.contextmanager
def replacing(path: str, aside: str, mode: Literal["wb", "xb"] = "wb") -> Iterator[BinaryIO]:
    """A file to write, which takes the place of another when all of it is on the disk.

    Parameters
    ----------
    path : str
        The file to replace, if it is there; the new one gets its permissions.
    aside : str
        Where the new one is written, in the same folder; removed after an error.
    mode : {"wb", "xb"}
        "xb": it is an error if something is at `aside` already.

    Raises
    ------
    OSError
        If it can't be written; then the old file is still there.
    """
    file = open(aside, mode)  # noqa: PTH123, SIM115 - a name that is not UTF-8
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(path, aside)
        os.replace(aside, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(aside)  # noqa: PTH108
        raise
