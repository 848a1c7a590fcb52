"""The audio files of a folder, without a library."""

import os

from libindex.errors import LibindexError
from libindex.paths import is_audio


def audio_files(
    folder: str | os.PathLike[str],
    *,
    recursive: bool = False,
    errors: list[LibindexError] | None = None,
) -> list[str]:
    """Paths of the audio files in a directory, hidden ones left out, in order of name.

    Parameters
    ----------
    folder : str or Path
        The directory.
    recursive : bool
        Whether to look into its sub-directories too.
    errors : list, optional
        Gets an error for each sub-directory that can't be read, instead of its being raised.

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
                try:
                    found += audio_files(path, recursive=True, errors=errors)
                except LibindexError as error:
                    if errors is None:
                        raise
                    errors.append(error)
        elif is_audio(name):
            found.append(path)
    return found
