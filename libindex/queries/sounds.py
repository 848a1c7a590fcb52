"""Sounds with all outputs of the network: what kits are made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, select

from libindex.disk.stamps import Stamp
from libindex.errors import NotFoundError
from libindex.paths import join
from libindex.queries.conditions import conditions, matched_classes
from libindex.queries.filters import Filters
from libindex.queries.lookup import Network
from libindex.queries.outputs import probabilities, vectors
from libindex.store.batches import batched
from libindex.store.schema import (
    analyses,
    class_probabilities,
    classes,
    contents,
    roots,
    samples,
)

if TYPE_CHECKING:
    from libindex.sound.decoding import FloatArray


@dataclass(frozen=True, slots=True)
class Sound:
    """A content whose file is available, by the path of one of its samples.

    Attributes
    ----------
    path : str
        Absolute.
    digest : bytes
        Identity of its content: byte-identical sounds have the same.
    probabilities : ndarray of float32, shape (classes,)
        In the order of the network's classes.
    embedding : ndarray of float32, shape (latent_size,)
        The latent, of length 1.
    duration_s : float or None
        Length [s].
    centroid_hz : float
        Spectral centroid [Hz].
    """

    path: str
    digest: bytes
    probabilities: "FloatArray"
    embedding: "FloatArray"
    duration_s: float | None
    centroid_hz: float


def best_of_class(
    connection: Connection, network: Network, filters: Filters, code: str, limit: int
) -> list[int]:
    """Ids of available analyses that match, most probable of a class first.

    `filters.min_prob` is of this class; a limit of -1 gives all.
    """
    cp = class_probabilities.c
    query = (
        select(analyses.c.id, cp.probability)
        .distinct()  # not a row for each copy
        .select_from(class_probabilities)
        .join(classes, classes.c.id == cp.class_id)
        .join(analyses, analyses.c.id == cp.analysis_id)
        .join(contents, contents.c.id == analyses.c.content_id)
        .join(samples, samples.c.content_id == contents.c.id)
        .join(roots, roots.c.id == samples.c.root_id)
        .where(classes.c.code == code, cp.probability >= (filters.min_prob or 0.0))
        .where(analyses.c.network_id == network.id, samples.c.failure.is_(None), roots.c.is_online)
        .where(*conditions(connection, filters))
        .order_by(cp.probability.desc(), analyses.c.id)
        .limit(limit)
    )
    if filters.classes:
        of_these = matched_classes(connection, Filters(classes=filters.classes), network)
        query = query.where(analyses.c.id.in_(select(of_these.c.analysis_id)))
    return list(connection.execute(query).scalars())


def sounds(
    connection: Connection, network: Network, filters: Filters, ids: Iterable[int]
) -> list[Sound]:
    """Analyses as sounds, one for every path that matches and is available, in order of path."""
    rows: list[Row[Any]] = []
    for part in batched(sorted(set(ids))):
        query = _sounds(connection, filters).where(analyses.c.id.in_(part))
        rows += connection.execute(query).all()
    content_ids = [row.content_id for row in rows]
    outputs = probabilities(connection, network, content_ids)
    embeddings = vectors(connection, network, content_ids)
    found = [
        Sound(
            path=join(row.root, row.path),
            digest=row.digest,
            probabilities=outputs[i],
            embedding=embeddings[i],
            duration_s=row.duration_s,
            centroid_hz=row.centroid_hz,
        )
        for i, row in enumerate(rows)
    ]
    return sorted(found, key=lambda sound: sound.path)


def known_under(
    connection: Connection, network: Network, folder: str
) -> dict[str, tuple[Stamp, int]]:
    """Analysed samples below any folder that are available: path to stamp and analysis.

    The stamps are those that the files had when they were read.
    """
    query = (
        select(
            samples.c.path,
            samples.c.size_bytes,
            samples.c.mtime_ns,
            samples.c.ctime_ns,
            roots.c.path.label("root"),
            analyses.c.id,
        )
        .select_from(samples)
        .join(roots, roots.c.id == samples.c.root_id)
        .join(analyses, analyses.c.content_id == samples.c.content_id)
        .where(analyses.c.network_id == network.id, samples.c.failure.is_(None), roots.c.is_online)
    )
    try:
        query = query.where(*conditions(connection, Filters(under=folder)))
    except NotFoundError:
        return {}
    return {
        join(row.root, row.path): (
            Stamp(row.size_bytes, row.mtime_ns, row.ctime_ns),
            row.id,
        )
        for row in connection.execute(query)
    }


def probabilities_of(connection: Connection, network: Network, digest: bytes) -> dict[str, float]:
    """The probabilities of a content by class, the most probable first; empty where unknown."""
    query = (
        select(classes.c.code, class_probabilities.c.probability)
        .select_from(contents)
        .join(analyses, analyses.c.content_id == contents.c.id)
        .join(class_probabilities, class_probabilities.c.analysis_id == analyses.c.id)
        .join(classes, classes.c.id == class_probabilities.c.class_id)
        .where(contents.c.digest == digest, analyses.c.network_id == network.id)
        .order_by(class_probabilities.c.probability.desc())
    )
    return {row.code: row.probability for row in connection.execute(query)}


def _sounds(connection: Connection, filters: Filters) -> Select[Any]:
    return (
        select(
            samples.c.path,
            roots.c.path.label("root"),
            contents.c.id.label("content_id"),
            contents.c.digest,
            contents.c.duration_s,
            contents.c.centroid_hz,
        )
        .select_from(analyses)
        .join(contents, contents.c.id == analyses.c.content_id)
        .join(samples, samples.c.content_id == contents.c.id)
        .join(roots, roots.c.id == samples.c.root_id)
        .where(samples.c.failure.is_(None), roots.c.is_online)
        .where(*conditions(connection, filters))
    )
