"""The samples to write, with the probabilities of all classes."""

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
    """The samples to write, read in parts.

    Attributes
    ----------
    connection : Connection
        The transaction in which they are read.
    network : Network
        Whose results they have.
    hits : iterator of Hit
        The samples, each once.
    count : int
        How many have been read.
    """

    connection: "Connection"
    network: "Network"
    hits: "Iterator[Hit]"
    count: int = 0

    def parts(self, size: int = 500) -> "Iterator[list[Hit]]":
        """The samples in lists, so that memory does not grow with the library."""
        while part := list(islice(self.hits, size)):
            self.count += len(part)
            yield part

    def with_probabilities(self, size: int = 500) -> "Iterator[tuple[list[Hit], FloatArray]]":
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
