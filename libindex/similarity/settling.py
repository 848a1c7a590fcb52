"""Maps fitted to one library, back to the map that came with the network, and undoing either.

On the network's map a sound lies among the references that it resembles most; which of *its own
library's* sounds resemble it has no effect. A map is settled by t-SNE (van der Maaten and Hinton
2008, as openTSNE computes it), which begins at the places that the sounds have, so that kicks
stay where kicks are. It needs openTSNE, which comes with ``libindex[map]``.

A map is made beside the one that is shown, and shown when it is complete; the one that was shown
before is kept, so that it can be brought back.
"""

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select, update

from libindex.errors import LibindexError, NotFoundError, UsageError
from libindex.similarity.geography import Geography, Places, filling
from libindex.similarity.places import (
    Kind,
    Map,
    current_map,
    insert_places,
    new_map,
    place_missing,
    place_on,
    sample_of,
)
from libindex.sound.decoding import FloatArray
from libindex.store import locking
from libindex.store.batches import batched
from libindex.store.database import Database
from libindex.store.schema import analyses, maps, places

OnProgress = Callable[[float], None]
"""Called with the part that is done, from 0 to 1."""

_FEWEST = 10  # sounds that make a map worth while
_MOST = 100_000  # that are fitted; others are placed among them
_REFERENCES = 20_000  # among which they are placed
_PERPLEXITY = 30
_STEPS = 250
_SEED = 7
_WRITTEN_AT_ONCE = 20_000
_SPAN = 0.9  # of the time that is spent on fitting


def can_settle() -> bool:
    """Whether openTSNE is there."""
    return importlib.util.find_spec("openTSNE") is not None


@dataclass(frozen=True, slots=True)
class SoundMap:
    """The map of a library, to be made anew.

    Parameters
    ----------
    database : Database
        The library.
    network_id : int
        Whose embeddings count.
    geography : Geography or None
        What came with that network.

    Examples
    --------
    >>> library.map.settle()
    16
    >>> library.map.undo()
    Map(id=1, kind='home')
    >>> library.map.redraw()
    16
    """

    database: Database
    network_id: int
    geography: Geography | None

    def settle(self, on_progress: OnProgress = lambda _: None) -> int:
        """Fit the map to the library's own sounds.

        Parameters
        ----------
        on_progress : callable
            See `OnProgress`.

        Returns
        -------
        int
            How many sounds are on the map.

        Raises
        ------
        LibindexError
            If openTSNE is missing.
        BusyError
            If another process draws the map.
        UsageError
            If there are too few sounds.
        """
        if not can_settle():
            raise LibindexError(
                "settling the map needs openTSNE; install it with: pip install 'libindex[map]'"
            )
        with locking.map_lock(self.database.path):
            place_missing(self.database, self.network_id, self.geography)
            with self.database.reading() as connection:
                shown = current_map(connection, self.network_id)
                ids, vectors, start = sample_of(connection, shown.id if shown else 0, _MOST)
            if len(ids) < _FEWEST:
                raise UsageError(f"a map is settled from {_FEWEST} sounds on; scan some first")
            found = fitted(vectors, start, lambda part: on_progress(_SPAN * part))
            made = self._begun("settled")
            for part in batched(range(len(ids)), _WRITTEN_AT_ONCE):
                rows = slice(part[0], part[-1] + 1)
                with self.database.writing() as connection:
                    insert_places(connection, made.id, ids[rows], found[rows])
            among = Geography.own(vectors[:_REFERENCES], found[:_REFERENCES])
            return self._completed(made, among, on_progress)

    def redraw(self, on_progress: OnProgress = lambda _: None) -> int:
        """Place every sound anew among the references that came with the network.

        Parameters
        ----------
        on_progress : callable
            See `OnProgress`.

        Returns
        -------
        int
            How many sounds are on the map.

        Raises
        ------
        NotFoundError
            If no geography came with the network.
        BusyError
            If another process draws the map.
        """
        if self.geography is None:
            raise NotFoundError("this network came without a map; settle it instead")
        with locking.map_lock(self.database.path):
            return self._completed(self._begun("home"), self.geography, on_progress)

    def undo(self) -> Map:
        """Show the map that was shown before; once more shows the present one again.

        Returns
        -------
        Map
            The one that is shown now.

        Raises
        ------
        NotFoundError
            If there is no other one.
        BusyError
            If another process draws the map.
        """
        with locking.map_lock(self.database.path), self.database.writing() as connection:
            other = other_map(connection, self.network_id)
            if other is None:
                raise NotFoundError("the map was not changed, so there is nothing to undo")
            _show(connection, self.network_id, other.id)
        return other

    def _begun(self, kind: Kind) -> Map:
        """A map that is not shown yet; what an earlier attempt left behind goes."""
        with self.database.reading() as connection:
            unfinished = select(maps.c.id).where(
                maps.c.network_id == self.network_id, maps.c.made_at == 0
            )
            outdated = list(connection.execute(unfinished).scalars())
        for map_id in outdated:
            _drop(self.database, map_id)
        with self.database.writing() as connection:
            return new_map(connection, self.network_id, kind, is_current=False)

    def _completed(self, made: Map, geography: Geography, on_progress: OnProgress) -> int:
        """Place the rest, show the map, and keep of the others only the one that was shown."""

        def report(count: int) -> None:
            on_progress(_SPAN + (1 - _SPAN) * min(1.0, count / total))

        with self.database.reading() as connection:
            query = select(func.count()).where(analyses.c.network_id == self.network_id)
            total = max(1, connection.execute(query).scalar_one())
        place_on(self.database, self.network_id, made.id, geography, on_progress=report)
        with self.database.writing() as connection:
            before = current_map(connection, self.network_id)
            _show(connection, self.network_id, made.id)
            others = select(maps.c.id).where(
                maps.c.network_id == self.network_id,
                maps.c.id.not_in([made.id, before.id if before else 0]),
            )
            outdated = list(connection.execute(others).scalars())
            query = select(func.count()).where(places.c.map_id == made.id)
            count = int(connection.execute(query).scalar_one())
        for map_id in outdated:
            _drop(self.database, map_id)
        on_progress(1.0)
        return count


def other_map(connection: Connection, network_id: int) -> Map | None:
    """The map that `SoundMap.undo` would show."""
    # One that is being made, or was never completed, has not been shown.
    query = select(maps.c.id, maps.c.kind).where(
        maps.c.network_id == network_id, ~maps.c.is_current, maps.c.made_at > 0
    )
    row = connection.execute(query.order_by(maps.c.id.desc()).limit(1)).first()
    return None if row is None else Map(row.id, row.kind)


def fitted(vectors: FloatArray, start: Places, on_progress: OnProgress) -> Places:
    """Places that keep neighbours together, begun at others.

    Parameters
    ----------
    vectors : ndarray of float32, shape (sounds, latent_size)
        Embeddings, of length 1.
    start : ndarray of uint16, shape (sounds, 2)
        Where they lie.
    on_progress : callable
        See `OnProgress`.

    Returns
    -------
    ndarray of uint16, shape (sounds, 2)
        Turned and mirrored as well as it goes to where they lay.
    """
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    distances, neighbours = _nearest(vectors, int(3 * perplexity), on_progress)
    affinities = PerplexityBasedNN(
        perplexity=perplexity, knn_index=PrecomputedNeighbors(neighbours, distances), n_jobs=-1
    )
    embedding = TSNEEmbedding(
        _begin_at(start), affinities, random_state=_SEED, n_jobs=-1, callbacks_every_iters=5
    )

    def report(step: int, *_: Any) -> None:
        on_progress(0.4 + 0.6 * step / _STEPS)

    embedding = embedding.optimize(_STEPS, momentum=0.8, callbacks=report)
    return filling(_turned(np.asarray(embedding, np.float64), start.astype(np.float64)))


def _nearest(
    vectors: FloatArray, count: int, on_progress: OnProgress
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The nearest others of each: how far [1 - cosine], and which."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    distances = np.empty((len(vectors), count), np.float32)
    neighbours = np.empty((len(vectors), count), np.int64)
    for rows in batched(range(len(vectors)), 1_000):
        at = slice(rows[0], rows[-1] + 1)
        cosines, found = index.search(vectors[at], count + 1)
        # Itself is among them, but with equal sounds not always the first, or at all.
        is_other = found != np.arange(at.start, at.stop)[:, None]
        is_other &= np.cumsum(is_other, axis=1) <= count
        distances[at] = 1 - cosines[is_other].reshape(-1, count)
        neighbours[at] = found[is_other].reshape(-1, count)
        on_progress(0.4 * at.stop / len(vectors))
    return np.maximum(distances, 0), neighbours


def _begin_at(start: Places) -> NDArray[np.float64]:
    """Places in the unit of t-SNE: so wide that neither has the map to grow first nor to shrink."""
    centred: NDArray[np.float64] = start.astype(np.float64) - start.mean(axis=0)
    wide = 0.25 * float(np.sqrt(len(start)))
    return centred * (wide / max(1.0, float(centred.std())))


def _turned(points: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turned and mirrored to lie as near as can be to other points (orthogonal Procrustes)."""
    u, _, v = np.linalg.svd((points - points.mean(axis=0)).T @ (wanted - wanted.mean(axis=0)))
    turned: NDArray[np.float64] = points @ (u @ v)
    return turned


def _show(connection: Connection, network_id: int, map_id: int) -> None:
    of_network = update(maps).where(maps.c.network_id == network_id)
    connection.execute(of_network.values(is_current=maps.c.id == map_id))
    unfinished = update(maps).where(maps.c.id == map_id, maps.c.made_at == 0)
    connection.execute(unfinished.values(made_at=int(time.time())))


def _drop(database: Database, map_id: int) -> None:
    """Remove a map, in parts, so that no other writer waits for long."""
    while True:
        with database.writing() as connection:
            some = select(places.c.analysis_id).where(places.c.map_id == map_id)
            found = delete(places).where(
                places.c.map_id == map_id, places.c.analysis_id.in_(some.limit(_WRITTEN_AT_ONCE))
            )
            if not connection.execute(found).rowcount:
                connection.execute(delete(maps).where(maps.c.id == map_id))
                return
