"""``libindex info``."""

import time
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.options import db_option, model_option
from libindex.paths import display
from libindex.sound.facts import FACTS

if TYPE_CHECKING:
    from libindex.queries import SampleInfo

_CLASSES_SHOWN = 5


@click.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all classes.")
@db_option
@model_option
def info(file: str, as_json: bool, db: str | None, **overrides: Any) -> None:
    """Show everything known of FILE: a path, or the name of one file of the library."""
    from libindex.cli.output import write_json
    from libindex.library import Library

    with Library.open(db, create=False, **overrides) as library:
        found = library.info(file)
    if as_json:
        from libindex.queries import info_record

        write_json(info_record(found))
    else:
        _show(found)


def _show(found: "SampleInfo") -> None:
    from libindex.cli.output import bar
    from libindex.instruments import name_of

    click.echo(display(found.path))
    for label, value in _lines(found):
        click.echo(f"  {label:<11} {value}")
    for code, probability in list(found.probabilities.items())[:_CLASSES_SHOWN]:
        click.echo(f"  {code:<11} {bar(probability)} {probability:.2f}  {name_of(code)}")


def _lines(found: "SampleInfo") -> list[tuple[str, str]]:
    from libindex.cli.output import shown

    lines, facts = [], found.facts
    if found.failure:
        lines.append(("not usable", found.failure))
    if facts:
        channels = {1: "mono", 2: "stereo"}.get(facts.channels, f"{facts.channels} channels")
        file_format = f"{facts.container} {facts.encoding}, {facts.sample_rate} Hz, {channels}"
        lines.append(("format", file_format))
        lines += [(f.label, shown(f, getattr(facts, f.key))) for f in FACTS if f.shown]
        if facts.warning:
            lines.append(("warning", facts.warning))
    lines.append(("size", f"{found.size_bytes:,} bytes"))
    place = display(found.root) + ("" if found.is_online else " (offline)")
    lines += [("root", place), ("added", _time(found.added_at))]
    if found.analysed_at:
        lines.append(("analysed", _time(found.analysed_at)))
    if found.percussion is not None:
        lines.append(("percussion", f"{found.percussion:.2f}"))
    lines += [("copy", display(path)) for path in found.copies]
    return lines


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
