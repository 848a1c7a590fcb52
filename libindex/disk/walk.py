"""Walking a root, and comparing what is there with what is known. Nothing is read or written."""

import heapq
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from libindex.errors import LibindexError
from libindex.paths import is_audio, relative_to

_SETTLING_NS = 2_000_000_000  # the coarsest time stamps (FAT) have steps of two seconds


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a changed file is noticed without reading it.

    Attributes
    ----------
    size_bytes : int
        Size [bytes].
    mtime_ns, ctime_ns : int
        When its content and its entry last changed [ns since 1970].
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Found:
    """An audio file on the disk.

    Attributes
    ----------
    path : str
        Relative to the root.
    stamp : Stamp
        As it was seen.
    is_settled : bool
        Whether any later change must show in the stamp.
    """

    path: str
    stamp: Stamp
    is_settled: bool


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
        Known paths that are gone, from folders that could be looked into.
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
    visiting: Callable[[str], None] = lambda _: None,
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
    visiting : callable
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
    walk = _Walk(root, others, visiting, changes.unreadable, changes.links)
    for found in walk.files(below):
        seen.add(found.path)
        sample = known.get(found.path)
        if sample is None:
            changes.new.append(found)
        elif _must_read(sample, found):
            changes.changed.append((sample, found))
        else:
            changes.unchanged.append(sample)
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


@dataclass(frozen=True, slots=True)
class _Walk:
    """What is to be seen of a root; notes what can't be looked at, and links that it follows."""

    root: str
    others: Collection[str]
    visiting: Callable[[str], None]
    unreadable: list[str]
    links: list[str]

    def files(self, below: str) -> Iterator[Found]:
        """Audio files at or below a path: those that a walk of the whole root finds there."""
        if below.startswith(".") or f"{os.sep}." in below:  # hidden, or in a hidden folder
            return
        if below and _has_links(self.root, below):
            yield from self._files_as_seen_from_root(below)
            return
        now_ns = time.time_ns()
        status = self._status(below)
        if status is None or not stat.S_ISDIR(status.st_mode):
            if status and stat.S_ISREG(status.st_mode) and is_audio(below):
                yield _found(status, below, now_ns)
            return
        for folder, entries in self._folders(below):
            for entry in entries:
                try:
                    if is_audio_file(entry):
                        path = os.path.join(folder, entry.name)  # noqa: PTH118
                        yield _found(entry.stat(), path, now_ns)
                except FileNotFoundError:  # it vanished
                    continue
                except OSError:
                    self.unreadable.append(os.path.join(folder, entry.name))  # noqa: PTH118

    def _status(self, below: str) -> os.stat_result | None:
        """What a path is; None if it is gone or can't be looked at."""
        top = _join(self.root, below)
        try:
            return os.stat(top)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(top):  # noqa: PTH114 - it leads nowhere at present
                self.unreadable.append(below)
        except OSError:
            self.unreadable.append(below)
        return None

    def _files_as_seen_from_root(self, below: str) -> Iterator[Found]:
        """Of links to the same folder one is followed; only a walk of the whole tells which."""
        whole = _Walk(self.root, self.others, self.visiting, [], [])
        files = whole.files("")
        yield from (file for file in files if relative_to(file.path, below) is not None)
        self.links.extend(link for link in whole.links if relative_to(link, below) is not None)
        for path in whole.unreadable:
            if relative_to(path, below) is not None:
                self.unreadable.append(path)
            elif relative_to(below, path) is not None:
                self.unreadable.append(below)

    def _folders(self, below: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
        """Folders at or below a path and what is in them, each real folder once.

        Links to folders are followed after all real folders, and only to folders that have not
        been seen and don't contain the root, so that no loop is walked and no path changes
        because a link was found first.
        """
        visited: set[tuple[int, int]] = set()
        pending, links = [below], list[str]()
        while pending or links:
            is_link = not pending
            folder = pending.pop() if pending else heapq.heappop(links)
            path = _join(self.root, folder)
            if folder in self.others or (is_link and _contains(path, self.root)):
                continue
            self.visiting(path)
            try:
                entries = _listed(path, visited)
            except OSError as error:
                if not folder:
                    raise LibindexError(f"can't be listed ({error.strerror})", path) from None
                self.unreadable.append(folder)
                continue
            if entries is None:
                continue
            if is_link:
                self.links.append(folder)
            for entry in reversed(entries):
                if entry.is_dir(follow_symlinks=False):
                    pending.append(os.path.join(folder, entry.name))  # noqa: PTH118
                elif _may_lead_to_folder(entry):
                    heapq.heappush(links, os.path.join(folder, entry.name))  # noqa: PTH118
            yield folder, entries


def _listed(folder: str, visited: set[tuple[int, int]]) -> list[os.DirEntry[str]] | None:
    """Entries that are not hidden, in order of name; None if the folder was visited."""
    status = os.stat(folder)  # noqa: PTH116
    if (status.st_dev, status.st_ino) in visited:
        return None
    visited.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)


def _may_lead_to_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link to a folder, or to nothing: perhaps a folder that is unplugged."""
    try:
        return entry.is_symlink() and not entry.is_file()
    except OSError:  # a link to itself
        return False


def is_audio_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a file, or a link to one, that is called as audio files are."""
    return is_audio(entry.name) and entry.is_file()


def _has_links(root: str, below: str) -> bool:
    """Whether the way to a path, or anything under it, is a link to a folder."""
    top = _join(root, below)
    if os.path.realpath(top) != _join(os.path.realpath(root), below):
        return True
    folders = (os.path.join(path, name) for path, names, _ in os.walk(top) for name in names)  # noqa: PTH118
    return any(map(os.path.islink, folders))


def _join(root: str, below: str) -> str:
    return os.path.join(root, below) if below else root  # noqa: PTH118


def _contains(link: str, root: str) -> bool:
    target, top = os.path.realpath(link), os.path.realpath(root)
    return relative_to(top, target) is not None


def _found(status: os.stat_result, path: str, now_ns: int) -> Found:
    stamp = Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    newest = max(stamp.mtime_ns, stamp.ctime_ns)
    return Found(path, stamp, is_settled=abs(now_ns - newest) > _SETTLING_NS)
