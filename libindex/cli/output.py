"""What commands print: numbers for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from libindex.sound.facts import Fact

_BAR_WIDTH = 10
_EIGHTHS = " ▏▎▍▌▋▊▉"


def on_terminal() -> bool:
    """Whether a person is reading standard output."""
    return sys.stdout.isatty()


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
    click.echo(_encoder(indent).encode(value))


def write_json_list(records: Iterable[dict[str, Any]]) -> None:
    """As `write_json` writes a list, but element by element, so that it need not be held.

    Python's encoder is several times slower where it indents; records without anything inside
    of their values need none of that.
    """
    nested, flat = _encoder(2).encode, _encoder(None, (",\n    ", ": ")).encode
    start = before = "[\n  "
    for record in records:
        if not record or any(isinstance(value, list | dict) and value for value in record.values()):
            text = nested(record).replace("\n", "\n  ")
        else:
            text = f"{{\n    {flat(record)[1:-1]}\n  }}"
        sys.stdout.write(before + text)
        before = ",\n  "
    click.echo("[]" if before is start else "\n]")


def _encoder(indent: int | None, separators: tuple[str, str] | None = None) -> json.JSONEncoder:
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.JSONEncoder(ensure_ascii=not is_utf8, indent=indent, separators=separators)
