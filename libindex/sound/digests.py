"""The identity of a content: a BLAKE2b digest of a file's bytes."""

import errno
import hashlib
import io
import os
import stat

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
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > WHOLE_LIMIT_BYTES:
            return None, _sampled(file, size), size
        data = file.read(size + 1)
    state = _new_state()
    state.update(data)
    return data, state.digest(), len(data)


def digest_of(path: str) -> bytes:
    """The digest of a file, read in small blocks; raises OSError if it can't be read."""
    return digest_and_size(path)[0]


def digest_and_size(path: str) -> tuple[bytes, int]:
    """The digest of a file, and of how many bytes it is, as `read_and_digest` has them."""
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > WHOLE_LIMIT_BYTES:
            return _sampled(file, size), size
        return hashlib.file_digest(file, _new_state).digest(), file.tell()


def _opened(path: str) -> io.BufferedReader:
    mode = os.stat(path).st_mode  # noqa: PTH116 - names that are not UTF-8
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "is a folder", path)
    if not stat.S_ISREG(mode):  # to open a pipe may take for ever
        raise OSError(errno.EINVAL, "not a regular file", path)
    return open(path, "rb")  # noqa: PTH123 - for the caller's "with"


def _new_state() -> "hashlib.blake2b":
    return hashlib.blake2b(digest_size=DIGEST_BYTES)


def _sampled(file: io.BufferedReader, size: int) -> bytes:
    # `person` keeps these apart from digests of whole files.
    state = hashlib.blake2b(digest_size=DIGEST_BYTES, person=b"sampled")
    state.update(size.to_bytes(8, "little"))
    for block in range(_BLOCKS):
        file.seek((size - _BLOCK_BYTES) * block // (_BLOCKS - 1))
        state.update(file.read(_BLOCK_BYTES))
    return state.digest()
