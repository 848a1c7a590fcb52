"""Embeddings in the database, and the neighbour index as a cache of them.

The database is the truth. The index file carries the library's revision; where that is an earlier
one, the index is caught up by comparing ids, which are never used twice; where it is none of
this library's, the index is made anew.

numpy and FAISS are imported when they are needed: a search by class needs neither.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from libindex.similarity import stampedfile
from libindex.store.batches import batched
from libindex.store.schema import analyses, embeddings, library

if TYPE_CHECKING:
    from libindex.similarity.neighbours import NeighbourIndex
    from libindex.sound.decoding import FloatArray

_ADDED_AT_ONCE = 20_000  # vectors: adding looks at all ids that are there


def packed(latent: "FloatArray") -> tuple[bytes, float]:
    """A latent as it is stored.

    Parameters
    ----------
    latent : ndarray of float32, shape (size,)
        The LSTM's final states.

    Returns
    -------
    vector : bytes
        The latent divided by its length, as little-endian 16-bit floats.
    norm : float
        The length.
    """
    import numpy as np

    norm = float(np.linalg.norm(latent))
    return (latent / norm if norm > 0 else latent).astype("<f2").tobytes(), norm


def unpacked(vector: bytes) -> "FloatArray":
    """A stored embedding as float32, shape (size,), of length 1 to float16's precision."""
    import numpy as np

    return np.frombuffer(vector, "<f2").astype(np.float32)


def normalised(latent: "FloatArray") -> "FloatArray":
    """A latent as an embedding: of length 1, unless it is 0."""
    import numpy as np

    norm = np.linalg.norm(latent)
    return np.asarray(latent / norm if norm > 0 else latent, dtype=np.float32)


def index_path(database: Path, fingerprint: str) -> Path:
    """Where the neighbour index of a network's embeddings lies: beside the database."""
    return database.with_name(f"{database.name}.{fingerprint[:12]}.neighbours")


def revision(connection: Connection) -> str:
    """The library's revision: another one after every change of the embeddings."""
    query = select(library.c.revision).order_by(library.c.id.desc()).limit(1)
    return str(connection.execute(query).scalar())


def was_revision(connection: Connection, stamp: str) -> bool:
    """Whether the library ever had this revision."""
    query = select(library.c.id).where(library.c.revision == stamp)
    return connection.execute(query.limit(1)).first() is not None


def is_current(connection: Connection, path: Path) -> bool:
    """Whether the index file, if there is one, shows what the database holds."""
    return stampedfile.stamp_of(path) == revision(connection)


def neighbour_index(
    connection: Connection,
    path: Path,
    network_id: int,
    size: int,
    *,
    save: bool = True,
    older: "tuple[NeighbourIndex, str] | None" = None,
) -> "NeighbourIndex":
    """The index as the database is now; read from its file, caught up, or made anew.

    Parameters
    ----------
    connection : Connection
        A transaction on the database.
    path : Path
        The index's file. It is written again if it was not current; if that fails, nothing is
        lost but the time to do it the next time.
    network_id : int
        The network whose embeddings are meant.
    size : int
        Numbers in each embedding.
    save : bool
        Whether to write the file if it was not current.
    older : (NeighbourIndex, str), optional
        An index that is known already, and the revision that it shows. It is not changed.

    Returns
    -------
    NeighbourIndex
        With the analyses' ids.
    """
    from libindex.similarity.neighbours import NeighbourIndex

    now = revision(connection)
    index, stamp = older or NeighbourIndex.load(path) or (NeighbourIndex(size), "")
    if index.size != size or not was_revision(connection, stamp):
        index = NeighbourIndex(size)
    elif stamp == now:
        return index
    elif older:
        index = index.copy()
    _catch_up(connection, index, network_id)
    if save:
        with contextlib.suppress(OSError):
            index.save(path, now)
    return index


def _catch_up(connection: Connection, index: "NeighbourIndex", network_id: int) -> None:
    import numpy as np

    query = select(analyses.c.id).where(analyses.c.network_id == network_id)
    stored = np.fromiter(connection.execute(query).scalars(), np.int64)
    index.remove(np.setdiff1d(index.ids, stored))
    missing = np.setdiff1d(stored, index.ids)
    for part in batched(missing.tolist(), _ADDED_AT_ONCE):
        vectors = dict(_vectors(connection, part))
        index.add(np.array(part, np.int64), np.stack([unpacked(vectors[i]) for i in part]))


def _vectors(connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    for part in batched(ids):
        query = select(embeddings.c.analysis_id, embeddings.c.vector)
        for row in connection.execute(query.where(embeddings.c.analysis_id.in_(part))):
            yield row.analysis_id, row.vector


def count(connection: Connection, network_id: int) -> int:
    """How many embeddings of a network the database holds."""
    query = select(func.count()).where(analyses.c.network_id == network_id)
    return int(connection.execute(query).scalar_one())
