import csv
import io
import json
import os

import numpy as np
import pytest

from libindex.cli.classify import _rows
from libindex.drumclassifier.classifier import formatted
from libindex.errors import NotFoundError, UsageError
from libindex.export.columns import Answer
from libindex.export.tables import write_original
from libindex.instruments import CODES
from libindex.paths import to_text
from libindex.queries import record
from libindex.queries.records import EXPORT_COLUMNS


def table(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode(), newline="")))


def test_csv_has_the_records_of_a_query_and_all_probabilities(still, made, paths) -> None:
    raw = made("csv")
    rows, hits = table(raw), still.query(sort="path", copies=True)
    assert list(rows[0]) == [*(c.key for c in EXPORT_COLUMNS), *(f"prob_{code}" for code in CODES)]
    assert [row["path"] for row in rows] == [to_text(path) for path in paths]
    for row, hit in zip(rows, hits, strict=True):
        found = record(hit)
        assert found.pop("copies") == []
        values = {name: "" if v is None else str(v) for name, v in found.items()}
        assert {name: row[name] for name in values} == values
        probabilities = still.info(hit.path).probabilities
        for code in CODES:
            assert float(row[f"prob_{code}"]) == pytest.approx(probabilities[code], abs=1e-6)
    assert raw.count(b"\r") == 0


@pytest.mark.slow
def test_the_originals_table_is_the_originals(still, made, paths) -> None:
    network = still.network()
    rows = [[still.info(path).probabilities[code] for code in network.classes] for path in paths]
    result = formatted(paths, network.classes, np.array(rows, np.float32), "prob")
    expected = io.BytesIO()
    write_original(expected, *_rows(result, "prob"))
    raw = made("csv", "prob")
    assert raw == expected.getvalue()
    header = raw.split(b"\r\n")[0].decode()
    assert header == ",".join(["file", *CODES])
    assert os.fsencode(paths[4]) in raw


def test_json_is_a_list_of_records(still, made) -> None:
    rows = json.loads(made("json"))
    hits = still.query(sort="path", copies=True)
    for row, hit in zip(rows, hits, strict=True):
        probabilities = row.pop("probabilities")
        assert row | {"copies": []} == json.loads(json.dumps(record(hit)))
        assert probabilities == pytest.approx(still.info(hit.path).probabilities, abs=1e-6)
        assert list(probabilities) == list(CODES)


@pytest.mark.parametrize("kind", ["records", "prob"])
def test_json_lines_are_the_same(made, kind) -> None:
    assert [json.loads(line) for line in made("jsonl", kind).splitlines()] == json.loads(
        made("json", kind)
    )


def test_json_of_the_originals_table(still, made, paths) -> None:
    rows = json.loads(made("json", "prob"))
    for row, path in zip(rows, paths, strict=True):
        assert row.pop("file") == to_text(path)
        assert bytes.fromhex(row.pop("file_hex", "")) in {b"", os.fsencode(path)}
        assert row == still.info(path).probabilities


def test_filters_order_and_limit_are_those_of_a_query(still, made) -> None:
    for chosen in (
        {"sort": "prob", "limit": 3},
        {"sort": "duration", "reverse": True},
        {"classes": ["kick", "snr", "hats", "cym"], "min_prob": 0.01},
        {"name": "kick", "reverse": True},
        {"name": "kick", "copies": False},
    ):
        rows = json.loads(made("json", **chosen))
        hits = still.query(**{"sort": "path", "copies": True, **chosen})
        assert [(row["path"], row["class"]) for row in rows] == [
            (to_text(hit.path), hit.class_code) for hit in hits
        ]
        assert rows


def test_order_of_path_both_ways(still, paths) -> None:
    assert [hit.path for hit in still.query(sort="path", copies=True)] == paths
    assert [hit.path for hit in still.query(sort="path", reverse=True, copies=True)] == paths[::-1]


@pytest.mark.parametrize(
    ("file_format", "empty"), [("json", b"[]\n"), ("jsonl", b""), ("csv", None)]
)
def test_nothing_is_an_empty_table(made, file_format, empty) -> None:
    raw = made(file_format, name="nothing")
    assert raw == empty or (empty is None and raw.startswith(b"path,") and raw.count(b"\n") == 1)


def test_any_binary_file_will_do_and_is_left_open(still, made) -> None:
    out = io.BytesIO()
    assert still.export(out, "csv") == 8
    assert out.getvalue() == made("csv")


def test_more_samples_than_are_read_at_once(made, monkeypatch) -> None:
    whole = {name: made(name) for name in ("csv", "json", "npz")}
    parts = Answer.parts
    monkeypatch.setattr(Answer, "parts", lambda self, _=0: parts(self, 3))
    monkeypatch.setattr("libindex.export.arrays._AT_ONCE", 3)
    monkeypatch.setattr("libindex.store.batches.SIZE", 2)
    for name, content in whole.items():
        assert made(name) == content


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (["xml"], {}),
        (["csv", "all"], {}),
        (["npz", "prob"], {}),
        (["csv"], {"sort": "size"}),
        (["csv"], {"limit": -1}),
        (["csv"], {"classes": ["snaer"]}),
        (["csv"], {"colour": "red"}),
    ],
)
def test_what_makes_no_sense_writes_nothing(still, tmp_path, arguments, chosen) -> None:
    with pytest.raises(UsageError):
        still.export(tmp_path / "x", *arguments, **chosen)
    out = io.BytesIO()
    with pytest.raises(UsageError):
        still.export(out, *arguments, **chosen)
    with pytest.raises(NotFoundError):
        still.export(out, under=tmp_path)
    assert out.getvalue() == b""
    assert list(tmp_path.iterdir()) == []
