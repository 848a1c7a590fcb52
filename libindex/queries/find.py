"""Finding samples: by class, name and facets, and by similarity."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal_column, or_, select

from libindex.paths import join
from libindex.queries.conditions import conditions, matched_classes
from libindex.queries.filters import Filters, Sort
from libindex.queries.lookup import Network
from libindex.queries.resolving import resolved
from libindex.sound.facts import FACETS, Facts
from libindex.store.batches import batched
from libindex.store.facets import facts_of
from libindex.store.schema import analyses, classes, contents, roots, samples

if TYPE_CHECKING:
    from libindex.similarity.neighbours import Ids, NeighbourIndex
    from libindex.sound.decoding import FloatArray

_LIKELY = 0.5  # what is less probable is probably something else


@dataclass(frozen=True, slots=True)
class Hit:
    """A sample that was found.

    Attributes
    ----------
    path : str
        Absolute.
    root : str
        The folder of the library that contains it.
    class_code : str
        The most probable of the classes that were asked for, or of all.
    probability : float
        Of that class.
    percussion : float or None
        Probability of being percussion at all; None if the network doesn't give one.
    facts : Facts
        Properties of the sound and the file: `duration_s`, `centroid_hz`, `sample_rate` …
    added_at : int
        When it was added to the library [s since 1970].
    is_online : bool
        Whether its drive was connected when last checked.
    content_id : int
        Byte-identical samples have the same.
    similarity : float or None
        Cosine similarity to the example, up to 1; only from `similar`.
    copies : tuple of str
        Paths of byte-identical samples that this hit stands for.
    """

    path: str
    root: str
    class_code: str
    probability: float
    percussion: float | None
    facts: Facts
    added_at: int
    is_online: bool
    content_id: int
    similarity: float | None = None
    copies: tuple[str, ...] = ()


def find(
    connection: Connection,
    network: Network,
    filters: Filters,
    sort: Sort = "prob",
    limit: int | None = None,
    offset: int = 0,
    *,
    reverse: bool = False,
    copies: bool = True,
) -> Iterator[Hit]:
    """Samples that match, in order; the filters are checked before the first one is read.

    Where a facet sorts samples of a class and no minimum probability is given, samples that are
    probably not of that class come last. Without `copies`, byte-identical samples are one hit, the
    one that comes first in this order.
    """
    filters = resolved(connection, network, filters)
    query = _matching(connection, network, filters).order_by(*_order(sort, filters, reverse))
    if copies:
        query = query.limit(-1 if limit is None else limit).offset(offset)
        return map(_hit, connection.execute(query))
    if limit is None:
        return iter(_folded(connection.execute(query))[offset:])
    first = _first_of_each(connection, query, offset + limit)[offset:]
    rows = _rows(connection, network, filters, [analysis_id for analysis_id, _ in first])
    groups = (_at_front(sample_id, rows[analysis_id]) for analysis_id, sample_id in first)
    return iter(_folded(chain.from_iterable(groups)))


def count(
    connection: Connection, network: Network, filters: Filters, *, copies: bool = True
) -> int:
    """How many hits `find` would give without a limit."""
    filters = resolved(connection, network, filters)
    column = samples.c.id if copies else analyses.c.id.distinct()
    query = _matching(connection, network, filters).with_only_columns(func.count(column))
    return int(connection.execute(query).scalar_one())


def _first_of_each(
    connection: Connection, query: Select[Any], wanted: int
) -> list[tuple[int, int]]:
    """Of the first analyses, `wanted` at most, id and the id of the first sample."""
    ids: Select[Any] = query.with_only_columns(analyses.c.id, samples.c.id)
    asked = 2 * wanted + 50
    while True:
        rows = connection.execute(ids.limit(asked)).all()
        first: dict[int, int] = {}
        for row in rows:
            first.setdefault(*row)
        if len(rows) < asked or len(first) >= wanted:
            return list(first.items())[:wanted]
        asked *= 4


def _at_front(sample_id: int, rows: Iterable[Row[Any]]) -> list[Row[Any]]:
    """Rows with that of one sample before the others."""
    return sorted(rows, key=lambda row: row.sample_id != sample_id)


def _folded(rows: Iterable[Row[Any]]) -> list[Hit]:
    """A hit for the first sample of each analysis, with the paths of the others as its copies."""
    hits: dict[int, Hit] = {}
    copies: dict[int, list[str]] = {}
    for row in rows:
        if row.analysis_id in hits:
            copies.setdefault(row.analysis_id, []).append(join(row.root, row.path))
        else:
            hits[row.analysis_id] = _hit(row)
    for analysis_id, paths in copies.items():
        in_order = tuple(sorted(paths, key=os.fsencode))
        hits[analysis_id] = replace(hits[analysis_id], copies=in_order)
    return list(hits.values())


def similar(
    connection: Connection,
    network: Network,
    index: "NeighbourIndex",
    embedding: "FloatArray",
    limit: int,
    filters: Filters | None = None,
    *,
    min_similarity: float = -1.0,
    without_path: str | None = None,
    without_content: int | None = None,
    copies: bool = False,
) -> list[Hit]:
    """The samples that are most similar to an embedding of length 1, the most similar first.

    `index` is the `NeighbourIndex` of this network, as the connection sees the library.
    `without_path` and `without_content` leave out the example itself.
    """
    filters = resolved(connection, network, filters or Filters())
    among = None
    if filters != Filters():
        query = _matching(connection, network, filters).with_only_columns(analyses.c.id).distinct()
        among = _as_array(connection.execute(query).scalars().all())
    looked_at = limit + 1
    while True:
        found = index.search(embedding, looked_at, among)
        similarity = {i: s for i, s in found if s >= min_similarity}
        rows = _rows(connection, network, filters, list(similarity))
        hits = _grouped(similarity, rows, without_path, without_content, copies)
        if len(hits) >= limit or len(similarity) < looked_at:
            return hits[:limit]
        looked_at *= 4  # some have no samples at present


def _grouped(
    similarity: dict[int, float],
    rows: dict[int, list[Row[Any]]],
    without_path: str | None,
    without_content: int | None,
    copies: bool,
) -> list[Hit]:
    """Hits of analyses, byte-identical ones together unless `copies`."""
    hits: list[Hit] = []
    for analysis_id, value in similarity.items():
        group = [r for r in rows.get(analysis_id, ()) if join(r.root, r.path) != without_path]
        if not group or group[0].id == without_content:
            continue
        found = map(_hit, group) if copies else _folded(group)
        # Rounding to 16 bits can lift a cosine a little above 1.
        hits += [replace(hit, similarity=min(1.0, value)) for hit in found]
    return hits


def _as_array(ids: Sequence[int]) -> "Ids":
    from libindex.similarity.neighbours import as_ids

    return as_ids(ids)


def _rows(
    connection: Connection, network: Network, filters: Filters, ids: list[int]
) -> dict[int, list[Row[Any]]]:
    """Matching samples by analysis, each analysis's in order of path."""
    groups: dict[int, list[Row[Any]]] = {}
    for part in batched(ids):
        query = _matching(connection, network, filters).where(analyses.c.id.in_(part))
        for row in connection.execute(query.order_by(roots.c.path, samples.c.path)):
            groups.setdefault(row.analysis_id, []).append(row)
    return groups


def _matching(connection: Connection, network: Network, filters: Filters) -> Select[Any]:
    matched = matched_classes(connection, filters, network)
    return (
        select(
            samples.c.id.label("sample_id"),
            samples.c.path,
            samples.c.added_at,
            roots.c.path.label("root"),
            roots.c.is_online,
            contents,
            analyses.c.id.label("analysis_id"),
            analyses.c.percussion,
            classes.c.code,
            matched.c.probability,
        )
        .select_from(matched)
        .join(analyses, analyses.c.id == matched.c.analysis_id)
        .join(classes, classes.c.id == matched.c.class_id)
        .join(contents, contents.c.id == analyses.c.content_id)
        .join(samples, samples.c.content_id == contents.c.id)
        .join(roots, roots.c.id == samples.c.root_id)
        .where(analyses.c.network_id == network.id, samples.c.failure.is_(None))
        .where(*conditions(connection, filters))
    )


def _order(sort: Sort, filters: Filters, reverse: bool) -> list[ColumnElement[Any]]:
    path: list[ColumnElement[Any]] = [roots.c.path, samples.c.path]
    if sort == "path":
        return [column.desc() if reverse else column.asc() for column in path]
    probability: ColumnElement[Any] = literal_column("matched.probability")
    facets = {facet.word: contents.c[facet.key] for facet in FACETS}
    column: ColumnElement[Any] = {
        "prob": probability,
        "name": func.lower(samples.c.name),
        **facets,
        "added": samples.c.added_at,
    }[sort]
    falling = (sort in {"prob", "added"}) != reverse
    order = [(column.desc() if falling else column.asc()).nulls_last(), *path]
    if sort in facets and filters.classes and filters.min_prob is None:
        doubtful = or_(probability < _LIKELY, func.coalesce(analyses.c.percussion, 1.0) < _LIKELY)
        order.insert(0, doubtful.asc())
    return order


def _hit(row: Row[Any]) -> Hit:
    return Hit(
        path=join(row.root, row.path),
        root=os.fsdecode(row.root),
        class_code=row.code,
        probability=row.probability,
        percussion=row.percussion,
        facts=facts_of(row),
        added_at=row.added_at,
        is_online=row.is_online,
        content_id=row.id,
    )
