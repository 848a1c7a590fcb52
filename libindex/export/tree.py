"""A tree of folders with links to samples, or copies, for programs that only know folders."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from libindex.disk.posix import locked_folder
from libindex.disk.stamps import Stamp
from libindex.errors import LibindexError, UsageError
from libindex.export.columns import Answer
from libindex.export.manifest import NAME, PART, Manifest, is_folder_inside, remove_part
from libindex.export.names import Wanted, assigned, class_folder, pack_folder
from libindex.paths import PathLike, absolute, display, relative_to
from libindex.store.roots import all_roots

Order = Literal["class", "class/pack"]
ORDERS: tuple[Order, ...] = get_args(Order)

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True, slots=True)
class TreeSummary:
    """What was done to a tree.

    Attributes
    ----------
    added, removed, kept : int
        Links or copies.
    missing : tuple of str
        Samples that could not be copied because they can't be read now.
    """

    added: int
    removed: int
    kept: int
    missing: tuple[str, ...]


def write_tree(answer: Answer, folder: PathLike, by: Order, *, copy: bool) -> TreeSummary:
    """Make a tree, or bring it up to date.

    Everything that is to be made is written down in the tree first: only what is written there,
    and is still as it was made, is ever removed.

    Parameters
    ----------
    answer : Answer
        The samples.
    folder : str or Path
        Where to make it.
    by : {"class", "class/pack"}
        Its levels.
    copy : bool
        Copies instead of links.

    Returns
    -------
    TreeSummary
        What was done.

    Raises
    ------
    UsageError
        If it would become a part of the library.
    LibindexError
        If it can't be made.
    """
    if by not in ORDERS:
        raise UsageError(f"can't sort a tree by {by!r}; choose from {', '.join(ORDERS)}")
    top = os.path.realpath(absolute(folder))
    roots = [os.path.realpath(root.path) for root in all_roots(answer.connection)]
    _check_outside(top, roots)
    wanted = _wanted(answer, by, copy)
    for place in sorted({one.folder for one in wanted}):
        _check_outside(os.path.join(top, place), roots)  # noqa: PTH118
    try:
        is_new = not os.path.isdir(top)  # noqa: PTH112
        os.makedirs(top, exist_ok=True)  # noqa: PTH103
        with _alone(top):
            return _Work(top, is_new).done(wanted, copy)
    except OSError as error:
        where = error.filename if error.filename and PART not in error.filename else folder
        raise LibindexError(f"can't be written ({error.strerror or error})", where) from None


class _Work:
    """Bringing the tree in `top` up to date; `is_new` if the folder was made for it."""

    def __init__(self, top: str, is_new: bool) -> None:
        self.top = top
        remove_part(top)
        before = Manifest.read(top)
        self.folders = set(before.folders) | ({""} if is_new else set())
        self.names = {(one.folder, one.source): path for path, one in before.files}
        self.there = before.on_disk(top)

    def done(self, wanted: list[Wanted], copy: bool) -> TreeSummary:
        paths = assigned(wanted, self.names, self._is_taken)
        kept = {path for path, one in paths.items() if self._is_kept(path, one, copy)}
        stale = [path for path in self.there if path not in kept]
        rest = {path: one for path, one in paths.items() if path not in kept}
        new = {path: one for path, one in rest.items() if one.stamp or not copy}
        missing = [one.source for path, one in rest.items() if path not in new]
        unmade = self._unmade_folders(new)
        self.folders |= set(unmade)
        Manifest(frozenset(self.folders), (*self.there.items(), *new.items())).write(self.top)
        for path in stale:
            os.unlink(self._at(path))  # noqa: PTH108
        for folder in unmade:
            os.mkdir(self._at(folder))  # noqa: PTH102
        made = {path: self.there[path] for path in kept}
        for path, one in new.items():
            if self._make(path, one):
                made[path] = one
            else:
                missing.append(one.source)
        self._finish(made)
        return TreeSummary(len(made) - len(kept), len(stale), len(kept), tuple(missing))

    def _at(self, path: str) -> str:
        return os.path.join(self.top, path)  # noqa: PTH118

    def _is_taken(self, path: str) -> bool:
        return path not in self.there and os.path.lexists(self._at(path))

    def _is_kept(self, path: str, one: Wanted, copy: bool) -> bool:
        there = self.there.get(path)
        if there is None or not copy or one.stamp:
            return there == one
        return there.source == one.source and there.stamp is not None  # its drive is away

    def _unmade_folders(self, new: dict[str, Wanted]) -> list[str]:
        """Folders to make, outer ones first."""
        needed = {one.folder for one in new.values()}
        needed |= {folder.rpartition("/")[0] for folder in needed} - {""}
        unmade = []
        for folder in sorted(needed):
            if not os.path.lexists(self._at(folder)):
                unmade.append(folder)
            elif not is_folder_inside(self.top, folder):
                raise LibindexError(
                    "is a link or a file where a folder of this tree should be; move it away",
                    self._at(folder),
                )
        return unmade

    def _make(self, path: str, one: Wanted) -> bool:
        if one.stamp is not None:
            return self._copy(path, one.source, one.stamp)
        try:
            os.symlink(one.source, self._at(path))  # noqa: PTH211
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            reason = f"this disk takes no links ({error.strerror}); try --copy"
            raise LibindexError(reason, self._at(path)) from None
        return True

    def _copy(self, path: str, sample: str, stamp: tuple[int, int]) -> bool:
        """Copy a sample, unless it is no more as it was when its stamp was written down."""
        part = self._at(PART)
        try:
            source = open(sample, "rb")  # noqa: PTH123, SIM115
        except OSError:
            return False
        with source:
            try:
                with open(part, "xb") as target:  # noqa: PTH123
                    shutil.copyfileobj(source, target, 1 << 20)
                if _stamp(source.fileno()) != stamp:
                    return False
                os.utime(part, ns=(stamp[1], stamp[1]))
                os.replace(part, self._at(path))  # noqa: PTH105
            finally:
                remove_part(self.top)
        return True

    def _finish(self, made: dict[str, Wanted]) -> None:
        """Remove folders that are empty and ours, and write down what there is."""
        for folder in sorted(self.folders - {""}, reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(self._at(folder))  # noqa: PTH106
            if not is_folder_inside(self.top, folder):
                self.folders.discard(folder)
        Manifest(frozenset(self.folders), tuple(made.items())).write(self.top)
        if not made and self.folders <= {""}:
            os.unlink(self._at(NAME))  # noqa: PTH108
            if self.folders:
                with contextlib.suppress(OSError):
                    os.rmdir(self.top)  # noqa: PTH106


def _wanted(answer: Answer, by: Order, copy: bool) -> list[Wanted]:
    """In order of path, on which the numbers of names that collide depend."""
    found = []
    for part in answer.parts():
        for hit in part:
            folder = class_folder(hit.class_code)
            if by == "class/pack":
                folder += "/" + pack_folder(hit.path, hit.root)
            found.append(Wanted(folder, hit.path, _stamp(hit.path) if copy else None))
    return sorted(found, key=lambda one: one.source)


def _stamp(file: str | int) -> tuple[int, int] | None:
    stamp = Stamp.of(file)
    return stamp.size_and_mtime if stamp else None


def _check_outside(path: str, roots: list[str]) -> None:
    """A scan would find what is made inside of a root, unless it is hidden."""
    for root in roots:
        below = relative_to(path, root)
        if below is not None and f"{os.sep}." not in os.sep + below:
            raise UsageError(
                f"lies in {display(root)}, where the next scan would take it for more samples; "
                "choose a folder outside of the library",
                path,
            )


@contextlib.contextmanager
def _alone(top: str) -> Iterator[None]:
    """Keep others away who make the same tree; the system lets go when the process ends."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked_folder(top))
        except BlockingIOError:
            raise LibindexError("is being written by another libindex", top) from None
        yield
