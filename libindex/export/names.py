"""Names in a tree: a folder for a class and a pack, and numbers for names that collide."""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from libindex.paths import relative_to

_LONGEST = 255  # bytes in a name, on every usual file system


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be in a tree.

    Attributes
    ----------
    folder : str
        Relative to the tree.
    source : str
        The sample (absolute).
    stamp : tuple of int or None
        Of a copy: size [bytes] and mtime [ns] of the sample; None where it is not there now.
        None for a link.
    """

    folder: str
    source: str
    stamp: tuple[int, int] | None = None


def class_folder(code: str) -> str:
    """The folder of a class: its code, for a network may have any text as one."""
    return code.replace("/", "-").replace("\0", "-").lstrip(".") or "_"


def pack_folder(path: str, root: str) -> str:
    """The folder of a pack: the first below the root; the root's own for what lies in it."""
    first, separator, _ = (relative_to(path, root) or "").partition(os.sep)
    return class_folder(first if separator else os.path.basename(root))  # noqa: PTH119


def assigned(
    wanted: Iterable[Wanted],
    before: Mapping[tuple[str, str], str],
    is_taken: Callable[[str], bool],
) -> dict[str, Wanted]:
    """Give everything a path in the tree.

    What had one keeps it; others get the name of their sample, and, where that is taken, the
    lowest free number, in the order of `wanted`. Names that differ in case alone are taken for
    the same, as they are on many disks.

    Parameters
    ----------
    wanted : iterable of Wanted
        What is to be there.
    before : mapping of (folder, source) to path
        What has a path.
    is_taken : callable
        Whether something else is at a path.

    Returns
    -------
    dict of str to Wanted
        By path, relative to the tree.
    """
    result: dict[str, Wanted] = {}
    taken: set[str] = set()
    new = []
    for one in wanted:
        path = before.get((one.folder, one.source))
        if path is None or _key(path) in taken or is_taken(path):
            new.append(one)
        else:
            result[path] = one
            taken.add(_key(path))
    numbers: Counter[str] = Counter()
    for one in new:
        plain = f"{one.folder}/{os.path.basename(one.source)}"  # noqa: PTH119
        path = _next(plain, numbers)
        while _key(path) in taken or is_taken(path):
            path = _next(plain, numbers)
        result[path] = one
        taken.add(_key(path))
    return result


def _next(plain: str, numbers: Counter[str]) -> str:
    key = _key(plain)
    numbers[key] += 1
    return plain if numbers[key] == 1 else _numbered(plain, f" ({numbers[key]})")


def _numbered(path: str, number: str) -> str:
    """`path` with a number before its suffix, not longer than a name may be."""
    folder, name = path.rsplit("/", 1)
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    over = len(os.fsencode(f"{stem}{number}{suffix}")) - _LONGEST
    while over > 0:
        stem = stem[:-1]
        over = len(os.fsencode(f"{stem}{number}{suffix}")) - _LONGEST
    return f"{folder}/{stem}{number}{suffix}"


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
