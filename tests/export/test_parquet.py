import io
import os
import sys

import numpy as np
import pytest

from libindex.errors import LibindexError
from libindex.instruments import CODES
from libindex.paths import to_text
from libindex.queries import record

parquet = pytest.importorskip("pyarrow.parquet")


def test_records_probabilities_and_embeddings(still, made) -> None:
    table = parquet.read_table(io.BytesIO(made("parquet")))
    rows = table.to_pylist()
    arrays = np.load(io.BytesIO(made("npz")))
    assert len(rows) == 8
    for number, (row, hit) in enumerate(
        zip(rows, still.query(sort="path", copies=True), strict=True)
    ):
        assert row["embedding"] == arrays["embeddings"][number].tolist()
        assert [row[f"prob_{c}"] for c in CODES] == arrays["probabilities"][number].tolist()
        assert {"path_hex": None, **record(hit)} == {"copies": []} | {
            name: value
            for name, value in row.items()
            if name != "embedding" and not name.startswith("prob_")
        }


def test_the_originals_table(still, made, paths) -> None:
    rows = parquet.read_table(io.BytesIO(made("parquet", "prob"))).to_pylist()
    for row, path in zip(rows, paths, strict=True):
        assert row.pop("file") == to_text(path)
        assert row.pop("file_hex") in {None, os.fsencode(path).hex()}
        assert row == still.info(path).probabilities


def test_rows_come_in_groups(still, made, monkeypatch) -> None:
    whole = parquet.read_table(io.BytesIO(made("parquet")))
    monkeypatch.setattr("libindex.export.parquet._AT_ONCE", 3)
    raw = made("parquet")
    assert parquet.ParquetFile(io.BytesIO(raw)).num_row_groups == 3
    assert parquet.read_table(io.BytesIO(raw)).equals(whole)


def test_nothing_is_a_table_without_rows(made) -> None:
    table = parquet.read_table(io.BytesIO(made("parquet", name="nothing")))
    assert table.num_rows == 0
    assert "embedding" in table.schema.names


def test_where_pyarrow_is_missing_it_says_so_and_writes_nothing(
    still, tmp_path, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(LibindexError, match=r"pip install 'libindex\[parquet\]'"):
        still.export(tmp_path / "x.parquet", "parquet")
    assert list(tmp_path.iterdir()) == []
