"""Looking up one thing: the current network, a sample by its path or its name."""

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Row, Select, func, select

from libindex.disk.stamps import Stamp
from libindex.errors import NotFoundError
from libindex.paths import join, relative_to, to_text
from libindex.similarity.embeddings import unpacked
from libindex.store.schema import analyses, embeddings, networks, roots, samples

if TYPE_CHECKING:
    from libindex.sound.decoding import FloatArray


@dataclass(frozen=True, slots=True)
class Network:
    """A network that this library was scanned with.

    Attributes
    ----------
    id : int
        Its id.
    fingerprint, name : str
        Its identity, and its name for people.
    classes : tuple of str
        Class codes in the order of its outputs.
    latent_size : int
        Numbers in an embedding.
    """

    id: int
    fingerprint: str
    name: str
    classes: tuple[str, ...]
    latent_size: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample, by its ids.

    Attributes
    ----------
    id, root_id : int
        Its ids.
    content_id : int or None
        Its content; None if it could not be read.
    path : str
        Absolute.
    stamp : Stamp
        As it was when it was read.
    """

    id: int
    root_id: int
    content_id: int | None
    path: str
    stamp: Stamp


def current_network(connection: Connection, fingerprint: str | None = None) -> Network:
    """The network whose results are used: that of the last scan, or a given one.

    Raises
    ------
    NotFoundError
        If the library was never scanned, or not with this network.
    """
    query = select(networks).order_by(networks.c.used_at.desc(), networks.c.id.desc())
    if fingerprint is not None:
        query = query.where(networks.c.fingerprint == fingerprint)
    row = connection.execute(query.limit(1)).first()
    if row is None and fingerprint is not None:
        raise NotFoundError("this library was never scanned with that network; scan it first")
    if row is None:
        raise NotFoundError("this library is empty; fill it with: libindex scan FOLDER")
    classes = tuple(json.loads(row.classes))
    return Network(row.id, row.fingerprint, row.name, classes, row.latent_size)


def sample_at(connection: Connection, path: str) -> Sample | None:
    """The sample at an absolute path; None if there is none."""
    for id_, raw in connection.execute(select(roots.c.id, roots.c.path)).all():
        below = relative_to(path, os.fsdecode(raw))
        if below:
            query = _samples().where(samples.c.root_id == id_, samples.c.path == os.fsencode(below))
            row = connection.execute(query).first()
            if row is not None:
                return _sample(row)
    return None


def samples_named(connection: Connection, text: str) -> list[Sample]:
    """Samples with this file name, or whose paths end so ("Kicks/01.wav").

    Case matters only if there is an exact match.
    """
    last = to_text(os.path.basename(text))  # noqa: PTH119
    exact = samples.c.name == last
    if connection.execute(select(samples.c.id).where(exact).limit(2)).first() is None:
        exact = func.lower(samples.c.name) == last.lower()  # slower by a tenth of a second
    query = _samples().where(exact)
    ending = os.sep + os.path.normpath(text).lower()
    found = [_sample(row) for row in connection.execute(query.order_by(samples.c.path))]
    return [sample for sample in found if sample.path.lower().endswith(ending)]


def embedding_of(connection: Connection, content_id: int, network_id: int) -> "FloatArray | None":
    """The stored embedding of a content, shape (latent_size,); None if there is none."""
    query = (
        select(embeddings.c.vector)
        .join(analyses, analyses.c.id == embeddings.c.analysis_id)
        .where(analyses.c.content_id == content_id, analyses.c.network_id == network_id)
    )
    vector = connection.execute(query).scalar()
    return None if vector is None else unpacked(vector)


def _samples() -> Select[tuple[object, ...]]:
    return select(samples, roots.c.path.label("root")).join(roots)


def _sample(row: Row[tuple[object, ...]]) -> Sample:
    stamp = Stamp(row.size_bytes, row.mtime_ns, row.ctime_ns)
    return Sample(row.id, row.root_id, row.content_id, join(row.root, row.path), stamp)
