"""Showing kits: a table for people, records for programs."""

import csv
import io
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.output import duration, write_json
from libindex.instruments import name_of
from libindex.paths import display, path_fields, relative_to

if TYPE_CHECKING:
    from libindex.kits.kit import Kit

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
    from rich.text import Text

    from libindex.cli.table import Column, Row, has_room_for_bars, share, show_rows

    with_bars = has_room_for_bars()
    columns = (
        Column("key"),
        Column("class"),
        Column("probability" if with_bars else "prob."),
        Column("length", is_right=True),
    )
    rows = [
        Row(
            (
                Text(f"{voice.key:>3}"),
                Text(name_of(voice.class_code) if voice.class_code else "?"),
                share(voice.probability, with_bars),
                Text(duration(voice.duration_s)),
            ),
            display(_shorter(voice.sample, bases)),
            "" if os.path.exists(voice.sample) else "missing",  # noqa: PTH110
        )
        for voice in kit.voices
    ]
    show_rows(columns, "sample", rows)


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
