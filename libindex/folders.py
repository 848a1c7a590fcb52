"""The audio files of a folder, without a library."""

import os

from libindex.errors import LibindexError
from libindex.paths import SUFFIXES


def audio_files(folder: str | os.PathLike[str], *, recursive: bool = False) -> list[str]:
    """Paths of the audio files in a directory, hidden ones left out, in order of name.

    Raises
    ------
    LibindexError
        If it is not a directory or can't be read.
    """
    top = os.fspath(folder)
    try:
        entries = sorted(os.listdir(top))
    except OSError as error:
        raise LibindexError(f"can't be listed ({error.strerror})", top) from None
    found = []
    for name in entries:
        path = os.path.join(top, name)  # noqa: PTH118 - keeps the beginning as it was given
        if name.startswith("."):
            continue
        if os.path.isdir(path):  # noqa: PTH112
            if recursive and not os.path.islink(path):  # noqa: PTH114
                found += audio_files(path, recursive=True)
        elif os.path.splitext(name)[1].lower() in SUFFIXES:  # noqa: PTH122
            found.append(path)
    return found
