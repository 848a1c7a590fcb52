"""Rows of networks, and of contents and their analyses."""

import json
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, true, update
from sqlalchemy.dialects import sqlite

from libindex.analysis.results import Analysis
from libindex.errors import TOOK_TOO_LONG, SampleError
from libindex.similarity.embeddings import packed
from libindex.store.batches import SIZE, batched
from libindex.store.outlines import record_outlines
from libindex.store.schema import (
    analyses,
    classes,
    contents,
    embeddings,
    library,
    networks,
    samples,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from libindex.network.modelfile import ModelFile

# Thirty rows a sound: as tuples they cost half.
_INSERT_PROBABILITY = (
    "INSERT INTO class_probabilities (analysis_id, class_id, probability) VALUES (?, ?, ?)"
)
_REVISIONS_KEPT = 1000  # a neighbour index that lags behind further is made anew
_REVISIONS_DROPPED = 50  # at once


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A network as the database has it.

    Attributes
    ----------
    id : int
        Its id.
    classes : tuple of str
        The codes of its classes in output order.
    class_ids : tuple of int
        And their ids.
    is_current : bool
        Whether it is the one that answers.
    """

    id: int
    classes: tuple[str, ...]
    class_ids: tuple[int, ...]
    is_current: bool


@dataclass(frozen=True, slots=True)
class KnownContent:
    """What the database has of some bytes, and of a network's analysis of them.

    Attributes
    ----------
    id : int
        The content's.
    failure : str or None
        Why they can't be used.
    duration_s : float or None
        How long they sound [s].
    class_code, probability : str or None, float or None
        The most probable class; None where the network has not analysed them.
    """

    id: int
    failure: str | None = None
    duration_s: float | None = None
    class_code: str | None = None
    probability: float | None = None

    def needs_analysis(self, *, retry: bool) -> bool:
        """Whether to analyse them; `retry` if an earlier failure is no reason not to."""
        if self.failure is not None:
            return retry or self.failure.startswith(TOOK_TOO_LONG)
        return self.class_code is None


def network_for(connection: Connection, model: "ModelFile", fingerprint: str) -> NetworkRow:
    """A network's row, made if it is new; it answers only after `set_current_network`."""
    found = find_network(connection, model, fingerprint)
    if found is not None:
        return found
    codes = [{"code": code} for code in model.classes]
    connection.execute(sqlite.insert(classes).on_conflict_do_nothing(), codes)
    values: dict[str, object] = {
        "fingerprint": fingerprint,
        "name": model.name,
        "classes": json.dumps(model.classes),
        "latent_size": model.network.latent_size,
        "used_at": 0,
    }
    connection.execute(insert(networks).values(values))
    return network_for(connection, model, fingerprint)


def find_network(connection: Connection, model: "ModelFile", fingerprint: str) -> NetworkRow | None:
    """A network's row; None if it is new."""
    newest = select(func.max(networks.c.used_at)).scalar_subquery()
    is_current = (networks.c.used_at > 0) & (networks.c.used_at == newest)
    query = (
        select(networks.c.id, is_current.label("is_current"), classes.c.code, classes.c.id)
        .select_from(networks.join(classes, true()))
        .where(networks.c.fingerprint == fingerprint)
    )
    rows = connection.execute(query).all()
    if not rows:
        return None
    ids = {code: class_id for _, _, code, class_id in rows}
    class_ids = tuple(ids[code] for code in model.classes)
    return NetworkRow(rows[0].id, model.classes, class_ids, bool(rows[0].is_current))


def network_id(connection: Connection, fingerprint: str) -> int | None:
    """A network's id; None if it is not known."""
    query = select(networks.c.id).where(networks.c.fingerprint == fingerprint)
    return connection.execute(query).scalar()


def set_current_network(connection: Connection, network: NetworkRow) -> NetworkRow:
    """Let a network answer from now on; its new row."""
    newest = connection.execute(select(func.max(networks.c.used_at))).scalar() or 0
    used_at = max(int(time.time()), newest + 1)  # two within a second still have an order
    query = update(networks).where(networks.c.id == network.id).values(used_at=used_at)
    connection.execute(query)
    return replace(network, is_current=True)


def known_contents(
    connection: Connection, digests: Iterable[bytes], network_id: int
) -> dict[bytes, KnownContent]:
    """Which of these bytes are known, and what a network made of them."""
    mine = (analyses.c.content_id == contents.c.id) & (analyses.c.network_id == network_id)
    query = (
        select(
            contents.c.digest,
            contents.c.id,
            contents.c.failure,
            contents.c.duration_s,
            classes.c.code,
            analyses.c.probability,
        )
        .select_from(
            contents.outerjoin(analyses, mine).outerjoin(
                classes, classes.c.id == analyses.c.class_id
            )
        )
        .where(contents.c.digest.in_(bindparam("digests", expanding=True)))
    )
    found = {}
    for part in batched(list(digests)):
        for digest, *known in connection.execute(query, {"digests": part}):
            found[digest] = KnownContent(*known)
    return found


def known_sizes(connection: Connection, sizes: Collection[int]) -> set[int]:
    """Which of these sizes [bytes] known contents have."""
    if not sizes:
        return set()
    query = select(contents.c.size_bytes).distinct()
    if len(sizes) <= SIZE:  # of few only those are looked up
        query = query.where(contents.c.size_bytes.in_(sizes))
    return set(connection.execute(query).scalars())


def unanalysed_contents(
    connection: Connection, network_id: int, among: Collection[int] | None = None
) -> set[int]:
    """Contents that could be analysed, and that this network has not analysed.

    Parameters
    ----------
    connection : Connection
        A transaction.
    network_id : int
        The network.
    among : collection of int, optional
        The contents that matter; of few, only those are looked up.
    """
    if among is not None and not among:
        return set()
    analysed = (
        select(analyses.c.id)
        .where(analyses.c.content_id == contents.c.id, analyses.c.network_id == network_id)
        .exists()
    )
    query = select(contents.c.id).where(contents.c.failure.is_(None), ~analysed)
    if among is not None and len(among) <= SIZE:
        query = query.where(contents.c.id.in_(among))
    return set(connection.execute(query).scalars())


class Results:
    """Results of a chunk, made ready before the transaction that records them is begun.

    Parameters
    ----------
    results : sequence of Analysis or SampleError
        Errors without a digest are left out: they belong to a sample, not to bytes.
    """

    def __init__(self, results: "Sequence[Analysis | SampleError]") -> None:
        by_digest = {result.digest: result for result in results if result.digest is not None}
        self._analyses = [r for r in by_digest.values() if isinstance(r, Analysis)]
        self._errors = [r for r in by_digest.values() if isinstance(r, SampleError)]
        self._packed = [packed(one.latent) for one in self._analyses]
        self._probabilities = [one.probabilities.tolist() for one in self._analyses]
        self._tops = [int(one.probabilities.argmax()) for one in self._analyses]

    def record(self, connection: Connection, network: NetworkRow) -> dict[bytes, KnownContent]:
        """Record them as this network's; what is known of their bytes then, by digest."""
        good = [
            {"digest": one.digest, "failure": None, **_columns(one.facts)} for one in self._analyses
        ]
        bad = [
            {"digest": e.digest, "failure": e.reason, "size_bytes": e.size_bytes or 0}
            for e in self._errors
        ]
        ids = _upserted(connection, good)
        # A failure leaves the facts, which another network's results need.
        ids |= _upserted(connection, bad)
        self._record_analyses(connection, network, ids)
        drawn = {ids[one.digest]: one.outline for one in self._analyses if one.outline}
        record_outlines(connection, drawn)
        known = {e.digest: KnownContent(ids[e.digest], e.reason) for e in self._errors if e.digest}
        for one, top in zip(self._analyses, self._tops, strict=True):
            probability = float(one.probabilities[top])
            known[one.digest] = KnownContent(
                ids[one.digest], None, one.facts.duration_s, network.classes[top], probability
            )
        return known

    def _record_analyses(
        self, connection: Connection, network: NetworkRow, content_ids: Mapping[bytes, int]
    ) -> None:
        if not self._analyses:
            return
        now = int(time.time())
        rows = [
            {
                "content_id": content_ids[one.digest],
                "network_id": network.id,
                "class_id": network.class_ids[top],
                "probability": float(one.probabilities[top]),
                "analysed_at": now,
                "percussion": one.percussion,
            }
            for one, top in zip(self._analyses, self._tops, strict=True)
        ]
        # Those that are done again by request get another id, and what hangs on the old one goes.
        query = insert(analyses).prefix_with("OR REPLACE")
        returned = query.returning(analyses.c.content_id, analyses.c.id)
        ids = {row.content_id: row.id for row in connection.execute(returned, rows)}
        vectors: list[dict[str, Any]] = []
        probabilities: list[tuple[Any, ...]] = []
        made = zip(rows, self._packed, self._probabilities, strict=True)
        for row, (vector, norm), of_classes in made:
            id_ = ids[row["content_id"]]
            vectors.append({"analysis_id": id_, "vector": vector, "norm": norm})
            each = zip(network.class_ids, of_classes, strict=True)
            probabilities += [(id_, class_id, probability) for class_id, probability in each]
        connection.execute(insert(embeddings), vectors)
        connection.exec_driver_sql(_INSERT_PROBABILITY, probabilities)
        bump_revision(connection)


def _upserted(connection: Connection, rows: list[dict[str, Any]]) -> dict[bytes, int]:
    """Record contents, or what is new of known ones; their ids."""
    if not rows:
        return {}
    query = sqlite.insert(contents)
    changed = {key: query.excluded[key] for key in rows[0] if key != "digest"}
    upsert = query.on_conflict_do_update(index_elements=["digest"], set_=changed)
    returned = upsert.returning(contents.c.digest, contents.c.id)
    return {row.digest: row.id for row in connection.execute(returned, rows)}


def orphans(connection: Connection) -> list[int]:
    """Contents that no sample has any more."""
    used = select(samples.c.id).where(samples.c.content_id == contents.c.id).exists()
    return list(connection.execute(select(contents.c.id).where(~used)).scalars())


def delete_orphans(connection: Connection, ids: Sequence[int]) -> None:
    """Remove contents, with their analyses, unless a sample has them."""
    used = select(samples.c.id).where(samples.c.content_id == contents.c.id).exists()
    query = delete(contents).where(contents.c.id.in_(ids), ~used)
    if connection.execute(query).rowcount:
        bump_revision(connection)


def bump_revision(connection: Connection) -> None:
    """Give the library a new revision, since its embeddings changed."""
    new = connection.execute(insert(library).values(revision=uuid.uuid4().hex))
    last = new.inserted_primary_key[0] if new.inserted_primary_key else 0
    if last % _REVISIONS_DROPPED == 0:
        connection.execute(delete(library).where(library.c.id <= last - _REVISIONS_KEPT))


def _columns(record: "DataclassInstance") -> dict[str, Any]:
    """As `asdict`, which copies every value."""
    return {field.name: getattr(record, field.name) for field in fields(record)}
