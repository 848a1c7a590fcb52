"""Showing kits: a table for people, records for programs."""

import csv
import io
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.output import bar, duration, write_json
from libindex.instruments import name_of
from libindex.paths import display, path_fields, relative_to

if TYPE_CHECKING:
    from libindex.kits.kit import Kit, Voice

_COLUMNS = (
    "pad",
    "key",
    "class",
    "probability",
    "duration_s",
    "choke_group",
    "sample",
    "sample_hex",
)


def show_kit(kit: "Kit", bases: Sequence[str], output: str = "table") -> None:
    """Write a kit to standard output as a "table", "csv" or "json".

    Samples below one of the folders `bases` are shown without it.
    """
    _WRITERS[output](kit, bases)


def _table(kit: "Kit", bases: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("key", "class", "probability", "length", "sample"):
        table.add_column(column, no_wrap=column != "sample", overflow="fold")
    for voice in kit.voices:
        probability = "?" if voice.probability is None else f"{voice.probability:.2f}"
        table.add_row(
            Text(f"{voice.key:>3}"),
            Text(name_of(voice.class_code) if voice.class_code else "?"),
            Text.assemble((bar(voice.probability or 0.0), "cyan"), f" {probability}"),
            Text(duration(voice.duration_s)),
            _sample_cell(voice, bases),
        )
    Console().print(table)


def _sample_cell(voice: "Voice", bases: Sequence[str]) -> Any:
    from rich.text import Text

    text = Text(display(_shorter(voice.sample, bases)))
    if not os.path.exists(voice.sample):  # noqa: PTH110
        text.append("  (missing)", style="yellow")
    return text


def _shorter(path: str, bases: Sequence[str]) -> str:
    return next((below for base in bases if (below := relative_to(path, base))), path)


def _records(kit: "Kit", bases: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "pad": number,
            "key": voice.key,
            "class": voice.class_code,
            "probability": None if voice.probability is None else round(voice.probability, 6),
            "duration_s": voice.duration_s,
            "choke_group": voice.choke_group,
            **path_fields(_shorter(voice.sample, bases), "sample"),
        }
        for number, voice in enumerate(kit.voices, start=1)
    ]


def _csv(kit: "Kit", bases: Sequence[str]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_records(kit, bases))
    click.echo(buffer.getvalue().encode(), nl=False)


def _json(kit: "Kit", bases: Sequence[str]) -> None:
    write_json({"name": kit.name, "pads": _records(kit, bases)})


_WRITERS: dict[str, Callable[["Kit", Sequence[str]], None]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
}
