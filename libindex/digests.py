"""The identity of a content: a BLAKE2b digest of a file's bytes."""

import errno
import hashlib
import os
import stat
from typing import BinaryIO

DIGEST_BYTES = 20

# One-shots are read whole. What is larger (a mix, a three-hour recording) is identified by its
# size and by blocks spread evenly over it, the first and the last among them, so that it costs
# no more than a short file.
WHOLE_LIMIT_BYTES = 64 * 2**20
_BLOCKS = 64
_BLOCK_BYTES = 256 * 2**10


def read_and_digest(path: str) -> tuple[bytes | None, bytes, int]:
    """Read a file once for both its identity and its decoding.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    data : bytes or None
        All its bytes; None if it is larger than `WHOLE_LIMIT_BYTES`.
    digest : bytes
        Its digest, `DIGEST_BYTES` long.
    size_bytes : int
        Its size [bytes].

    Raises
    ------
    OSError
        If it can't be read or is no regular file.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - to open a pipe may take for ever
        raise OSError(errno.EINVAL, "not a regular file", path)
    with open(path, "rb") as file:  # noqa: PTH123 - Path refuses nothing here, but adds nothing
        size = os.fstat(file.fileno()).st_size
        if size > WHOLE_LIMIT_BYTES:
            return None, _sampled(file, size), size
        data = file.read(WHOLE_LIMIT_BYTES + 1)
    return data, hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest(), len(data)


def digest_of(path: str) -> bytes:
    """The digest of a file; raises OSError if it can't be read."""
    return read_and_digest(path)[1]


def _sampled(file: BinaryIO, size: int) -> bytes:
    # `person` keeps these apart from digests of whole files.
    state = hashlib.blake2b(digest_size=DIGEST_BYTES, person=b"sampled")
    state.update(size.to_bytes(8, "little"))
    for block in range(_BLOCKS):
        file.seek((size - _BLOCK_BYTES) * block // (_BLOCKS - 1))
        state.update(file.read(_BLOCK_BYTES))
    return state.digest()
