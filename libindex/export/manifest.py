"""What a tree is made of, written down in it before it is made.

So nothing is taken for ours that is not, and nothing of ours is forgotten.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace

from libindex.disk.atomic import replacing
from libindex.errors import LibindexError
from libindex.export.names import Wanted

NAME = ".libindex-tree.json"
PART = ".libindex-tree.part"
"""Whatever is being written; it gets its name when it is complete."""

_VERSION = 1
_MTIME_ROUNDING_NS = 2_000_000_000  # of FAT, the coarsest


@dataclass(frozen=True, slots=True)
class Manifest:
    """What libindex made in a folder.

    Attributes
    ----------
    folders : frozenset of str
        Folders that were made, relative to the tree; ``""`` is the tree itself.
    files : tuple of (str, Wanted)
        Paths relative to the tree, and what is there. After an interruption a path may be there
        twice, or not be made yet.
    """

    folders: frozenset[str] = frozenset()
    files: tuple[tuple[str, Wanted], ...] = ()

    @classmethod
    def read(cls, top: str) -> "Manifest":
        """Of the tree in `top`; an empty one if there is none.

        Raises
        ------
        LibindexError
            If it is not readable as one.
        """
        path = os.path.join(top, NAME)  # noqa: PTH118 - names that are not UTF-8, here and below
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123
                return cls._parsed(json.load(file))
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError, AttributeError):
            raise LibindexError("is damaged or newer than this libindex", path) from None

    @classmethod
    def _parsed(cls, content: dict[str, object]) -> "Manifest":
        if content["version"] != _VERSION:
            raise ValueError
        files = []
        for path, source, stamp in content["files"]:  # type: ignore[attr-defined]
            folder, name = path.rsplit("/", 1)
            if {"", ".", ".."} & {name, *folder.split("/")}:
                raise ValueError
            files.append((path, Wanted(folder, source, stamp and (stamp[0], stamp[1]))))
        return cls(frozenset(content["folders"]), tuple(files))  # type: ignore[call-overload]

    def write(self, top: str) -> None:
        """Write it, in one step and to the disk."""
        content = {
            "what": "made by libindex export --tree, which removes what is listed here and no more",
            "version": _VERSION,
            "folders": sorted(self.folders),
            "files": [[path, one.source, one.stamp] for path, one in sorted_files(self.files)],
        }
        name, part = (os.path.join(top, name) for name in (NAME, PART))  # noqa: PTH118
        with replacing(name, part, "xb") as file:
            file.write(json.dumps(content).encode("ascii"))

    def on_disk(self, top: str) -> dict[str, Wanted]:
        """What of it is there and was not changed by anybody else, by path.

        After an interruption a copy may be one or the other of two samples of the same size and
        age; then it is ours, but of no known sample.
        """
        real: dict[str, bool] = {}
        found: dict[str, Wanted] = {}
        for path, one in self.files:
            if one.folder not in real:
                real[one.folder] = is_folder_inside(top, one.folder)
            if real[one.folder] and _is_made(os.path.join(top, path), one):  # noqa: PTH118
                is_sure = found.get(path, one) == one
                found[path] = one if is_sure else replace(one, source="")
        return found


def sorted_files(files: Iterable[tuple[str, Wanted]]) -> list[tuple[str, Wanted]]:
    """In order of path."""
    return sorted(files, key=lambda item: item[0])


def is_folder_inside(top: str, folder: str) -> bool:
    """Whether a folder of a tree is there and lies in it: no link leads anywhere else."""
    path = top
    for part in folder.split("/"):
        path = os.path.join(path, part)  # noqa: PTH118
        try:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                return False
        except OSError:
            return False
    return True


def remove_part(top: str) -> None:
    """Remove what was being written when a process was killed."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(top, PART))  # noqa: PTH108, PTH118


def _is_made(path: str, one: Wanted) -> bool:
    """Whether the link or the copy at a path is what was made there."""
    try:
        status = os.lstat(path)
        if one.stamp is None:
            return stat.S_ISLNK(status.st_mode) and os.readlink(path) == one.source  # noqa: PTH115
    except OSError:
        return False
    size, mtime_ns = one.stamp
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_size == size
        and abs(status.st_mtime_ns - mtime_ns) <= _MTIME_ROUNDING_NS
    )
