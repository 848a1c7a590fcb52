"""Writing rows: contents and their analyses, and the samples that have them."""

import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from libindex.analysis.results import Analysis
from libindex.disk.walk import Found
from libindex.errors import SampleError
from libindex.paths import to_text
from libindex.similarity.embeddings import packed
from libindex.sound.facts import FACTS
from libindex.store.batches import batched
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


@dataclass(frozen=True, slots=True)
class Network:
    """A network as the database has it: its id, and the ids of its classes in output order."""

    id: int
    class_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KnownContent:
    """What the database has of some bytes: their id, and what is left to do for a network."""

    id: int
    failed: bool
    analysed: bool


def network_for(connection: Connection, model: "ModelFile", fingerprint: str) -> Network:
    """A network's row, made if it is new; it answers only after `answer_with`."""
    id_ = network_id(connection, fingerprint)
    if id_ is None:
        values: dict[str, object] = {
            "fingerprint": fingerprint,
            "name": model.name,
            "classes": json.dumps(model.classes),
            "latent_size": model.network.latent_size,
            "used_at": 0,
        }
        inserted = connection.execute(insert(networks).values(values)).inserted_primary_key
        id_ = int(inserted[0]) if inserted else 0
    return Network(id_, _class_ids(connection, model.classes))


def network_id(connection: Connection, fingerprint: str) -> int | None:
    """A network's id; None if it is not known."""
    query = select(networks.c.id).where(networks.c.fingerprint == fingerprint)
    return connection.execute(query).scalar()


def answer_with(connection: Connection, network: Network) -> None:
    """Let a network answer from now on."""
    newest = connection.execute(select(func.max(networks.c.used_at))).scalar() or 0
    used_at = max(int(time.time()), newest + 1)  # two within a second still have an order
    query = update(networks).where(networks.c.id == network.id).values(used_at=used_at)
    connection.execute(query)


def known_contents(
    connection: Connection, digests: Iterable[bytes], network_id: int
) -> dict[bytes, KnownContent]:
    """Which of these bytes are known, and whether this network has heard them."""
    query = (
        select(contents.c.digest, contents.c.id, contents.c.failure, analyses.c.id)
        .select_from(
            contents.outerjoin(
                analyses,
                (analyses.c.content_id == contents.c.id) & (analyses.c.network_id == network_id),
            )
        )
        .where(contents.c.digest.in_(bindparam("digests", expanding=True)))
    )
    found = {}
    for part in batched(list(digests)):
        for digest, id_, failure, analysis in connection.execute(query, {"digests": part}):
            found[digest] = KnownContent(id_, failure is not None, analysis is not None)
    return found


def content_sizes(connection: Connection) -> set[int]:
    """Sizes of all that is known [bytes]."""
    return set(connection.execute(select(contents.c.size_bytes).distinct()).scalars())


def content_ids(connection: Connection, digests: Iterable[bytes]) -> dict[bytes, int]:
    """Ids of those of these bytes that are known."""
    found: dict[bytes, int] = {}
    for part in batched(list(digests)):
        query = select(contents.c.digest, contents.c.id).where(contents.c.digest.in_(part))
        found |= {row.digest: row.id for row in connection.execute(query)}
    return found


def record_results(
    connection: Connection, network: Network, results: Sequence[Analysis | SampleError]
) -> None:
    """Record analysed bytes, and bytes that can't be analysed.

    Parameters
    ----------
    connection : Connection
        A write transaction.
    network : Network
        The network that heard them.
    results : sequence of Analysis or SampleError
        Errors without a digest are passed over: they belong to a sample, not to bytes.
    """
    by_digest = {r.digest: r for r in results if r.digest is not None}
    ids = _record_contents(connection, by_digest)
    analysed = [r for r in by_digest.values() if isinstance(r, Analysis)]
    _record_analyses(connection, network, analysed, ids)
    if analysed:
        touch(connection)


def sample_values(found: Found, root_id: int) -> dict[str, Any]:
    """Columns of a sample that come from the disk."""
    return {
        "root_id": root_id,
        "path": os.fsencode(found.path),
        "name": to_text(os.path.basename(found.path)),  # noqa: PTH119
        **_columns(found.stamp),
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


def delete_orphans(connection: Connection) -> int:
    """Remove contents that no sample has any more, with their analyses."""
    used = select(samples.c.id).where(samples.c.content_id == contents.c.id).exists()
    removed = connection.execute(delete(contents).where(~used)).rowcount
    if removed:
        touch(connection)
    return removed


def touch(connection: Connection) -> None:
    """Give the library a new revision, since its embeddings changed."""
    new = connection.execute(insert(library).values(revision=uuid.uuid4().hex))
    last = new.inserted_primary_key[0] if new.inserted_primary_key else 0
    connection.execute(delete(library).where(library.c.id <= last - _REVISIONS_KEPT))


def _class_ids(connection: Connection, codes: tuple[str, ...]) -> tuple[int, ...]:
    known = {c: i for i, c in connection.execute(select(classes.c.id, classes.c.code))}
    missing = [{"code": code} for code in codes if code not in known]
    if missing:
        connection.execute(insert(classes), missing)
        known = {c: i for i, c in connection.execute(select(classes.c.id, classes.c.code))}
    return tuple(known[code] for code in codes)


def _record_contents(
    connection: Connection, results: Mapping[bytes, Analysis | SampleError]
) -> dict[bytes, int]:
    ids = content_ids(connection, results)
    rows = [_content_values(digest, result) for digest, result in results.items()]
    _update_contents(
        connection, [{**r, "content_id": ids[r["digest"]]} for r in rows if r["digest"] in ids]
    )
    new = [row for row in rows if row["digest"] not in ids]
    if new:
        connection.execute(insert(contents), new)
        ids |= content_ids(connection, [row["digest"] for row in new])
    return ids


def _update_contents(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Contents that were tried again, or by another network: the outcome may be another one."""
    query = update(contents).where(contents.c.id == bindparam("content_id"))
    good = [row for row in rows if row["failure"] is None]
    # A failure leaves the facts, which another network's results need.
    bad = [{k: row[k] for k in ("content_id", "failure")} for row in rows if row["failure"]]
    for part in (good, bad):
        if part:
            connection.execute(query, part)


_NO_FACTS = dict.fromkeys([*(fact.key for fact in FACTS), "warning"])


def _content_values(digest: bytes, result: Analysis | SampleError) -> dict[str, Any]:
    if isinstance(result, Analysis):
        return {"digest": digest, "failure": None, **_columns(result.facts)}
    size = _size_or_zero(result)
    return {"digest": digest, "failure": result.reason, "size_bytes": size, **_NO_FACTS}


def _size_or_zero(error: SampleError) -> int:
    try:
        return os.stat(os.fspath(error.path or "")).st_size  # noqa: PTH116
    except OSError:
        return 0


def _record_analyses(
    connection: Connection,
    network: Network,
    results: Sequence[Analysis],
    content_ids: Mapping[bytes, int],
) -> None:
    if not results:
        return
    now = int(time.time())
    tops = [int(r.probabilities.argmax()) for r in results]
    rows = [
        {
            "content_id": content_ids[r.digest],
            "network_id": network.id,
            "class_id": network.class_ids[top],
            "probability": float(r.probabilities[top]),
            "analysed_at": now,
            "percussion": r.percussion,
        }
        for r, top in zip(results, tops, strict=True)
    ]
    content = [row["content_id"] for row in rows]
    mine = (analyses.c.network_id == network.id) & analyses.c.content_id.in_(content)
    connection.execute(delete(analyses).where(mine))  # those that are done again by request
    connection.execute(insert(analyses), rows)
    query = select(analyses.c.content_id, analyses.c.id).where(mine)
    ids = {row.content_id: row.id for row in connection.execute(query)}
    vectors: list[dict[str, Any]] = []
    probabilities: list[tuple[Any, ...]] = []
    for result, row in zip(results, rows, strict=True):
        id_ = ids[row["content_id"]]
        vector, norm = packed(result.latent)
        vectors.append({"analysis_id": id_, "vector": vector, "norm": norm})
        probabilities += [
            (id_, class_id, probability)
            for class_id, probability in zip(
                network.class_ids, result.probabilities.tolist(), strict=True
            )
        ]
    connection.execute(insert(embeddings), vectors)
    connection.exec_driver_sql(_INSERT_PROBABILITY, probabilities)


def _columns(record: "DataclassInstance") -> dict[str, Any]:
    """As `asdict`, which copies every value."""
    return {field.name: getattr(record, field.name) for field in fields(record)}
