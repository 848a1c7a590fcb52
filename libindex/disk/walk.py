"""Walking a folder. Nothing is read or written."""

import heapq
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from libindex.disk.stamps import Stamp
from libindex.errors import LibindexError
from libindex.paths import PathLike, is_audio, relative_to

_SETTLING_NS = 2_000_000_000  # the coarsest time stamps (FAT) have steps of two seconds


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


def audio_files(
    folder: PathLike, *, recursive: bool = False, errors: list[LibindexError] | None = None
) -> list[str]:
    """Paths of the audio files in a folder, as a scan finds them, in order of name.

    Links to folders are followed, hidden files and folders are not looked at.

    Parameters
    ----------
    folder : str or Path
        The folder; the paths begin with it as it was given.
    recursive : bool
        Whether to look into its sub-folders too.
    errors : list, optional
        Gets an error for each sub-folder that can't be read, instead of its being raised.

    Raises
    ------
    LibindexError
        If it is not a folder or can't be read.
    """
    top = os.fspath(folder)
    walk, found = Walk(top), list[str]()
    for below, entries in walk.folders(""):
        # A link that leads nowhere is reported by whoever reads it.
        names = (entry.name for entry in entries if is_audio(entry.name) and not _is_folder(entry))
        found += [_join(below, name) for name in names]
        if not recursive:
            break
    for below, reason in walk.unreadable.items():
        path = _join(top, below)
        if os.path.exists(path):  # noqa: PTH110
            error = LibindexError(f"can't be listed ({reason})", path)
            if errors is None:
                raise error
            errors.append(error)
    return [_join(top, path) for path in sorted(found, key=lambda path: path.split(os.sep))]  # noqa: PTH206


@dataclass(frozen=True, slots=True)
class Walk:
    """What is to be seen of a folder.

    Attributes
    ----------
    root : str
        The folder.
    others : collection of str
        Folders below it that are left out.
    on_folder : callable
        Called with every folder before it is listed; it may raise to end the walk.
    unreadable : dict of str to str
        What could not be looked at, and links that lead nowhere, with the system's reason;
        complete when the walk has ended.
    links : list of str
        Links to other folders that were followed.
    """

    root: str
    others: Collection[str] = ()
    on_folder: Callable[[str], None] = lambda _: None
    unreadable: dict[str, str] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)

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
        for folder, entries in self.folders(below):
            for entry in entries:
                try:
                    if is_audio_file(entry):
                        yield _found(entry.stat(), _join(folder, entry.name), now_ns)
                except FileNotFoundError:  # it vanished
                    continue
                except OSError as error:
                    self._note(_join(folder, entry.name), error)

    def _status(self, below: str) -> os.stat_result | None:
        """What a path is; None if it is gone or can't be looked at."""
        top = _join(self.root, below)
        try:
            return os.stat(top)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError) as error:
            if os.path.islink(top):  # noqa: PTH114 - it leads nowhere at present
                self._note(below, error)
        except OSError as error:
            self._note(below, error)
        return None

    def _note(self, path: str, error: OSError) -> None:
        self.unreadable.setdefault(path, error.strerror or str(error))

    def _files_as_seen_from_root(self, below: str) -> Iterator[Found]:
        """Of links to the same folder one is followed; only a walk of the whole shows which."""
        whole = Walk(self.root, self.others, self.on_folder)
        files = whole.files("")
        yield from (file for file in files if relative_to(file.path, below) is not None)
        self.links.extend(link for link in whole.links if relative_to(link, below) is not None)
        for path, reason in whole.unreadable.items():
            if relative_to(path, below) is not None:
                self.unreadable.setdefault(path, reason)
            elif relative_to(below, path) is not None:
                self.unreadable.setdefault(below, reason)

    def folders(self, below: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
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
            self.on_folder(path)
            try:
                entries = _listed(path, visited)
            except OSError as error:
                if not folder:
                    raise LibindexError(f"can't be listed ({error.strerror})", path) from None
                self._note(folder, error)
                continue
            if entries is None:
                continue
            if is_link:
                self.links.append(folder)
            for entry in reversed(entries):
                if entry.is_dir(follow_symlinks=False):
                    pending.append(_join(folder, entry.name))
                elif _may_lead_to_folder(entry):
                    heapq.heappush(links, _join(folder, entry.name))
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


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
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
    stamp = Stamp.from_status(status)
    newest = max(stamp.mtime_ns, stamp.ctime_ns)
    return Found(path, stamp, is_settled=abs(now_ns - newest) > _SETTLING_NS)
