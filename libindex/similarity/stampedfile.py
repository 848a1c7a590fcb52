"""A cache file with a stamp: what it was made from, and a checksum.

One line says what kind of file it is, one JSON line has the stamp, the payload's length and its
CRC-32, and the payload follows.
"""

import contextlib
import glob
import io
import json
import mmap
import os
import threading
import time
import zlib
from pathlib import Path

from libindex.disk.atomic import replacing

_MAGIC = b"libindex cache 1\n"
_OLD_S = 3600


def write(path: Path, stamp: str, payload: bytes | memoryview) -> None:
    """Write in one step: a reader sees the old file or the new one.

    Raises
    ------
    OSError
        If it can't be written; then the old file is still there.
    """
    header = {"stamp": stamp, "bytes": len(payload), "crc32": zlib.crc32(payload)}
    _remove_left_overs(path)
    aside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    with replacing(str(path), str(aside)) as file:
        file.write(_MAGIC + json.dumps(header).encode() + b"\n")
        file.write(payload)


def _remove_left_overs(path: Path) -> None:
    """Files that a process left when it was killed while it wrote."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _OLD_S:
                left.unlink()


def read(path: Path) -> tuple[str, memoryview] | None:
    """Stamp and payload, mapped into memory; None if it is missing or damaged in any way."""
    try:
        with path.open("rb") as file:
            if file.readline() != _MAGIC:
                return None
            header = json.loads(file.readline())
            payload = _mapped(file)
        if (len(payload), zlib.crc32(payload)) != (header["bytes"], header["crc32"]):
            return None
        return str(header["stamp"]), payload
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mapped(file: io.BufferedReader) -> memoryview:
    """The rest of a file; read into memory where the file system maps none."""
    try:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError:
        return memoryview(file.read())
    return memoryview(whole)[file.tell() :]


def stamp_of(path: Path) -> str | None:
    """The stamp alone, without looking at the payload; None if there is none."""
    try:
        with path.open("rb") as file:
            return str(json.loads(file.readline())["stamp"]) if file.readline() == _MAGIC else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
