"""Places on the map: given once to each sound, kept in the database, and never changed.

A network's first map is its home: sounds are placed by the geography that comes with the network.
A network without one gets references from the library itself, when the map is made: the first two
principal components of some of its sounds. Later sounds are placed among the same, which are the
sounds that have places already.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, func, select
from sqlalchemy.dialects.sqlite import insert

from libindex.similarity.embeddings import unpacked
from libindex.similarity.geography import WIDTH, Geography, Places, Region, regions_of
from libindex.sound.decoding import FloatArray
from libindex.store.batches import batched
from libindex.store.database import Database
from libindex.store.schema import analyses, classes, embeddings, maps, places

_AT_ONCE = 2_000  # sounds in a transaction
_REFERENCES = 2_000


@dataclass(frozen=True, slots=True)
class Map:
    """A map of a network's sounds.

    Attributes
    ----------
    id : int
        Another one for every map that was ever made.
    kind : {"home", "own"}
        Whether the geography that came with the network decided, or the library's own sounds.
    """

    id: int
    kind: str


def current_map(connection: Connection, network_id: int) -> Map | None:
    """The map that is shown; None if nothing was placed yet."""
    query = select(maps.c.id, maps.c.kind).where(maps.c.network_id == network_id, maps.c.is_current)
    row = connection.execute(query.order_by(maps.c.id.desc()).limit(1)).first()
    return None if row is None else Map(row.id, row.kind)


def count_missing(connection: Connection, network_id: int) -> int:
    """How many analyses have no place."""
    return int(connection.execute(_missing(connection, network_id, func.count())).scalar_one())


def place_missing(
    database: Database,
    network_id: int,
    geography: Geography | None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Give a place to each sound that has none.

    It may be stopped at any time and go on later, and several processes may do it at once.

    Parameters
    ----------
    database : Database
        The library.
    network_id : int
        Whose embeddings count.
    geography : Geography or None
        What came with that network.
    on_progress : callable
        Called with the number of sounds placed so far.

    Returns
    -------
    int
        How many were placed.
    """
    with database.reading() as connection:
        current = current_map(connection, network_id)
        query = _missing(connection, network_id, analyses.c.id).order_by(analyses.c.id)
        ids = list(connection.execute(query).scalars())
        if not ids:
            return 0
        is_own = current is not None and current.kind == "own"
        if current is not None and (is_own or geography is None):
            geography = _own(connection, current)
        first: list[int] = []
        if geography is None:
            first, vectors = _vectors(connection, ids[:_REFERENCES])
            geography = _made_up(vectors)
    kind = "own" if geography.is_own else "home"
    if first:  # they lie where they were put, and not among each other
        _record(database, network_id, kind, first, geography.places)
    for start in range(len(first), len(ids), _AT_ONCE):
        with database.reading() as connection:
            known, vectors = _vectors(connection, ids[start : start + _AT_ONCE])
        if known:
            _record(database, network_id, kind, known, geography.place(vectors))
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


def _missing(connection: Connection, network_id: int, what: ColumnElement[Any]) -> Select[Any]:
    current = current_map(connection, network_id)
    placed = select(places.c.analysis_id).where(places.c.map_id == (current.id if current else 0))
    return (
        select(what)
        .select_from(analyses)
        .where(analyses.c.network_id == network_id, analyses.c.id.not_in(placed))
    )


def _vectors(connection: Connection, ids: Sequence[int]) -> tuple[list[int], FloatArray]:
    """Embeddings of analyses, and of which: one may have been removed meanwhile."""
    query = select(embeddings.c.analysis_id, embeddings.c.vector)
    rows = [
        row
        for part in batched(ids)
        for row in connection.execute(query.where(embeddings.c.analysis_id.in_(part)))
    ]
    vectors = [unpacked(row.vector) for row in rows]
    return [row.analysis_id for row in rows], np.array(vectors, np.float32)


def _record(
    database: Database, network_id: int, kind: str, ids: Sequence[int], found: Places
) -> None:
    with database.writing() as connection:
        current = current_map(connection, network_id)  # another process may have begun it
        map_id = current.id if current else _new_map(connection, network_id, kind)
        there = select(analyses.c.id).where(analyses.c.id.in_(ids))
        still = set(connection.execute(there).scalars())
        rows = [
            {"map_id": map_id, "analysis_id": one, "x": int(x), "y": int(y)}
            for one, (x, y) in zip(ids, found, strict=True)
            if one in still
        ]
        if rows:
            connection.execute(insert(places).on_conflict_do_nothing(), rows)


def _new_map(connection: Connection, network_id: int, kind: str) -> int:
    values = {
        "network_id": network_id,
        "kind": kind,
        "made_at": int(time.time()),
        "is_current": True,
    }
    made = connection.execute(insert(maps).values(values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def _own(connection: Connection, current: Map) -> Geography | None:
    """The sounds that were placed first, as references; None if there are none any more."""
    query = select(places).where(places.c.map_id == current.id).order_by(places.c.analysis_id)
    rows = connection.execute(query.limit(_REFERENCES)).all()
    at = {row.analysis_id: (row.x, row.y) for row in rows}
    known, vectors = _vectors(connection, list(at))
    if not known:
        return None
    return Geography.own(vectors, np.array([at[one] for one in known], np.uint16))


def _made_up(vectors: FloatArray) -> Geography:
    """A geography of the first two principal components, spread over the square by rank."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    plane = centred @ axes[:2].T if len(axes) > 1 else np.zeros((len(vectors), 2))
    ranks = plane.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    spread = 0.03 + 0.94 * ranks / max(1, len(vectors) - 1)
    return Geography.own(vectors, np.ascontiguousarray(np.rint(spread * WIDTH), np.uint16))
