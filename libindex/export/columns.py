"""Samples that are to be written, and their probabilities beside their records."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from libindex.queries import Hit, Network
    from libindex.sound.decoding import FloatArray


@dataclass(slots=True)
class Answer:
    """Samples that were found and are to be written, read part by part.

    Attributes
    ----------
    connection : Connection
        The transaction in which they were found.
    network : Network
        Whose opinion they show.
    hits : iterator of Hit
        The samples, each once.
    count : int
        How many of them were read.
    """

    connection: "Connection"
    network: "Network"
    hits: "Iterator[Hit]"
    count: int = 0

    def parts(self, size: int = 500) -> "Iterator[list[Hit]]":
        """The samples, so many at once that a library of any size is never held as a whole."""
        while part := list(islice(self.hits, size)):
            self.count += len(part)
            yield part

    def heard(self, size: int = 500) -> "Iterator[tuple[list[Hit], FloatArray]]":
        """The same with all probabilities, float32, shape (samples, classes)."""
        from libindex.queries.outputs import probabilities

        for part in self.parts(size):
            contents = [hit.content_id for hit in part]
            yield part, probabilities(self.connection, self.network, contents)


def probability_columns(codes: Iterable[str]) -> list[str]:
    """Names of the columns of all probabilities beside a record."""
    return [f"prob_{code}" for code in codes]


def rounded(matrix: "FloatArray") -> list[list[float]]:
    """Probabilities as in a record, row by row."""
    rows: list[list[float]] = matrix.astype(float).round(6).tolist()
    return rows
