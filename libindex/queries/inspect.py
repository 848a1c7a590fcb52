"""Looking at the library as a whole, and at one sample."""

import os
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from libindex.paths import PathLike, join
from libindex.queries.conditions import is_under
from libindex.queries.folders import folder_of
from libindex.queries.lookup import Network, Sample
from libindex.sound.facts import Facts
from libindex.store.facets import facts_of
from libindex.store.schema import (
    analyses,
    class_probabilities,
    classes,
    contents,
    roots,
    samples,
)


@dataclass(frozen=True, slots=True)
class RootStatus:
    """A root: its path, whether it was there when last seen, its samples, its last scan."""

    path: str
    is_online: bool
    samples: int
    scanned_at: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A sample that can't be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """The library, or what of it lies below a folder.

    Attributes
    ----------
    roots : list of RootStatus
        In order of path.
    samples, contents, analysed, failed, flagged : int
        Paths; distinct contents among them; contents that the network has analysed; samples that
        can't be used; samples that could be used though something is wrong with them.
    by_class : dict of str to int
        Samples by their most probable class, the largest first.
    folder : str or None
        The folder's path; None for all of the library.
    """

    roots: list[RootStatus]
    samples: int
    contents: int
    analysed: int
    failed: int
    flagged: int
    by_class: dict[str, int]
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class SampleInfo:
    """Everything known of one sample.

    Attributes
    ----------
    path : str
        Absolute.
    root : str or None
        The root that it lies under; None if it is not in the library.
    is_online : bool
        Whether the root was there when last seen.
    added_at : int or None
        When it was added to the library [s since 1970].
    digest : str or None
        Identity of its content, in hexadecimal.
    size_bytes : int
        Size [bytes].
    failure : str or None
        Why it can't be used.
    facts : Facts or None
        As in `Hit`; None where it was never decoded.
    analysed_at : int or None
        When it was analysed [s since 1970].
    percussion : float or None
        Probability that it is percussion at all; None where it was not analysed, or the network
        does not say.
    probabilities : dict of str to float
        By class, the most probable first; empty where it was not analysed.
    copies : tuple of str
        Paths of byte-identical samples.
    """

    path: str
    root: str | None
    is_online: bool
    added_at: int | None
    digest: str | None
    size_bytes: int
    failure: str | None
    facts: Facts | None
    analysed_at: int | None
    percussion: float | None
    probabilities: dict[str, float]
    copies: tuple[str, ...]


_REASON = func.coalesce(samples.c.failure, contents.c.failure)


def status(
    connection: Connection, network: Network | None, under: PathLike | None = None
) -> Status:
    """Counts of everything, or of what lies below a folder; by class if there is a network.

    Raises
    ------
    NotFoundError
        If the folder is no part of the library.
    """
    folder = None if under is None else folder_of(connection, os.fspath(under))
    here = [] if folder is None else [is_under(connection, folder)]
    theirs = select(samples.c.content_id).where(*here)
    with_content = select(func.count()).select_from(samples.outerjoin(contents)).where(*here)
    analysed = select(func.count()).where(analyses.c.network_id == (network.id if network else -1))
    distinct = select(func.count()).select_from(contents)
    if here:
        analysed = analysed.where(analyses.c.content_id.in_(theirs))
        distinct = distinct.where(contents.c.id.in_(theirs))
    found = _roots(connection, here)
    return Status(
        roots=[root for root in found if root.samples or not here],
        samples=sum(root.samples for root in found),
        contents=_count(connection, distinct),
        analysed=_count(connection, analysed),
        failed=_count(connection, with_content.where(_REASON.is_not(None))),
        flagged=_count(connection, with_content.where(contents.c.warning.is_not(None))),
        by_class=_by_class(connection, network, here) if network else {},
        folder=folder,
    )


def failures(connection: Connection, under: PathLike | None = None) -> list[Failure]:
    """Samples that can't be used, in order of path; `under` as for `status`."""
    query = (
        select(roots.c.path, samples.c.path, _REASON)
        .select_from(samples.join(roots).outerjoin(contents))
        .where(_REASON.is_not(None))
        .order_by(roots.c.path, samples.c.path)
    )
    if under is not None:
        query = query.where(is_under(connection, folder_of(connection, os.fspath(under))))
    return [Failure(join(root, path), why) for root, path, why in connection.execute(query)]


def info(connection: Connection, network: Network | None, sample: Sample) -> SampleInfo:
    """Everything known of a sample."""
    query = (
        select(
            samples.c.added_at,
            samples.c.failure.label("own_failure"),
            samples.c.size_bytes.label("own_size"),
            roots.c.path.label("root"),
            roots.c.is_online,
            contents,
        )
        .select_from(samples.join(roots).outerjoin(contents))
        .where(samples.c.id == sample.id)
    )
    row = connection.execute(query).one()
    analysed_at, percussion, probabilities = _analysis(connection, network, sample.content_id)
    return SampleInfo(
        path=sample.path,
        root=os.fsdecode(row.root),
        is_online=row.is_online,
        added_at=row.added_at,
        digest=row.digest.hex() if row.digest else None,
        size_bytes=row.own_size,
        failure=row.own_failure or row.failure,
        facts=None if row.sample_rate is None else facts_of(row),
        analysed_at=analysed_at,
        percussion=percussion,
        probabilities=probabilities,
        copies=copies_of(connection, row.digest, without=sample.id),
    )


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())


def _roots(connection: Connection, here: list[ColumnElement[bool]]) -> list[RootStatus]:
    number = (
        select(func.count())
        .where(samples.c.root_id == roots.c.id, *here)
        .scalar_subquery()
        .label("samples")
    )
    query = select(roots, number).order_by(roots.c.path)
    return [
        RootStatus(os.fsdecode(r.path), r.is_online, r.samples, r.scanned_at)
        for r in connection.execute(query)
    ]


def _by_class(
    connection: Connection, network: Network, here: list[ColumnElement[bool]]
) -> dict[str, int]:
    number = func.count(samples.c.id)
    query = (
        select(classes.c.code, number)
        .select_from(analyses)
        .join(classes, classes.c.id == analyses.c.class_id)
        .join(samples, samples.c.content_id == analyses.c.content_id)
        .where(analyses.c.network_id == network.id, samples.c.failure.is_(None), *here)
        .group_by(classes.c.code)
        .order_by(number.desc(), classes.c.code)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def copies_of(
    connection: Connection, digest: bytes | None, *, without: int | None = None
) -> tuple[str, ...]:
    """Paths of the samples with this content, without one of them by its id."""
    query = (
        select(roots.c.path, samples.c.path)
        .select_from(samples.join(roots).join(contents))
        .where(contents.c.digest == digest, samples.c.id.is_distinct_from(without))
        .order_by(roots.c.path, samples.c.path)
    )
    return tuple(join(root, path) for root, path in connection.execute(query))


def _analysis(
    connection: Connection, network: Network | None, content_id: int | None
) -> tuple[int | None, float | None, dict[str, float]]:
    """When it was analysed, whether it is percussion, and the probabilities by class."""
    if network is None or content_id is None:
        return None, None, {}
    query = (
        select(
            classes.c.code,
            class_probabilities.c.probability,
            analyses.c.analysed_at,
            analyses.c.percussion,
        )
        .select_from(analyses)
        .join(class_probabilities, class_probabilities.c.analysis_id == analyses.c.id)
        .join(classes, classes.c.id == class_probabilities.c.class_id)
        .where(analyses.c.content_id == content_id, analyses.c.network_id == network.id)
        .order_by(class_probabilities.c.probability.desc())
    )
    rows = connection.execute(query).all()
    if not rows:
        return None, None, {}
    return rows[0].analysed_at, rows[0].percussion, {r.code: r.probability for r in rows}
