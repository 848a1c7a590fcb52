"""Finding samples: by class, name and facets, and by similarity."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
    end = None if limit is None else offset + limit
    groups, is_all = _first_groups(connection, query, end)
    shown = list(groups)[offset:end]
    if not is_all:
        rest = _rows(connection, network, filters, shown)
        groups = {
            i: [groups[i][0], *(r for r in rest[i] if r.sample_id != groups[i][0].sample_id)]
            for i in shown
        }
    return (_folded([_hit(row) for row in groups[i]]) for i in shown)


def count(
    connection: Connection, network: Network, filters: Filters, *, copies: bool = True
) -> int:
    """How many hits `find` would give without a limit."""
    filters = resolved(connection, network, filters)
    column = samples.c.id if copies else analyses.c.id.distinct()
    query = _matching(connection, network, filters).with_only_columns(func.count(column))
    return int(connection.execute(query).scalar_one())


def _first_groups(
    connection: Connection, query: Select[Any], wanted: int | None
) -> tuple[dict[int, list[Row[Any]]], bool]:
    """Rows by analysis, at least `wanted` analyses or all of them; and whether all were read."""
    asked = -1 if wanted is None else 2 * wanted + 50
    while True:
        groups: dict[int, list[Row[Any]]] = {}
        rows = connection.execute(query.limit(asked)).all()
        for row in rows:
            groups.setdefault(row.analysis_id, []).append(row)
        is_all = wanted is None or len(rows) < asked
        if is_all or len(groups) >= (wanted or 0):
            return groups, is_all
        asked *= 4


def _folded(hits: Sequence[Hit]) -> Hit:
    """The first of byte-identical samples, with the paths of the others as its copies."""
    if len(hits) == 1:
        return hits[0]
    copies = sorted((hit.path for hit in hits[1:]), key=os.fsencode)
    return replace(hits[0], copies=tuple(copies))


def similar(
    connection: Connection,
    network: Network,
    index: Any,
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
        found_there = map(_hit, rows.get(analysis_id, ()))
        group = [hit for hit in found_there if hit.path != without_path]
        if not group or group[0].content_id == without_content:
            continue
        # Rounding to 16 bits can lift a cosine a little above 1.
        group = [replace(hit, similarity=min(1.0, value)) for hit in group]
        hits += group if copies else [_folded(group)]
    return hits


def _as_array(ids: Sequence[int]) -> Any:
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
