"""Showing what was found: a table for people, lines and records for programs."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from libindex.paths import display, relative_to

if TYPE_CHECKING:
    from libindex.queries import Hit
    from libindex.sound.facts import Fact

_BAR_WIDTH = 10
_LEAST_PERCUSSION = 0.5  # what is less likely to be percussion is noted
_EIGHTHS = " ▏▎▍▌▋▊▉"


def on_terminal() -> bool:
    """Whether a person is reading standard output."""
    return sys.stdout.isatty()


def show_hits(hits: Iterable["Hit"], output: str | None) -> None:
    """Write hits to standard output in a format; None stands for what fits there."""
    output = output or ("table" if on_terminal() else "paths")
    _WRITERS[output](hits)


def bar(value: float) -> str:
    """A number between 0 and 1 as a bar of `_BAR_WIDTH` characters."""
    eighths = round(max(0.0, min(1.0, value)) * _BAR_WIDTH * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_WIDTH)


def duration(seconds: float | None) -> str:
    """A length for people."""
    if seconds is None:
        return "?"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shown(fact: "Fact", value: Any) -> str:
    """The value of a fact for people."""
    if value is None or fact.unit == "s":
        return duration(value)
    return f"{value:{fact.shown}} {fact.unit}".rstrip()


def write_json(value: object, indent: int | None = 2) -> None:
    """Write one JSON document to standard output, in ASCII where that is not UTF-8."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(value, indent=indent, ensure_ascii=not is_utf8))


def _table(hits: Iterable["Hit"]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    hits = list(hits)
    several_roots = len({hit.root for hit in hits}) > 1
    table = Table(box=None, pad_edge=False, header_style="dim")
    alike = any(hit.similarity is not None for hit in hits)
    if alike:
        table.add_column("similarity", no_wrap=True)
    table.add_column("class", no_wrap=True, style="bold")
    table.add_column("probability", no_wrap=True)
    table.add_column("length", no_wrap=True, justify="right")
    table.add_column("file", overflow="fold")
    for hit in hits:
        cells = [
            Text(hit.class_code),
            _measure(hit.probability),
            Text(duration(hit.facts.duration_s)),
        ]
        if alike:
            cells.insert(0, _measure(hit.similarity or 0.0))
        table.add_row(*cells, _file_cell(hit, several_roots))
    if hits:
        Console().print(table)


def _measure(value: float) -> Any:
    from rich.text import Text

    return Text.assemble((bar(value), "cyan"), f" {value:.2f}")


def _file_cell(hit: "Hit", several_roots: bool) -> Any:
    """The path below its root, what is wrong with it, and its copies on lines of their own."""
    from rich.text import Text

    root = "" if several_roots else hit.root
    text = Text(display(relative_to(hit.path, root) or hit.path))
    notes = [hit.facts.warning] if hit.facts.warning else []
    if hit.percussion is not None and hit.percussion < _LEAST_PERCUSSION:
        notes.append("not percussion?")
    notes += [] if hit.is_online else ["offline"]
    if notes:
        text.append(f"  ({', '.join(notes)})", style="yellow")
    for copy in hit.copies:
        text.append(f"\n= {display(relative_to(copy, root) or copy)}", style="dim")
    return text


def _paths(hits: Iterable["Hit"], end: bytes = b"\n") -> None:
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

    write_json([record(hit) for hit in hits])


def _jsonl(hits: Iterable["Hit"]) -> None:
    from libindex.queries import record

    for hit in hits:
        write_json(record(hit), indent=None)


_WRITERS: dict[str, Callable[[Iterable["Hit"]], None]] = {
    "table": _table,
    "paths": _paths,
    "paths0": lambda hits: _paths(hits, b"\0"),
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
}
