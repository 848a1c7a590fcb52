"""The shelf: a folder of links to chosen sounds, which a DAW or a sampler keeps open.

A list beside the links says which of them are ours: nothing else is ever removed. Where a disk
takes no links, copies are made.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from libindex.disk.atomic import replacing
from libindex.disk.stamps import Stamp
from libindex.errors import LibindexError
from libindex.export.names import Wanted, assigned

_LIST = ".libindex-shelf.json"
_PART = ".libindex-shelf.part"
_VERSION = 1
_HERE = "shelf"  # what names of files are assigned in


@dataclass(frozen=True, slots=True)
class Entry:
    """A sound on the shelf.

    Attributes
    ----------
    name : str
        Of the link.
    source : str
        The file (absolute).
    digest : str
        Of its content, in hexadecimal, to find it again when it was moved.
    """

    name: str
    source: str
    digest: str


class Shelf:
    """The shelf in a folder, which is made when the first sound is put onto it.

    Parameters
    ----------
    folder : str
        Absolute.

    Raises
    ------
    LibindexError
        From all methods, if the folder or its list can't be read or written.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def entries(self, find: Callable[[str], str | None] = lambda _: None) -> list[Entry]:
        """What is on the shelf, in the order in which it was put there.

        Parameters
        ----------
        find : callable
            Given a digest, where a file with that content is now. Links to files that are not
            there any more are made anew; those that somebody removed are forgotten.
        """
        kept, is_other = [], False
        for entry in self._read():
            if not os.path.lexists(self._at(entry.name)):
                is_other = True
                continue
            now = entry
            if not os.path.exists(entry.source):  # noqa: PTH110 - a name that is not UTF-8
                source = find(entry.digest)
                if source is not None and self._is_ours(entry):
                    now = Entry(entry.name, source, entry.digest)
                    os.unlink(self._at(entry.name))  # noqa: PTH108
                    self._make(now)
            is_other = is_other or now != entry
            kept.append(now)
        if is_other:
            self._write(kept)
        return kept

    def add(self, files: Sequence[tuple[str, str]]) -> list[Entry]:
        """Put files onto the shelf: each by its path and its digest; what is there stays."""
        before = self.entries()
        known = {entry.source for entry in before}
        new = dict(one for one in files if one[0] not in known)
        wanted = [Wanted(_HERE, source) for source in (*known, *new)]
        places = {(_HERE, entry.source): f"{_HERE}/{entry.name}" for entry in before}
        taken = {entry.name for entry in before}
        paths = assigned(wanted, places, lambda path: self._is_foreign(path, taken))
        names = {one.source: path.removeprefix(f"{_HERE}/") for path, one in paths.items()}
        added = [Entry(names[source], source, digest) for source, digest in new.items()]
        try:
            os.makedirs(self.folder, exist_ok=True)  # noqa: PTH103
        except OSError as error:
            raise LibindexError(f"can't be made ({error.strerror})", self.folder) from None
        self._write([*before, *added])  # before they are made, so that none is forgotten
        for entry in added:
            self._make(entry)
        return [*before, *added]

    def remove(self, digests: Sequence[str]) -> list[Entry]:
        """Take sounds off the shelf; files that are not as they were made are left alone."""
        unwanted = set(digests)
        before = self.entries()
        for entry in before:
            if entry.digest in unwanted and self._is_ours(entry):
                os.unlink(self._at(entry.name))  # noqa: PTH108
        kept = [entry for entry in before if entry.digest not in unwanted]
        self._write(kept)
        return kept

    def _at(self, name: str) -> str:
        return os.path.join(self.folder, name)  # noqa: PTH118 - names that are not UTF-8

    def _is_foreign(self, path: str, ours: set[str]) -> bool:
        name = path.removeprefix(f"{_HERE}/")
        return name not in ours and os.path.lexists(self._at(name))

    def _is_ours(self, entry: Entry) -> bool:
        """Whether a link or a copy is as it was made."""
        path = self._at(entry.name)
        if os.path.islink(path):  # noqa: PTH114
            return os.readlink(path) == entry.source  # noqa: PTH115
        one, other = Stamp.of(path), Stamp.of(entry.source)
        return one is not None and other is not None and one.size_and_mtime == other.size_and_mtime

    def _make(self, entry: Entry) -> None:
        try:
            os.symlink(entry.source, self._at(entry.name))  # noqa: PTH211
        except OSError:  # Windows without the right to, FAT
            part = self._at(_PART)
            try:
                shutil.copy2(entry.source, part)
                os.replace(part, self._at(entry.name))  # noqa: PTH105
            except OSError as error:
                reason = f"can't be put onto the shelf ({error.strerror})"
                raise LibindexError(reason, entry.source) from None

    def _read(self) -> list[Entry]:
        path = self._at(_LIST)
        try:
            with open(path, encoding="ascii") as file:  # noqa: PTH123
                content = json.load(file)
            found = [Entry(**one) for one in content["entries"]]
            is_known = content["version"] == _VERSION
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LibindexError(f"can't be read ({error.strerror})", path) from None
        except (ValueError, KeyError, TypeError):
            raise LibindexError("is damaged or newer than this libindex", path) from None
        # A name is no way out of the folder.
        if not is_known or any(os.path.basename(one.name) != one.name for one in found):  # noqa: PTH119
            raise LibindexError("is damaged or newer than this libindex", path)
        return found

    def _write(self, entries: Sequence[Entry]) -> None:
        content = {
            "what": "made by libindex serve, which removes what is listed here and no more",
            "version": _VERSION,
            "entries": [asdict(entry) for entry in entries],
        }
        path = self._at(_LIST)
        try:
            with replacing(path, self._at(_PART)) as file:
                file.write(json.dumps(content).encode("ascii"))
        except OSError as error:
            raise LibindexError(f"can't be written ({error.strerror})", path) from None
