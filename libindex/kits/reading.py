"""Read kits, whatever program made them."""

import os
from dataclasses import replace
from pathlib import Path

import soundfile

from libindex.kits import manifest
from libindex.kits.formats import FORMATS, Format
from libindex.kits.kit import MANIFEST, Kit, KitError, Voice


def read(path: Path, workspace: Path) -> Kit:
    """Read a kit.

    Parameters
    ----------
    path : Path
        A preset of any of `FORMATS`, a ``kit.json``, or a folder with either; also a Hydrogen
        kit that is installed, by its folder or its ``drumkit.xml``.
    workspace : Path
        An empty folder, for the samples of an archive.

    Returns
    -------
    Kit
        With absolute paths of its samples, which need not exist.

    Raises
    ------
    KitError
        If it is not a kit, or is damaged.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from libindex.kits import read
    >>> folder = Path(mkdtemp())
    >>> _ = (folder / "mine.sfz").write_text("<region> key=c2 sample=kick.wav")
    >>> [voice.key for voice in read(folder / "mine.sfz", folder).voices]
    [36]
    """
    if path.is_dir():
        return _of_folder(path, workspace)
    if not path.exists():
        raise KitError("no such kit", path)
    if path.name == MANIFEST:
        return manifest.read(path.parent)[0]
    return _format_of(path).read(path, workspace)


def with_lengths(kit: Kit) -> Kit:
    """The same kit with the lengths of samples that can be opened."""
    return replace(kit, voices=tuple(_with_length(voice) for voice in kit.voices))


def _with_length(voice: Voice) -> Voice:
    # A pipe would be waited for.
    if voice.duration_s is not None or not os.path.isfile(voice.sample):  # noqa: PTH113
        return voice
    try:
        return replace(voice, duration_s=soundfile.info(os.fsencode(voice.sample)).duration)
    except soundfile.LibsndfileError:
        return voice


def _of_folder(folder: Path, workspace: Path) -> Kit:
    if (folder / MANIFEST).exists():
        return manifest.read(folder)[0]
    try:
        presets = sorted(p for p in folder.iterdir() if _by_name(p) and p.is_file())
    except OSError as error:
        raise KitError(f"can't be listed ({error.strerror})", folder) from None
    if presets:
        return read(presets[0], workspace)
    return FORMATS["folder"].read(folder, workspace)


def _format_of(path: Path) -> Format:
    known = _by_name(path)
    if known is None:
        endings = ", ".join(f.suffix for f in FORMATS.values() if f.suffix)
        raise KitError(f"is not a kit: its name ends in none of {endings}", path)
    return known


def _by_name(path: Path) -> Format | None:
    suffix = path.suffix.lower()
    for known in FORMATS.values():
        if (suffix and known.suffix == suffix) or known.unpacked_name == path.name:
            return known
    return None
