"""What a format of kits has to be: a class with this interface (steps: docs/architecture.md)."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from libindex.kits.kit import Kit, KitError
from libindex.paths import is_utf8, relative_to

MAX_CHOKE_GROUP = 128


class Format(Protocol):
    """A file format of drum kits.

    Attributes
    ----------
    name : str
        As on the command line.
    title : str
        As its programs write it.
    suffix : str
        Ending of the file that programs open.
    plays : frozenset of str
        Containers, as libsndfile names them, that its programs play: samples in another are
        converted to WAV.
    is_archive : bool
        Whether the file holds the samples itself.
    unpacked_name : str
        Of the file that programs keep of an archive once it is unpacked; else empty.
    """

    name: str
    title: str
    suffix: str
    plays: frozenset[str]
    is_archive: bool
    unpacked_name: str

    def write(self, kit: Kit, path: Path) -> None:
        """Write a kit whose samples are where its voices say.

        Samples below the folder of `path` are named relative to it, others absolutely.

        Raises
        ------
        KitError
            If the format can't contain the name of a sample.
        OSError
            If the file can't be written.
        """

    def read(self, path: Path, workspace: Path) -> Kit:
        """Read a kit.

        Parameters
        ----------
        path : Path
            The file.
        workspace : Path
            An empty folder, for the samples of an archive.

        Raises
        ------
        KitError
            If it is damaged, or of another format.
        """


def reference(sample: str, preset: Path) -> str:
    """How a preset names a sample: relative to its own folder if it lies below, else absolute.

    Raises
    ------
    KitError
        If the name is not text (not UTF-8, or with control characters): no preset can contain it.
    """
    below = relative_to(sample, os.fspath(preset.parent.absolute()))
    text = below or sample
    if not is_utf8(text) or not text.isprintable():
        raise KitError("has a name that no preset can contain; copy or link the samples", sample)
    return text


def resolved(text: str, preset: Path) -> str:
    """The absolute path of a sample that a preset names."""
    return os.path.normpath(preset.parent.absolute() / text)


def number(values: Mapping[str, str], name: str, default: float) -> float:
    """A number that a preset may have; the default where it is missing, or no finite number."""
    try:
        value = float(values.get(name, default))
    except ValueError:
        return default
    return value if math.isfinite(value) else default


def choke_group(value: float) -> int:
    """A choke group from a preset: a whole number from 0, which is none, to 128."""
    return min(max(math.floor(value), 0), MAX_CHOKE_GROUP)
