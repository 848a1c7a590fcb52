"""Tables as text: CSV, JSON and JSON lines, row by row."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from libindex.export.columns import Answer, probability_columns, rounded
from libindex.paths import path_fields
from libindex.queries import record
from libindex.queries.records import EXPORT_COLUMNS


def write_csv(out: BinaryIO, answer: Answer, kind: str) -> None:
    """A table: of records with all probabilities in columns of their own, or the original's."""
    codes = answer.network.classes
    if kind == "prob":
        write_original(out, ["file", *codes], _original_rows(answer))
        return
    with _text(out) as text:
        writer = csv.writer(text, lineterminator="\n")
        names = [column.key for column in EXPORT_COLUMNS]
        writer.writerow([*names, *probability_columns(codes)])
        for hits, matrix in answer.with_probabilities():
            for hit, row in zip(hits, rounded(matrix), strict=True):
                values = record(hit)
                writer.writerow([*(values.get(name) for name in names), *row])


def write_original(out: BinaryIO, header: list[str], rows: Iterable[list[Any]]) -> None:
    """A table as DrumClassifier writes it; file names keep bytes that are not UTF-8."""
    with _text(out, "surrogateescape") as text:
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(rows)


def write_json(out: BinaryIO, answer: Answer, kind: str) -> None:
    """One list, an object a line."""
    before = b"[\n"
    for row in _objects(answer, kind):
        out.write(before + _json(row))
        before = b",\n"
    out.write(b"[]\n" if answer.count == 0 else b"\n]\n")


def write_jsonl(out: BinaryIO, answer: Answer, kind: str) -> None:
    """One object a line."""
    out.writelines(_json(row) + b"\n" for row in _objects(answer, kind))


def _objects(answer: Answer, kind: str) -> Iterator[dict[str, Any]]:
    """Records with their probabilities by class, or rows of the original's table."""
    codes = answer.network.classes
    for hits, matrix in answer.with_probabilities():
        rows = matrix.tolist() if kind == "prob" else rounded(matrix)
        for hit, row in zip(hits, rows, strict=True):
            values = dict(zip(codes, row, strict=True))
            if kind == "prob":
                yield path_fields(hit.path, "file") | values
            else:
                found = record(hit)
                del found["copies"]  # which have records of their own
                yield found | {"probabilities": values}


def _original_rows(answer: Answer) -> Iterator[list[Any]]:
    for hits, matrix in answer.with_probabilities():
        for hit, row in zip(hits, matrix.tolist(), strict=True):
            yield [hit.path, *row]


def _json(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


@contextmanager
def _text(out: BinaryIO, errors: str = "strict") -> Iterator[io.TextIOWrapper]:
    """A binary file to write text to; it is left open."""
    text = io.TextIOWrapper(out, "utf-8", errors, newline="")
    try:
        yield text
    finally:
        text.detach()
