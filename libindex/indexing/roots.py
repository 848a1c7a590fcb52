"""Roots: the folders that the user added."""

import os
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, LargeBinary, cast, delete, func, literal, select, update
from sqlalchemy.dialects.sqlite import insert

from libindex.disk import presence
from libindex.disk.comparing import Known
from libindex.disk.filesystems import mounts
from libindex.disk.stamps import Stamp
from libindex.errors import NotFoundError
from libindex.paths import display, join, relative_to
from libindex.store.batches import batched
from libindex.store.roots import Root, all_roots, under
from libindex.store.schema import contents, roots, samples


@dataclass(frozen=True, slots=True)
class Target:
    """What to scan: a root, or the part of it under a path."""

    root: Root
    below: str


def target_for(connection: Connection, path: str) -> Target:
    """What is meant by a path: a root, a part of a root, or a root that is to be made.

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
    known = _known_target(connection, path)
    if known is not None:
        root, below = known.root, known.below
        if below and not os.path.lexists(path) and not _knows(connection, root, below):
            raise NotFoundError("no such file or folder", path)
        return known
    if not os.path.isdir(path):  # noqa: PTH112
        exists = os.path.lexists(path)
        raise NotFoundError(
            "is not a folder; scan the folder it is in" if exists else "no such folder", path
        )
    if presence.is_barred(path):
        raise NotFoundError("can't be looked into (permission denied)", path)
    root = _add(connection, path)
    _absorb(connection, root)
    return Target(root, "")


def planned_target(connection: Connection, path: str) -> Target:
    """As `target_for`, but nothing is recorded: a root that is to be made has the id 0."""
    known = _known_target(connection, path)
    if known is not None:
        return known
    if not os.path.isdir(path):  # noqa: PTH112
        raise NotFoundError("no such folder", path)
    return Target(Root(0, path, is_mount=False, is_online=True, has_samples=False), "")


def known_targets(connection: Connection, paths: Iterable[str]) -> list[Target]:
    """The parts of known roots that are meant by paths; other paths are passed over."""
    inner_first = _inner_first(connection)
    found = (_target_in(inner_first, path) for path in paths)
    return [target for target in found if target is not None]


def _known_target(connection: Connection, path: str) -> Target | None:
    return _target_in(_inner_first(connection), path)


def _inner_first(connection: Connection) -> list[Root]:
    return sorted(all_roots(connection), key=lambda r: len(r.path), reverse=True)


def _target_in(inner_first: list[Root], path: str) -> Target | None:
    """The innermost root that a path lies in: a drive inside of a root is a root of its own."""
    for root in inner_first:
        below = relative_to(path, root.path)
        if below is not None:
            return Target(root, below)
    return None


def nested(roots_: Iterable[Root], root: Root) -> frozenset[str]:
    """The roots inside of a root, relative to it: its own walk leaves them out."""
    below = (relative_to(other.path, root.path) for other in roots_)
    return frozenset(path for path in below if path)


def with_inner(connection: Connection, targets: list[Target]) -> list[Target]:
    """Targets, and the roots inside of them, such as drives."""
    inner = [
        Target(root, "")
        for target in targets
        for root in all_roots(connection)
        if relative_to(root.path, join(target.root.path, target.below))
    ]
    return targets + inner


def split_off_drives(connection: Connection, roots_: Iterable[Root]) -> None:
    """Make drives that are mounted inside of roots, and have samples, roots of their own.

    So that these are kept when the drive is unplugged and its mount point is empty.
    """
    mounted = sorted(mounts())
    for root in roots_:
        real = os.path.realpath(root.path)
        for below in filter(None, (relative_to(point, real) for point in mounted)):
            if _knows(connection, root, below):
                _split_off(connection, root, below)


def _split_off(connection: Connection, root: Root, below: str) -> None:
    drive = _add(connection, join(root.path, below))
    raw = os.fsencode(below)
    connection.execute(
        update(samples)
        .where(samples.c.root_id == root.id, under(raw))
        .values(root_id=drive.id, path=func.substr(samples.c.path, len(raw) + 2))
    )
    finished(connection, drive)


def is_present(root: Root) -> bool:
    """Whether a root is there now."""
    return presence.is_online(root.path, was_mount=root.is_mount, has_samples=root.has_samples)


def forget(connection: Connection, path: str) -> int:
    """Take a root out of the library; returns how many samples it had.

    Raises
    ------
    NotFoundError
        If it is not a root.
    """
    found = [r for r in all_roots(connection) if r.path == path]
    if not found:
        known = ", ".join(display(r.path) for r in all_roots(connection)) or "none"
        raise NotFoundError(f"is not a root of this library (roots: {known})", path)
    query = select(func.count()).where(samples.c.root_id == found[0].id)
    count = int(connection.execute(query).scalar_one())
    connection.execute(delete(roots).where(roots.c.id == found[0].id))
    return count


def mark(connection: Connection, root: Root, *, is_online: bool) -> None:
    """Note whether a root was there."""
    values: dict[str, object] = {"is_online": is_online}
    if is_online:
        values |= {"is_mount": presence.is_mount(root.path)}
    if is_online != root.is_online or values.get("is_mount", root.is_mount) != root.is_mount:
        connection.execute(update(roots).where(roots.c.id == root.id).values(values))


def finished(connection: Connection, root: Root) -> None:
    """Note that a root was scanned to its end."""
    query = update(roots).where(roots.c.id == root.id).values(scanned_at=int(time.time()))
    connection.execute(query)


def known_samples(connection: Connection, target: Target) -> dict[str, Known]:
    """The samples known below a target, by path relative to its root."""
    unread = samples.c.failure.is_not(None).label("unread")
    unusable = contents.c.failure.is_not(None).label("unusable")
    s = samples.c
    columns = (s.id, s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.is_settled, s.content_id)
    query = (
        select(*columns, unread, unusable)
        .select_from(samples.outerjoin(contents))
        .where(samples.c.root_id == target.root.id)
    )
    if target.below:
        query = query.where(under(os.fsencode(target.below)))
    known = {}
    for row in connection.execute(query):
        id_, raw, size, mtime, ctime, settled, content, unread_, unusable_ = row
        path = os.fsdecode(raw)
        stamp, failed = Stamp(size, mtime, ctime), bool(unread_ or unusable_)
        known[path] = Known(
            id_, target.root.id, path, stamp, settled, content, failed, bool(unread_)
        )
    return known


def samples_with(
    connection: Connection, content_ids: Collection[int]
) -> Iterator[tuple[str, Stamp, bool]]:
    """Where samples with these contents are, how they looked, and whether they were settled."""
    s, ids = samples.c, list(content_ids)
    columns = (roots.c.path, s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.is_settled)
    for part in batched(ids):
        query = select(*columns).select_from(samples.join(roots)).where(s.content_id.in_(part))
        for root, path, size, mtime, ctime, is_settled in connection.execute(query):
            yield join(root, path), Stamp(size, mtime, ctime), is_settled


def _knows(connection: Connection, root: Root, below: str) -> bool:
    query = select(samples.c.id).where(samples.c.root_id == root.id, under(os.fsencode(below)))
    return connection.execute(query.limit(1)).first() is not None


def _add(connection: Connection, path: str) -> Root:
    mounted = presence.is_mount(path)
    values = {
        "path": os.fsencode(path),
        "is_mount": mounted,
        "is_online": True,
        "added_at": int(time.time()),
    }
    new = connection.execute(insert(roots).values(values)).inserted_primary_key
    return Root(int(new[0]) if new else 0, path, mounted, is_online=True, has_samples=False)


def _absorb(connection: Connection, parent: Root) -> None:
    """Make the roots inside of `parent` a part of it, where a walk from there would find them."""
    for child in all_roots(connection):
        below = relative_to(child.path, parent.path)
        if not below or not _is_plain_part(parent, child, below):
            continue
        prefix = literal(os.fsencode(os.path.join(below, "")), LargeBinary)  # noqa: PTH118
        connection.execute(
            update(samples)
            .where(samples.c.root_id == child.id)
            # SQLite's || gives text; both sides are bytes, so is what is meant.
            .values(root_id=parent.id, path=cast(prefix.op("||")(samples.c.path), LargeBinary))
        )
        connection.execute(delete(roots).where(roots.c.id == child.id))


def _is_plain_part(parent: Root, child: Root, below: str) -> bool:
    """Whether a root is no more than a folder of another: no drive, not hidden, not away."""
    is_drive = child.is_mount or presence.is_mount(child.path)
    is_hidden = f"{os.sep}." in os.sep + below
    real = os.path.join(os.path.realpath(parent.path), below)  # noqa: PTH118
    is_there = os.path.isdir(child.path) and os.path.realpath(child.path) == real  # noqa: PTH112
    return is_there and not is_drive and not is_hidden
