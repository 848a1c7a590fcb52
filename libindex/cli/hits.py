"""Printing what was found: a table for people, lines and records for programs."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from libindex.cli.output import on_terminal, write_json, write_json_list

if TYPE_CHECKING:
    from libindex.queries import Hit


def show_hits(hits: Sequence["Hit"], output: str | None, sort: str = "") -> None:
    """Write hits to standard output in a format; None stands for what fits there.

    A table has a column for the facet that it is sorted by.
    """
    _WRITERS[output or ("table" if on_terminal() else "paths")](hits, sort)


def _table(hits: Sequence["Hit"], sort: str) -> None:
    from libindex.cli.table import show_table

    show_table(hits, sort)


def _paths(hits: Iterable["Hit"], end: bytes) -> None:
    out = sys.stdout.buffer
    for hit in hits:
        out.write(os.fsencode(hit.path) + end)
    out.flush()


def _csv(hits: Iterable["Hit"]) -> None:
    """Records; text in UTF-8, paths that are not also in hexadecimal."""
    from libindex.queries.records import RECORD_COLUMNS, record

    buffer = io.StringIO()
    names = [column.key for column in RECORD_COLUMNS]
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for hit in hits:
        values = record(hit)
        if "copies" in values:
            values["copies"] = json.dumps(values["copies"], ensure_ascii=False)
        writer.writerow(values)
    sys.stdout.buffer.write(buffer.getvalue().encode())
    sys.stdout.buffer.flush()


def _json(hits: Iterable["Hit"]) -> None:
    from libindex.queries import record

    write_json_list(map(record, hits))


def _jsonl(hits: Iterable["Hit"]) -> None:
    from libindex.queries import record

    for hit in hits:
        write_json(record(hit), indent=None)


_WRITERS: dict[str, Callable[[Sequence["Hit"], str], None]] = {
    "table": _table,
    "paths": lambda hits, _: _paths(hits, b"\n"),
    "paths0": lambda hits, _: _paths(hits, b"\0"),
    "csv": lambda hits, _: _csv(hits),
    "json": lambda hits, _: _json(hits),
    "jsonl": lambda hits, _: _jsonl(hits),
}
