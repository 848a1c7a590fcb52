"""Hydrogen's drum kits, in the form of its version 1.2: an archive of a folder, or the folder.

The folder holds `drumkit.xml`, which `hydrogen_instruments` writes and reads, and the samples.
"""

import gzip
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast
from unicodedata import combining, normalize

from libindex.kits.files import content
from libindex.kits.formats import xml
from libindex.kits.formats.hydrogen_instruments import from_xml, label, to_xml
from libindex.kits.kit import Kit, KitError
from libindex.paths import to_text

_KEPT = set(" -_.()+&!@")  # in names, besides letters and digits of ASCII
_MAX_NAME_LENGTH = 80
_GZIP = b"\x1f\x8b"
_MAX_BYTES = 2**30  # of one sample
_MAX_BYTES_OF_ALL = 4 * 2**30
_MAX_MEMBERS = 2_000
_BLOCK_BYTES = 2**20


class Hydrogen:
    """The format of Hydrogen, a drum machine; it has no place for stereo width and tremolo."""

    name = "hydrogen"
    title = "Hydrogen"
    suffix = ".h2drumkit"
    # Whatever libsndfile reads; these were played, see tests/kits/test_in_programs.py.
    plays = frozenset("WAV WAVEX AIFF FLAC OGG MP3 CAF W64 RF64 AU".split())
    is_archive = True
    unpacked_name = "drumkit.xml"  # in the folders of kits that are installed

    def write(self, kit: Kit, path: Path) -> None:
        """Write a kit; see `Format.write`."""
        # Hydrogen knows a kit by the name of its folder. Names are ASCII, since it fails to unpack
        # others where the locale is "C".
        folder = _ascii(kit.name)
        names = _file_names(kit)
        with (
            path.open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
        ):
            description = to_xml(kit, names)
            _add(
                archive, f"{folder}/{self.unpacked_name}", io.BytesIO(description), len(description)
            )
            for sample, name in names.items():
                with _sample(sample) as source:
                    _add(archive, f"{folder}/{name}", source, os.fstat(source.fileno()).st_size)

    def read(self, path: Path, workspace: Path) -> Kit:
        """Read a kit; see `Format.read`.

        Where an instrument has several layers, the one of the loudest velocity counts.
        """
        if path.name == self.unpacked_name:
            root = xml.parse(content(path, xml.MAX_BYTES), path, "drumkit_info")
            return from_xml(root, path, lambda name: _installed(name, path.absolute().parent))
        with _archive(path) as archive:
            members = _members(archive, path)
            description = min(
                (name for name in members if name.name == self.unpacked_name),
                key=lambda name: len(name.parts),
                default=None,
            )
            if description is None:
                raise KitError(f"contains no {self.unpacked_name}; it is not a Hydrogen kit", path)
            packed = _opened(archive, members[description], path)
            root = xml.parse(packed.read(xml.MAX_BYTES + 1), path, "drumkit_info")
            kit = from_xml(root, path, lambda name: workspace / name.name)
            _unpack(archive, _samples(kit, members, description.parent, path), path)
        return kit


def _ascii(text: str) -> str:
    """`text` as a file name that every system and locale takes."""
    letters = (c for c in normalize("NFKD", to_text(text)) if not combining(c))
    kept = "".join(c if c.isascii() and (c.isalnum() or c in _KEPT) else "_" for c in letters)
    return " ".join(kept.split())[:_MAX_NAME_LENGTH].strip(". ") or "kit"


def _installed(name: PurePosixPath, folder: Path) -> Path:
    """Where an installed kit has a sample: in its folder or below, and nowhere else."""
    flat = folder / name.name
    is_below = not name.is_absolute() and ".." not in name.parts
    return folder / name if is_below and not os.path.exists(flat) else flat  # noqa: PTH110


def _file_names(kit: Kit) -> dict[str, str]:
    """What each sample is called in the archive: by the first key that plays it."""
    names: dict[str, str] = {}
    for voice in kit.voices:
        ending = Path(to_text(voice.sample)).suffix.lower()
        safe = ending if ending.isascii() and ending[1:].isalnum() else ".wav"
        names.setdefault(voice.sample, f"{voice.key:03} {_ascii(label(voice))}{safe}")
    return names


@contextmanager
def _sample(sample: str) -> Iterator[IO[bytes]]:
    try:
        source = open(os.fsencode(sample), "rb")  # noqa: PTH123, SIM115 - any bytes may be a name
    except OSError as error:
        raise KitError(f"can't be read ({error.strerror})", sample) from None
    with source:
        yield source


def _add(archive: tarfile.TarFile, name: str, source: IO[bytes], size: int) -> None:
    """Add a file; the same kit gives the same archive, whoever writes it and when."""
    member = tarfile.TarInfo(name)
    member.size = size
    archive.addfile(member, source)


@contextmanager
def _archive(path: Path) -> Iterator[tarfile.TarFile]:
    """An open archive; whatever is wrong with it while it is read is a `KitError`."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise KitError(f"can't be read ({error.strerror})", path) from None
    try:
        with file, _decompressed(file) as source:
            with tarfile.open(fileobj=source, mode="r:") as archive:
                yield archive
            # What is damaged is known from the checksum at the end.
            for _ in range(_MAX_BYTES // _BLOCK_BYTES):
                if not source.read(_BLOCK_BYTES):
                    break
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise KitError(f"is not a kit archive, or is damaged ({error})", path) from None
    except OSError as error:
        raise KitError(f"can't be unpacked ({error.strerror})", path) from None


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    is_packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if is_packed else file


def _members(archive: tarfile.TarFile, path: Path) -> dict[PurePosixPath, tarfile.TarInfo]:
    """The files in an archive; links and whatever else there may be are left out."""
    members: dict[PurePosixPath, tarfile.TarInfo] = {}
    for count, member in enumerate(archive):
        if count == _MAX_MEMBERS or member.size > _MAX_BYTES:
            raise KitError("is larger than a kit can be", path)
        if member.isreg():
            members[PurePosixPath(member.name)] = member
    return members


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> IO[bytes]:
    opened = archive.extractfile(member)
    if opened is None:
        raise KitError("has something else in the place of a file", path)
    return opened


def _samples(
    kit: Kit, members: Mapping[PurePosixPath, tarfile.TarInfo], folder: PurePosixPath, path: Path
) -> dict[Path, tarfile.TarInfo]:
    """The files of a kit's samples, in their order in the archive.

    A sample lies beside the description, or else somewhere below its folder.
    """
    found = {}
    named = {
        place.name: member
        for place, member in members.items()
        if place.is_relative_to(folder) and ".." not in place.parts and not place.is_absolute()
    }
    for sample in {Path(voice.sample) for voice in kit.voices}:
        member = members.get(folder / sample.name) or named.get(sample.name)
        if member is None:
            raise KitError(f"has no sample {to_text(sample.name)[:200]!r}", path)
        found[sample] = member
    if sum(member.size for member in found.values()) > _MAX_BYTES_OF_ALL:
        raise KitError("is larger than a kit can be", path)
    return dict(sorted(found.items(), key=lambda item: item[1].offset))


def _unpack(archive: tarfile.TarFile, samples: Mapping[Path, tarfile.TarInfo], path: Path) -> None:
    # Only here is anything unpacked, and under names without folders: nothing lands elsewhere.
    for target, member in samples.items():
        with target.open("xb") as file:
            shutil.copyfileobj(_opened(archive, member, path), file)
