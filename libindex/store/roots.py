"""Roots, the folders that the user added, as the database has them."""

import os
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from libindex.store.schema import roots, samples


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


def all_roots(connection: Connection) -> list[Root]:
    """Every root, in order of path."""
    known = select(samples.c.id).where(samples.c.root_id == roots.c.id).exists()
    query = select(roots, known.label("has_samples")).order_by(roots.c.path)
    return [
        Root(r.id, os.fsdecode(r.path), r.is_mount, r.is_online, r.has_samples)
        for r in connection.execute(query)
    ]


def under(below: bytes) -> ColumnElement[bool]:
    """An SQL condition: a sample is the file `below`, or lies under the folder `below`."""
    separator = os.fsencode(os.sep)
    after = bytes([separator[0] + 1])
    path = samples.c.path
    inside = (path >= below + separator) & (path < below + after)
    return (path == below) | inside
