"""Roots: the folders that the user added."""

import os
import time
from dataclasses import dataclass

from sqlalchemy import Connection, LargeBinary, cast, delete, func, literal, select, update
from sqlalchemy.dialects.sqlite import insert

from libindex import scanner
from libindex.errors import NotFoundError
from libindex.paths import display, relative_to
from libindex.scanner import Known, Stamp
from libindex.schema import contents, roots, samples


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that the user added.

    Attributes
    ----------
    id : int
        Its id.
    path : str
        Absolute.
    is_mount, is_online : bool
        Whether a drive was mounted there, and whether it was there, when last seen.
    has_samples : bool
        Whether anything is known below it.
    """

    id: int
    path: str
    is_mount: bool
    is_online: bool
    has_samples: bool


@dataclass(frozen=True, slots=True)
class Target:
    """What to scan: a root, or the part of it under a path."""

    root: Root
    below: str


def all_roots(connection: Connection) -> list[Root]:
    """Every root, in order of path."""
    known = select(samples.c.id).where(samples.c.root_id == roots.c.id).exists()
    query = select(roots, known.label("has_samples")).order_by(roots.c.path)
    return [
        Root(r.id, os.fsdecode(r.path), r.is_mount, r.is_online, r.has_samples)
        for r in connection.execute(query)
    ]


def target_for(connection: Connection, path: str) -> Target:
    """What is meant by a path: a root, a part of a root, or a root that is to be made.

    A root that lies inside a new one becomes part of it, and nothing is lost.

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
    for root in all_roots(connection):
        below = relative_to(path, root.path)
        if below is not None:
            if below and not os.path.lexists(path) and not _knows(connection, root, below):
                raise NotFoundError("no such file or folder", path)
            return Target(root, below)
    if not os.path.isdir(path):  # noqa: PTH112
        exists = os.path.lexists(path)
        raise NotFoundError(
            "is not a folder; scan the folder it is in" if exists else "no such folder", path
        )
    root = _add(connection, path)
    _absorb(connection, root)
    return Target(root, "")


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
        values |= {"is_mount": scanner.is_mount(root.path)}
    if is_online != root.is_online or values.get("is_mount", root.is_mount) != root.is_mount:
        connection.execute(update(roots).where(roots.c.id == root.id).values(values))


def finished(connection: Connection, root: Root) -> None:
    """Note that a root was scanned to its end."""
    query = update(roots).where(roots.c.id == root.id).values(scanned_at=int(time.time()))
    connection.execute(query)


def known_samples(connection: Connection, target: Target) -> dict[str, Known]:
    """The samples known below a target, by path relative to its root."""
    failed = (samples.c.failure.is_not(None) | contents.c.failure.is_not(None)).label("failed")
    s = samples.c
    columns = (s.id, s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.is_settled, s.content_id)
    query = (
        select(*columns, failed)
        .select_from(samples.outerjoin(contents))
        .where(samples.c.root_id == target.root.id)
    )
    if target.below:
        query = query.where(under(os.fsencode(target.below)))
    known = {}
    for id_, raw, size, mtime, ctime, settled, content, bad in connection.execute(query):
        path = os.fsdecode(raw)
        stamp = Stamp(size, mtime, ctime)
        known[path] = Known(id_, target.root.id, path, stamp, settled, content, bool(bad))
    return known


def under(below: bytes):  # type: ignore[no-untyped-def]
    """An SQL condition: a sample is the file `below`, or lies under the folder `below`."""
    separator = os.fsencode(os.sep)
    after = bytes([separator[0] + 1])
    path = samples.c.path
    inside = (path >= below + separator) & (path < below + after)
    return (path == below) | inside


def _knows(connection: Connection, root: Root, below: str) -> bool:
    query = select(samples.c.id).where(samples.c.root_id == root.id, under(os.fsencode(below)))
    return connection.execute(query.limit(1)).first() is not None


def _add(connection: Connection, path: str) -> Root:
    mounted = scanner.is_mount(path)
    values = {
        "path": os.fsencode(path),
        "is_mount": mounted,
        "is_online": True,
        "added_at": int(time.time()),
    }
    new = connection.execute(insert(roots).values(values)).inserted_primary_key
    return Root(int(new[0]) if new else 0, path, mounted, is_online=True, has_samples=False)


def _absorb(connection: Connection, parent: Root) -> None:
    """Make the roots inside of `parent` a part of it."""
    for child in all_roots(connection):
        below = relative_to(child.path, parent.path)
        if not below:
            continue
        prefix = literal(os.fsencode(os.path.join(below, "")), LargeBinary)  # noqa: PTH118
        connection.execute(
            update(samples)
            .where(samples.c.root_id == child.id)
            # SQLite's || gives text; both sides are bytes, so is what is meant.
            .values(root_id=parent.id, path=cast(prefix.op("||")(samples.c.path), LargeBinary))
        )
        connection.execute(delete(roots).where(roots.c.id == child.id))
