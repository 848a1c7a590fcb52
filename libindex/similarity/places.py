"""Places on the map: given once to each sound, kept in the database, and never changed.

A network's first map is its home: sounds are placed by the geography that comes with the network.
A network without one gets references from the library itself, when the map is made: the first two
principal components of some of its sounds. On such a map, and on one that was settled (see
`libindex.similarity.settling`), later sounds are placed among those that have places already.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, func, select
from sqlalchemy.dialects.sqlite import insert

from libindex.similarity.embeddings import unpacked
from libindex.similarity.geography import Geography, Places, Region, regions_of, spread
from libindex.sound.decoding import FloatArray
from libindex.store.batches import batched
from libindex.store.database import Database
from libindex.store.schema import analyses, classes, embeddings, maps, places

_AT_ONCE = 2_000  # sounds in a transaction
_FIRST = 2_000  # sounds that begin a map of a network without a geography
_MOST_REFERENCES = 20_000  # sounds of the library, among which others are placed

Kind = Literal["home", "own", "settled"]


@dataclass(frozen=True, slots=True)
class Map:
    """A map of a network's sounds.

    Attributes
    ----------
    id : int
        Another one for every map that was ever made.
    kind : {"home", "own", "settled"}
        Whether the geography that came with the network decided, or the library's own sounds, or
        it was fitted to them.
    """

    id: int
    kind: Kind


def current_map(connection: Connection, network_id: int) -> Map | None:
    """The map that is shown; None if nothing was placed yet."""
    query = select(maps.c.id, maps.c.kind).where(maps.c.network_id == network_id, maps.c.is_current)
    row = connection.execute(query.order_by(maps.c.id.desc()).limit(1)).first()
    return None if row is None else Map(row.id, row.kind)


def count_missing(connection: Connection, network_id: int) -> int:
    """How many analyses have no place."""
    current = current_map(connection, network_id)
    query = _missing(network_id, current.id if current else 0, func.count())
    return int(connection.execute(query).scalar_one())


def place_missing(
    database: Database,
    network_id: int,
    geography: Geography | None,
    at_most: int | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Give a place to each sound that has none, or to some of them.

    It may be stopped at any time and go on later, and several processes may do it at once.

    Parameters
    ----------
    database : Database
        The library.
    network_id : int
        Whose embeddings count.
    geography : Geography or None
        What came with that network.
    at_most : int, optional
        How many of them. Then a map that needs the library's own sounds is not begun: a few of
        them would decide where all others lie.
    on_progress : callable
        Called with the number of sounds placed so far.

    Returns
    -------
    int
        How many were placed.
    """
    with database.reading() as connection:
        if not count_missing(connection, network_id):
            return 0
        current = current_map(connection, network_id)
    if current is None:
        if geography is None and at_most is not None:
            return 0
        current = _current_or_new(database, network_id, "own" if geography is None else "home")
    if current.kind != "home" or geography is None:
        with database.reading() as connection:
            geography = among_placed(connection, current.id)
    if geography is None:
        geography = _begun(database, network_id, current.id)
    return place_on(database, network_id, current.id, geography, at_most, on_progress)


def place_on(
    database: Database,
    network_id: int,
    map_id: int,
    geography: Geography,
    at_most: int | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Place what is not on a map yet, or some of it, by a geography; how many those were."""
    with database.reading() as connection:
        query = _missing(network_id, map_id, analyses.c.id).order_by(analyses.c.id).limit(at_most)
        ids = list(connection.execute(query).scalars())
    for start in range(0, len(ids), _AT_ONCE):
        with database.reading() as connection:
            known, vectors = vectors_of(connection, ids[start : start + _AT_ONCE])
        if known:
            found = geography.place(vectors)
            with database.writing() as connection:
                insert_places(connection, map_id, known, found)
        on_progress(min(start + _AT_ONCE, len(ids)))
    return len(ids)


def regions(
    connection: Connection, network_id: int, codes: tuple[str, ...], geography: Geography | None
) -> list[Region]:
    """Where the classes are: by the geography, or by the library's own sounds."""
    current = current_map(connection, network_id)
    if current is None:
        return []
    if current.kind == "home" and geography is not None:
        return geography.regions(codes)
    query = (
        select(places.c.x, places.c.y, classes.c.code)
        .join(analyses, analyses.c.id == places.c.analysis_id)
        .join(classes, classes.c.id == analyses.c.class_id)
        .where(places.c.map_id == current.id)
    )
    rows = connection.execute(query).all()
    at = np.array([(row.x, row.y) for row in rows], np.uint16).reshape(-1, 2)
    labels = np.array([codes.index(row.code) for row in rows], np.int64)
    return regions_of(at, labels, codes)


def among_placed(connection: Connection, map_id: int) -> Geography | None:
    """The sounds of a map, or a fair sample of many, as references; None if it has none."""
    known, vectors, at = sample_of(connection, map_id, _MOST_REFERENCES)
    return Geography.own(vectors, at) if known else None


def sample_of(
    connection: Connection, map_id: int, at_most: int
) -> tuple[list[int], FloatArray, Places]:
    """Sounds of a map, in an order that has nothing to do with them.

    Returns
    -------
    ids : list of int
        Of analyses.
    vectors : ndarray of float32, shape (sounds, latent_size)
        Their embeddings.
    places : ndarray of uint16, shape (sounds, 2)
        Where they lie.
    """
    # Knuth's multiplicative hash; what was scanned together has ids in a row.
    scrambled = places.c.analysis_id * 2_654_435_761 % 2**32
    query = select(places.c.analysis_id, places.c.x, places.c.y).where(places.c.map_id == map_id)
    rows = connection.execute(query.order_by(scrambled).limit(at_most)).all()
    at = {row.analysis_id: (row.x, row.y) for row in rows}
    known, vectors = vectors_of(connection, list(at))
    return known, vectors, np.array([at[one] for one in known], np.uint16).reshape(-1, 2)


def vectors_of(connection: Connection, ids: Sequence[int]) -> tuple[list[int], FloatArray]:
    """Embeddings of analyses, and of which: one may have been removed meanwhile."""
    query = select(embeddings.c.analysis_id, embeddings.c.vector)
    found = {
        row.analysis_id: row.vector
        for part in batched(ids)
        for row in connection.execute(query.where(embeddings.c.analysis_id.in_(part)))
    }
    known = [one for one in ids if one in found]
    return known, np.array([unpacked(found[one]) for one in known], np.float32)


def insert_places(connection: Connection, map_id: int, ids: Sequence[int], found: Places) -> None:
    """Record where sounds lie; those that were removed meanwhile, or have a place, are left out."""
    there = {
        one
        for part in batched(ids)
        for one in connection.execute(
            select(analyses.c.id).where(analyses.c.id.in_(part))
        ).scalars()
    }
    rows = [
        {"map_id": map_id, "analysis_id": one, "x": x, "y": y}
        for one, (x, y) in zip(ids, found.tolist(), strict=True)
        if one in there
    ]
    if rows:
        connection.execute(insert(places).on_conflict_do_nothing(), rows)


def new_map(connection: Connection, network_id: int, kind: Kind, *, is_current: bool) -> Map:
    """Another map, without places yet; one that is not shown has no time until it is complete."""
    values = {
        "network_id": network_id,
        "kind": kind,
        "made_at": int(time.time()) if is_current else 0,
        "is_current": is_current,
    }
    made = connection.execute(insert(maps).values(values)).inserted_primary_key
    assert made is not None
    return Map(int(made[0]), kind)


def _missing(network_id: int, map_id: int, what: ColumnElement[Any]) -> Select[Any]:
    placed = select(places.c.analysis_id).where(places.c.map_id == map_id)
    return (
        select(what)
        .select_from(analyses)
        .where(analyses.c.network_id == network_id, analyses.c.id.not_in(placed))
    )


def _current_or_new(database: Database, network_id: int, kind: Kind) -> Map:
    with database.writing() as connection:
        found = current_map(connection, network_id)  # another process may have begun it
        return found or new_map(connection, network_id, kind, is_current=True)


def _begun(database: Database, network_id: int, map_id: int) -> Geography:
    """Put the first sounds onto an empty map, by their principal components."""
    with database.reading() as connection:
        query = _missing(network_id, map_id, analyses.c.id).order_by(analyses.c.id).limit(_FIRST)
        ids, vectors = vectors_of(connection, list(connection.execute(query).scalars()))
    found = spread(_principal_plane(vectors))
    with database.writing() as connection:
        other = among_placed(connection, map_id)  # another process was first
        if other is None:
            insert_places(connection, map_id, ids, found)
    return other or Geography.own(vectors, found)


def _principal_plane(vectors: FloatArray) -> NDArray[np.float64]:
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:2].T if len(axes) > 1 else np.zeros((len(vectors), 2))
