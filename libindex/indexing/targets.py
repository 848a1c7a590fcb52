"""What to look at: whole roots, or parts of them."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from libindex.disk import presence
from libindex.disk.comparing import Changes, Known, compare
from libindex.disk.stamps import Stamp
from libindex.errors import TOOK_TOO_LONG, LibindexError, NotFoundError
from libindex.indexing.roots import absorb, add_root, knows, why_offline
from libindex.indexing.summary import Offline, ScanSummary
from libindex.paths import join, relative_to
from libindex.store.roots import Root, all_roots, under
from libindex.store.schema import contents, samples


@dataclass(frozen=True, slots=True)
class Target:
    """What to scan: a root, or the part of it under a path."""

    root: Root
    below: str


def all_targets(roots: Iterable[Root]) -> list[Target]:
    """Every root, as a whole."""
    return [Target(root, "") for root in roots]


def known_targets(roots: Iterable[Root], paths: Iterable[str]) -> list[Target]:
    """The parts of known roots that are meant by paths; other paths are ignored."""
    # The innermost root that a path lies in: a drive inside of a root is a root of its own.
    inner_first = sorted(roots, key=lambda root: len(root.path), reverse=True)
    found = (_target_in(inner_first, path) for path in paths)
    return distinct(target for target in found if target is not None)


def find_target(connection: Connection, path: str) -> Target | None:
    """What is known by a path; None if it would be a new root.

    Raises
    ------
    NotFoundError
        If it is a part of a root, but neither there nor known.
    """
    found = known_targets(all_roots(connection), [path])
    for target in found:
        below = target.below
        if below and not os.path.lexists(path) and not knows(connection, target.root, below):
            raise NotFoundError("no such file or folder", path)
    return found[0] if found else None


def add_or_find_target(connection: Connection, path: str) -> Target:
    """What is meant by a path: a root, a part of a root, or a root that is added.

    A root that lies inside a new one becomes part of it, and nothing is lost; if it is a drive,
    hidden or not there now, it stays a root of its own.

    Parameters
    ----------
    connection : Connection
        A write transaction.
    path : str
        Absolute.

    Raises
    ------
    NotFoundError
        If it is neither a folder nor known.
    """
    known = find_target(connection, path)
    if known is not None:
        return known
    if not os.path.isdir(path):  # noqa: PTH112
        exists = os.path.lexists(path)
        raise NotFoundError(
            "is not a folder; scan the folder it is in" if exists else "no such folder", path
        )
    if presence.is_barred(path):
        raise NotFoundError(presence.BARRED, path)
    root = add_root(connection, path)
    absorb(connection, root)
    return Target(root, "")


def planned_targets(roots: Sequence[Root], paths: Iterable[str]) -> list[Target]:
    """As `add_or_find_target`, but nothing is recorded: a root to be added has the id 0."""
    found = []
    for path in outer_first(paths):
        known = known_targets(roots, [path])
        if not known and not os.path.isdir(path):  # noqa: PTH112
            raise NotFoundError("no such folder", path)
        new = Target(Root(0, path, is_mount=False, is_online=True, has_samples=False), "")
        found += known or [new]
    return with_inner(roots, found)


def outer_first(paths: Iterable[str]) -> list[str]:
    """Outer folders first, so that what lies inside of them is seen to be a part of them."""
    return sorted(set(paths), key=len)


def with_inner(roots: Iterable[Root], targets: list[Target]) -> list[Target]:
    """Targets, and the roots inside of them, such as drives."""
    inner = [
        Target(root, "")
        for root in roots
        for target in targets
        if relative_to(root.path, join(target.root.path, target.below))
    ]
    return distinct(targets + inner)


def distinct(targets: Iterable[Target]) -> list[Target]:
    """Without those that are a part of another; outer ones first."""
    kept: dict[tuple[int, str], Target] = {}
    for target in sorted(targets, key=lambda t: t.below.count(os.sep) if t.below else -1):
        outer = itertools.accumulate(target.below.split(os.sep), os.path.join)  # noqa: PTH206
        if not any((target.root.id, path) in kept for path in ("", *outer)):
            kept[target.root.id, target.below] = target
    return list(kept.values())


def _target_in(inner_first: list[Root], path: str) -> Target | None:
    for root in inner_first:
        below = relative_to(path, root.path)
        if below is not None:
            return Target(root, below)
    return None


def sorted_by_presence(
    targets: Iterable[Target], summary: ScanSummary
) -> tuple[list[Target], set[Root]]:
    """Targets that are there, and the roots that are not; the summary gets the reasons."""
    targets = list(targets)
    reasons = {root: why_offline(root) for root in dict.fromkeys(t.root for t in targets)}
    summary.offline += [Offline(root.path, why) for root, why in reasons.items() if why]
    return [t for t in targets if not reasons[t.root]], {r for r, why in reasons.items() if why}


def compare_targets(
    connection: Connection,
    roots: Sequence[Root],
    targets: Sequence[Target],
    summary: ScanSummary,
    on_folder: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Target, Changes]]:
    """Compare what is there with what is known; a root that can't be listed stops no other."""
    for target in targets:
        root = target.root
        inside = (relative_to(other.path, root.path) for other in roots)
        try:
            changes = compare(
                root.path,
                target.below,
                _known_samples(connection, target),
                frozenset(path for path in inside if path),
                on_folder,
            )
        except LibindexError:
            if len(targets) == 1:
                raise
            summary.unreadable.append(root.path)
            continue
        unreadable = (join(root.path, path) for path in changes.unreadable)
        # The others are links that lead nowhere at present.
        summary.unreadable += [path for path in unreadable if os.path.isdir(path)]  # noqa: PTH112
        summary.links += [join(root.path, link) for link in changes.links]
        yield target, changes


def _known_samples(connection: Connection, target: Target) -> dict[str, Known]:
    """The samples known below a target, by path relative to its root."""
    s, root_id = samples.c, target.root.id
    took_too_long = contents.c.failure.startswith(TOOK_TOO_LONG)
    query = (
        select(
            *(s.id, s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.is_settled, s.content_id),
            (s.failure.is_not(None) | contents.c.failure.is_not(None)).label("failed"),
            (s.failure.is_not(None) | func.coalesce(took_too_long, False)).label("unread"),
        )
        .select_from(samples.outerjoin(contents))
        .where(s.root_id == root_id)
    )
    if target.below:
        query = query.where(under(os.fsencode(target.below)))
    known = {}
    for id_, raw, size, mtime, ctime, settled, content, failed, unread in connection.execute(query):
        path, stamp = os.fsdecode(raw), Stamp(size, mtime, ctime)
        known[path] = Known(id_, root_id, path, stamp, settled, content, bool(failed), bool(unread))
    return known
