"""The shelf: a folder of links to chosen sounds, which a DAW or a sampler keeps open.

A list beside the links says which of them are ours: nothing else is ever removed. Where a disk
takes no links, copies are made.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from filelock import FileLock, Timeout

from libindex.disk.atomic import replacing
from libindex.disk.stamps import Stamp
from libindex.errors import LibindexError
from libindex.export.names import Wanted, assigned

_LIST = ".libindex-shelf.json"
_LOCK = ".libindex-shelf.lock"
_PART = ".libindex-shelf.part"
_WAIT_S = 10.0
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
        if not os.path.isdir(self.folder):  # noqa: PTH112 - a name that is not UTF-8
            return []
        with self._locked():
            return self._renewed(find)

    def _renewed(self, find: Callable[[str], str | None] = lambda _: None) -> list[Entry]:
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
                    self._unmake(entry)
                    self._make(now)
            is_other = is_other or now != entry
            kept.append(now)
        if is_other:
            self._write(kept)
        return kept

    def add(self, files: Sequence[tuple[str, str]]) -> list[Entry]:
        """Put files onto the shelf: each by its path and its digest; what is there stays."""
        try:
            os.makedirs(self.folder, exist_ok=True)  # noqa: PTH103
        except OSError as error:
            raise LibindexError(f"can't be made ({error.strerror})", self.folder) from None
        with self._locked():
            return self._added(files)

    def _added(self, files: Sequence[tuple[str, str]]) -> list[Entry]:
        now = dict(files)  # a file that was edited has another digest than when it was put here
        before = [replace(one, digest=now.get(one.source, one.digest)) for one in self._renewed()]
        known = {entry.source for entry in before}
        new = dict(one for one in files if one[0] not in known)
        wanted = [Wanted(_HERE, source) for source in (*known, *new)]
        places = {(_HERE, entry.source): f"{_HERE}/{entry.name}" for entry in before}
        taken = {entry.name for entry in before}
        paths = assigned(wanted, places, lambda path: self._is_foreign(path, taken))
        names = {one.source: path.removeprefix(f"{_HERE}/") for path, one in paths.items()}
        added = [Entry(names[source], source, digest) for source, digest in new.items()]
        self._write([*before, *added])  # before they are made, so that none is forgotten
        for entry in added:
            self._make(entry)
        return [*before, *added]

    def remove(self, digests: Sequence[str] = (), names: Sequence[str] = ()) -> list[Entry]:
        """Take sounds off the shelf; files that are not as they were made are left alone."""
        if not os.path.isdir(self.folder):  # noqa: PTH112 - a name that is not UTF-8
            return []
        with self._locked():
            before = self._renewed()
            kept = [one for one in before if one.digest not in digests and one.name not in names]
            for entry in before:
                if entry not in kept and self._is_ours(entry):
                    self._unmake(entry)
            self._write(kept)
            return kept

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the shelf: two pages may change it at once."""
        path = self._at(_LOCK)
        try:
            with FileLock(path, timeout=_WAIT_S):
                yield
        except Timeout:
            raise LibindexError("is being changed by another process", self.folder) from None
        except PermissionError as error:
            raise LibindexError(f"can't be written ({error.strerror})", path) from None

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

    def _unmake(self, entry: Entry) -> None:
        path = self._at(entry.name)
        try:
            os.unlink(path)  # noqa: PTH108
        except OSError as error:
            raise LibindexError(f"can't be removed ({error.strerror})", path) from None

    def _make(self, entry: Entry) -> None:
        try:
            os.symlink(entry.source, self._at(entry.name))  # noqa: PTH211
        except FileExistsError:
            raise LibindexError("is there already", self._at(entry.name)) from None
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
