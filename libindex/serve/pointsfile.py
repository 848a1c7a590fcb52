"""The columns of all sounds in a file beside the database, for the next start of the server.

To read a million sounds takes seconds. The file says up to which change in the log it goes, so that
the next start reads again only what changed since.
"""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from sqlalchemy import Connection, select

from libindex.queries import Network
from libindex.serve.ordinals import LEVELS, edges_of
from libindex.similarity import stampedfile
from libindex.similarity.embeddings import revision, was_revision
from libindex.sound.facts import FACETS
from libindex.store.schema import changes

Columns = dict[str, NDArray[Any]]

_FORMAT = 1
"""Of the columns: another one when the same numbers mean something else."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (sounds,)
        As they were written.
    change : int
        The last change in the log that they show.
    """

    columns: Columns
    change: int


def path_of(database: Path) -> Path:
    """Where the file of a library lies."""
    return database.with_name(f"{database.name}.points")


def write(connection: Connection, path: Path, network: Network, map_id: int, kept: Kept) -> None:
    """Write the file; if that fails, the next start takes longer, and nothing is lost.

    Parameters
    ----------
    connection : Connection
        A transaction on the database.
    path : Path
        See `path_of`.
    network : Network
        Whose results the columns show.
    map_id : int
        Where their places are from.
    kept : Kept
        The columns.
    """
    about = {
        "meaning": _meaning(network, map_id),
        "revision": revision(connection),
        "change": kept.change,
        "content": _content_of(connection, kept.change),
    }
    with contextlib.suppress(OSError):
        stampedfile.write(path, json.dumps(about), save(kept.columns))


def read(connection: Connection, path: Path, network: Network, map_id: int) -> Kept | None:
    """What the file holds, if it is of this library, network and map; else None."""
    found = stampedfile.read(path)
    if found is None:
        return None
    stamp, payload = found
    try:
        about = json.loads(stamp)
        kept = Kept(load(bytes(payload)), int(about["change"]))
        is_of_these = (
            about["meaning"] == _meaning(network, map_id)
            and was_revision(connection, about["revision"])
            # In a copy of the library that was restored, this change may have been another.
            and about["content"] == _content_of(connection, kept.change)
        )
    except (ValueError, KeyError, TypeError, SafetensorError):
        return None
    return kept if is_of_these else None


def _meaning(network: Network, map_id: int) -> str:
    edges = [(facet.key, edges_of(facet)) for facet in FACETS]
    about = [_FORMAT, network.id, network.fingerprint, network.classes, map_id, edges, LEVELS]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def _content_of(connection: Connection, change: int) -> int | None:
    query = select(changes.c.content_id).where(changes.c.id == change)
    return connection.execute(query).scalar()
