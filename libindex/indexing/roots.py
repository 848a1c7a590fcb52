"""Roots: the folders that the user added."""

import os
import time
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, LargeBinary, cast, delete, func, literal, select, update
from sqlalchemy.dialects.sqlite import insert

from libindex.disk import presence
from libindex.disk.filesystems import mounts
from libindex.errors import NotFoundError
from libindex.paths import display, join, relative_to
from libindex.store.roots import Root, all_roots, under
from libindex.store.schema import roots, samples


def mounted_inside(roots_: Iterable[Root]) -> list[tuple[Root, str]]:
    """Roots that drives are mounted inside of, and where, relative to the root."""
    mounted = sorted(mounts())
    found = []
    for root in roots_:
        real = os.path.realpath(root.path)
        below = (relative_to(point, real) for point in mounted)
        found += [(root, path) for path in below if path]
    return found


def split_off(connection: Connection, root: Root, below: str) -> None:
    """Make a drive that is mounted inside of a root a root of its own.

    So that its samples are kept when it is unplugged and its mount point is empty.
    """
    drive = add_root(connection, join(root.path, below))
    raw = os.fsencode(below)
    connection.execute(
        update(samples)
        .where(samples.c.root_id == root.id, under(raw))
        .values(root_id=drive.id, path=func.substr(samples.c.path, len(raw) + 2))
    )
    finished(connection, drive)


def why_offline(root: Root) -> str | None:
    """Why a root is not there now; None if it is."""
    return presence.why_offline(root.path, was_mount=root.is_mount, has_samples=root.has_samples)


def root_at(connection: Connection, path: str) -> Root:
    """The root at a path; raises NotFoundError if it is none."""
    known = all_roots(connection)
    for root in known:
        if root.path == path:
            return root
    names = ", ".join(display(root.path) for root in known) or "none"
    raise NotFoundError(f"is not one of the library's folders ({names})", path)


def delete_root(connection: Connection, root: Root) -> None:
    """Take a root out of the library, with what samples it still has."""
    connection.execute(delete(roots).where(roots.c.id == root.id))


def outdated_presence(seen: Mapping[Root, bool]) -> dict[Root, bool]:
    """Of roots that were seen to be there or not those of which something else is recorded."""
    return {
        root: is_online
        for root, is_online in seen.items()
        if is_online != root.is_online
        or (is_online and presence.is_mount(root.path) != root.is_mount)
    }


def note_presence(connection: Connection, root: Root, *, is_online: bool) -> None:
    """Note whether a root is there, and if it is, whether it is a drive."""
    values = {"is_online": is_online}
    if is_online:
        values["is_mount"] = presence.is_mount(root.path)
    connection.execute(update(roots).where(roots.c.id == root.id).values(values))


def finished(connection: Connection, root: Root) -> None:
    """Note that a root was scanned to its end."""
    query = update(roots).where(roots.c.id == root.id).values(scanned_at=int(time.time()))
    connection.execute(query)


def knows(connection: Connection, root: Root, below: str) -> bool:
    """Whether there are samples at or below a path of a root."""
    query = select(samples.c.id).where(samples.c.root_id == root.id, under(os.fsencode(below)))
    return connection.execute(query.limit(1)).first() is not None


def add_root(connection: Connection, path: str) -> Root:
    """Record a new root."""
    mounted = presence.is_mount(path)
    values = {
        "path": os.fsencode(path),
        "is_mount": mounted,
        "is_online": True,
        "added_at": int(time.time()),
    }
    new = connection.execute(insert(roots).values(values)).inserted_primary_key
    return Root(int(new[0]) if new else 0, path, mounted, is_online=True, has_samples=False)


def absorb(connection: Connection, parent: Root) -> None:
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
