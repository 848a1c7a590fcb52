"""Outputs of the network for many contents at once: probabilities and embeddings as matrices."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Select, select

from libindex.queries.lookup import Network
from libindex.similarity.embeddings import unpacked
from libindex.store.batches import batched
from libindex.store.schema import analyses, class_probabilities, classes, embeddings

if TYPE_CHECKING:
    from libindex.sound.decoding import FloatArray


def probabilities(
    connection: Connection, network: Network, contents: Sequence[int]
) -> "FloatArray":
    """All class probabilities of analysed contents, float32, shape (contents, classes).

    Columns are in the order of the network's classes; a content may be asked for more than once.
    """
    import numpy as np

    query = select(classes.c.code).where(classes.c.code.in_(network.classes)).order_by(classes.c.id)
    stored = [network.classes.index(code) for code in connection.execute(query).scalars()]
    found = np.empty((len(contents), len(stored)), np.float32)
    cp = class_probabilities.c
    start = 0
    for part in batched(contents):
        query = select(analyses.c.id, analyses.c.content_id).where(
            analyses.c.network_id == network.id, analyses.c.content_id.in_(set(part))
        )
        rows = connection.execute(query.order_by(analyses.c.id)).all()
        row_of = {row.content_id: place for place, row in enumerate(rows)}
        values = (
            select(cp.probability)
            .where(cp.analysis_id.in_([row.id for row in rows]))
            .order_by(cp.analysis_id, cp.class_id)
        )
        matrix = np.fromiter(_numbers(connection, values), np.float32)
        places = [row_of[content] for content in part]
        found[start : start + len(part), stored] = matrix.reshape(-1, len(stored))[places]
        start += len(part)
    return found


def _numbers(connection: Connection, query: Select[tuple[float]]) -> Iterator[float]:
    """The only column of a query, read past SQLAlchemy: there are millions of numbers."""
    with connection.execute(query) as result:
        yield from chain.from_iterable(result.cursor.fetchall())


def vectors(connection: Connection, network: Network, contents: Sequence[int]) -> "FloatArray":
    """The embeddings of contents, float32, shape (contents, latent_size); as `probabilities`."""
    import numpy as np

    stored: dict[int, FloatArray] = {}
    for part in batched(contents):
        query = (
            select(analyses.c.content_id, embeddings.c.vector)
            .join(embeddings, embeddings.c.analysis_id == analyses.c.id)
            .where(analyses.c.network_id == network.id, analyses.c.content_id.in_(set(part)))
        )
        stored |= {r.content_id: unpacked(r.vector) for r in connection.execute(query)}
    found = np.zeros((len(contents), network.latent_size), np.float32)
    for row, content in enumerate(contents):
        found[row] = stored[content]
    return found
