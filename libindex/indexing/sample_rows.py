"""Rows of samples: the paths that have contents."""

import os
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from libindex.disk.walk import Found
from libindex.paths import to_text
from libindex.store.schema import samples


def sample_values(found: Found, root_id: int) -> dict[str, Any]:
    """Columns of a sample that come from the disk."""
    return {
        "root_id": root_id,
        "path": os.fsencode(found.path),
        "name": to_text(os.path.basename(found.path)),  # noqa: PTH119
        "size_bytes": found.stamp.size_bytes,
        "mtime_ns": found.stamp.mtime_ns,
        "ctime_ns": found.stamp.ctime_ns,
        "is_settled": found.is_settled,
    }


def insert_samples(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Record new samples; `rows` are `sample_values` with ``content_id`` and ``failure``."""
    if rows:
        now = int(time.time())
        connection.execute(insert(samples), [{**row, "added_at": now} for row in rows])


def update_samples(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Record samples that changed or moved; `rows` are as for `insert_samples`, with ``id``."""
    if rows:
        names = [k for k in rows[0] if k != "id"]
        query = (
            update(samples)
            .where(samples.c.id == bindparam("sample_id"))
            .values({name: bindparam(name) for name in names})
        )
        connection.execute(query, [{**row, "sample_id": row["id"]} for row in rows])


def delete_samples(connection: Connection, ids: Sequence[int]) -> None:
    """Remove samples."""
    if ids:
        query = delete(samples).where(samples.c.id == bindparam("sample_id"))
        connection.execute(query, [{"sample_id": i} for i in ids])


def delete_samples_of(connection: Connection, root_id: int, limit: int) -> int:
    """Remove some samples of a root, `limit` at most; returns how many."""
    some = select(samples.c.id).where(samples.c.root_id == root_id).limit(limit)
    return connection.execute(delete(samples).where(samples.c.id.in_(some))).rowcount
