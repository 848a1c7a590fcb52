"""What a walk shows, compared with what is known. Nothing is read or written."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from libindex.disk.stamps import Stamp
from libindex.disk.walk import Found, Walk


@dataclass(frozen=True, slots=True)
class Known:
    """A sample as the database has it.

    Attributes
    ----------
    id, root_id : int
        Its ids.
    path : str
        Relative to the root.
    stamp : Stamp
        As it was when it was last read.
    is_settled : bool
        See `Found`.
    content_id : int or None
        Its content; None if it could not be read.
    failed : bool
        Whether it could not be read or analysed.
    unread : bool
        Whether it could not be read.
    """

    id: int
    root_id: int
    path: str
    stamp: Stamp
    is_settled: bool
    content_id: int | None
    failed: bool
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What a walk showed.

    Attributes
    ----------
    new : list of Found
        Paths that are not known.
    changed : list of (Known, Found)
        Known paths that must be read again.
    missing : list of Known
        Known paths that are gone, from folders that could be read.
    unchanged : list of Known
        The rest.
    unreadable : list of str
        Files and folders that could not be looked at, and links that lead nowhere; what is known
        of them is kept.
    links : list of str
        Links to folders outside of those that were walked anyway; what is there was found
        through them.
    """

    new: list[Found] = field(default_factory=list)
    changed: list[tuple[Known, Found]] = field(default_factory=list)
    missing: list[Known] = field(default_factory=list)
    unchanged: list[Known] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def compare(
    root: str,
    below: str,
    known: Mapping[str, Known],
    others: Collection[str] = (),
    on_folder: Callable[[str], None] = lambda _: None,
) -> Changes:
    """Walk a root, or a part of it, and compare.

    Parameters
    ----------
    root : str
        The root's path.
    below : str
        Only what is under this path, relative to the root; ``""`` for all of it.
    known : mapping of str to Known
        The samples known below `below`, by path relative to the root.
    others : collection of str
        Folders that are roots of their own, relative to this one; they are left out.
    on_folder : callable
        Called with every folder before it is listed; it may raise to end the walk.

    Returns
    -------
    Changes
        In order of path.

    Raises
    ------
    LibindexError
        If the root itself can't be listed.
    """
    changes = Changes()
    seen = set()
    walk = Walk(root, others, on_folder)
    for found in walk.files(below):
        seen.add(found.path)
        sample = known.get(found.path)
        if sample is None:
            changes.new.append(found)
        elif _must_read(sample, found):
            changes.changed.append((sample, found))
        else:
            changes.unchanged.append(sample)
    changes.unreadable.extend(walk.unreadable)
    changes.links.extend(walk.links)
    hidden = tuple(path + os.sep for path in changes.unreadable)
    for path, sample in known.items():
        if path not in seen:
            away = path in changes.unreadable or path.startswith(hidden)
            kept = changes.unchanged if away else changes.missing
            kept.append(sample)
    return changes


def _must_read(sample: Known, found: Found) -> bool:
    # What could not be read at all is tried at every scan: that costs nothing.
    unread = sample.unread or sample.content_id is None
    return sample.stamp != found.stamp or not sample.is_settled or unread
