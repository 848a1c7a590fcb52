"""Read files of unknown origin."""

from pathlib import Path

from libindex.kits.kit import KitError


def content(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file; one more than `max_bytes` if it is larger.

    Raises
    ------
    KitError
        If it can't be read, or is not a regular file: reading a pipe would block.
    """
    try:
        if path.exists() and not path.is_file():
            raise KitError("is not a file", path)
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise KitError(f"can't be read ({error.strerror})", path) from None
    except ValueError:  # a name with a NUL
        raise KitError("can't be read (no such name)", path) from None
