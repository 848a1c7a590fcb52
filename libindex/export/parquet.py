"""Parquet, through pyarrow, which comes with ``libindex[parquet]``."""

from typing import TYPE_CHECKING, Any, BinaryIO

from libindex.errors import LibindexError
from libindex.export.columns import Answer, probability_columns
from libindex.paths import path_fields
from libindex.queries import record
from libindex.queries.outputs import vectors
from libindex.queries.records import EXPORT_COLUMNS

if TYPE_CHECKING:
    from libindex.queries import Hit, Network
    from libindex.sound.decoding import FloatArray

_AT_ONCE = 10_000  # rows in a group: what is in memory at a time, and what a reader can skip

_TYPES = {str: "string", float: "float64", int: "int64", bool: "bool_"}


def check() -> None:
    """See whether pyarrow is there.

    Raises
    ------
    LibindexError
        If it is not.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise LibindexError(
            "parquet needs pyarrow; install it with: pip install 'libindex[parquet]'"
        ) from None


def write_parquet(out: BinaryIO, answer: Answer, kind: str) -> None:
    """Records with all probabilities and the embedding, or the original's table."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = _original_schema(answer.network) if kind == "prob" else _schema(answer.network)
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for hits, matrix in answer.with_probabilities(_AT_ONCE):
            columns = (
                _original_columns(hits, matrix)
                if kind == "prob"
                else _columns(answer, hits, matrix)
            )
            arrays = [
                pa.array(values, field.type) if isinstance(values, list) else values
                for values, field in zip(columns, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _schema(network: "Network") -> Any:
    import pyarrow as pa

    fields = [pa.field(column.key, getattr(pa, _TYPES[column.kind])()) for column in EXPORT_COLUMNS]
    fields += [pa.field(name, pa.float32()) for name in probability_columns(network.classes)]
    return pa.schema([*fields, pa.field("embedding", pa.list_(pa.float32(), network.latent_size))])


def _original_schema(network: "Network") -> Any:
    import pyarrow as pa

    texts = [pa.field(name, pa.string()) for name in ("file", "file_hex")]
    return pa.schema([*texts, *(pa.field(code, pa.float32()) for code in network.classes)])


def _columns(answer: Answer, hits: "list[Hit]", matrix: "FloatArray") -> list[Any]:
    import pyarrow as pa

    records = [record(hit) for hit in hits]
    contents = [hit.content_id for hit in hits]
    embeddings = vectors(answer.connection, answer.network, contents)
    flat = pa.array(embeddings.ravel(), pa.float32())
    return [
        *(
            [values.get(name) for values in records]
            for name in (column.key for column in EXPORT_COLUMNS)
        ),
        *_probabilities(matrix),
        pa.FixedSizeListArray.from_arrays(flat, embeddings.shape[1]),
    ]


def _original_columns(hits: "list[Hit]", matrix: "FloatArray") -> list[Any]:
    names = [path_fields(hit.path, "file") for hit in hits]
    texts = [[fields.get(name) for fields in names] for name in ("file", "file_hex")]
    return [*texts, *_probabilities(matrix)]


def _probabilities(matrix: "FloatArray") -> list[Any]:
    import pyarrow as pa

    return [pa.array(column.copy(), pa.float32()) for column in matrix.T]
