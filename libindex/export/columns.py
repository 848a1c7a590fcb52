"""What is written of a sample: its record, as `query` shows it too, and its probabilities."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from libindex.instruments import name_of
from libindex.paths import path_fields

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from libindex.queries import Hit, Network
    from libindex.sound.decoding import FloatArray

COLUMNS = (
    "path class class_name probability percussion similarity duration_s centroid_hz loudness_dbfs "
    "peak sample_rate channels container encoding added_at online warning copies path_hex"
).split()
"""The columns of a record in a table."""

RECORD = [name for name in COLUMNS if name not in {"similarity", "copies"}]
"""The same without what is known only of answers to `similar`."""


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
        from libindex.queries.heard import probabilities

        for part in self.parts(size):
            contents = [hit.content_id for hit in part]
            yield part, probabilities(self.connection, self.network, contents)


def record(hit: "Hit") -> dict[str, Any]:
    """A hit as it is documented for JSON."""
    values: dict[str, Any] = {
        **path_fields(hit.path),
        "class": hit.class_code,
        "class_name": name_of(hit.class_code),
        "probability": round(hit.probability, 6),
        "percussion": None if hit.percussion is None else round(hit.percussion, 6),
        "duration_s": hit.duration_s,
        "centroid_hz": round(hit.centroid_hz, 1),
        "loudness_dbfs": round(hit.loudness_dbfs, 2),
        "peak": round(hit.peak, 6),
        "sample_rate": hit.sample_rate,
        "channels": hit.channels,
        "container": hit.container,
        "encoding": hit.encoding,
        "added_at": hit.added_at,
        "online": hit.is_online,
        "warning": hit.warning,
    }
    if hit.similarity is not None:
        values["similarity"] = round(hit.similarity, 6)
        values["copies"] = [path_fields(path) for path in hit.copies]
    return values


def probability_columns(codes: Iterable[str]) -> list[str]:
    """Names of the columns of all probabilities beside a record."""
    return [f"prob_{code}" for code in codes]


def rounded(matrix: "FloatArray") -> list[list[float]]:
    """Probabilities as in a record, row by row."""
    rows: list[list[float]] = matrix.astype(float).round(6).tolist()
    return rows
