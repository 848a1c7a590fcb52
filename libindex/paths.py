"""File names: as the operating system has them, as bytes to store, as text to show.

In Python a path is a ``str`` as ``os.fsdecode`` gives it: a name that is not UTF-8 carries
surrogates, opens as it is, and turns back into its bytes with ``os.fsencode``.
"""

import os
from functools import lru_cache

PathLike = str | os.PathLike[str]

SUFFIXES = frozenset(
    ".wav .wave .aif .aiff .aifc .flac .ogg .oga .opus .mp3 .caf .w64 .rf64 .au .snd".split()
)
"""Endings of the files that are looked at, in lower case."""


def is_audio(path: PathLike) -> bool:
    """Whether a file is called as audio files are."""
    return os.path.splitext(path)[1].lower() in SUFFIXES  # noqa: PTH122


def absolute(path: PathLike) -> str:
    """`path` with ``~`` expanded, made absolute and normalised; symbolic links are kept."""
    # Not with pathlib, which keeps ".." and stumbles over a file that is called "~kick.wav".
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111


def display(path: PathLike | bytes) -> str:
    r"""`path` on one line that any terminal and log can print.

    Bytes that are not UTF-8 and control characters become ``\xff`` escapes.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def to_text(path: PathLike | bytes) -> str:
    """`path` as valid Unicode: bytes that are not UTF-8 become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


def is_utf8(path: PathLike) -> bool:
    """Whether `path` can be written as text without loss."""
    if isinstance(path, str) and path.isascii():
        return True
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def path_fields(path: str, name: str = "path") -> dict[str, str]:
    """A path for JSON: as text, and where that loses something, its bytes in hexadecimal."""
    if is_utf8(path):
        return {name: path}
    return {name: to_text(path), f"{name}_hex": os.fsencode(path).hex()}


def relative_to(path: str, folder: str) -> str | None:
    """`path` relative to `folder`, ``""`` for the folder itself, None if it is not under it."""
    if path == folder:
        return ""
    prefix = folder if folder.endswith(os.sep) else folder + os.sep
    return path[len(prefix) :] if path.startswith(prefix) else None


def join(root: str | bytes, relative: str | bytes) -> str:
    """The path of a stored sample: its root and its path below it."""
    return _opened(root) + os.fsdecode(relative)


@lru_cache(maxsize=256)
def _opened(root: str | bytes) -> str:
    """A folder's path with a separator at its end."""
    return os.path.join(os.fsdecode(root), "")  # noqa: PTH118 - surrogates
