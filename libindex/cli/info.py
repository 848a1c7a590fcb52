"""``libindex info``."""

import os
import time
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.options import db_option, model_option
from libindex.errors import NotFoundError
from libindex.paths import absolute, display
from libindex.sound.facts import FACTS

if TYPE_CHECKING:
    from libindex.queries import SampleInfo

_CLASSES_SHOWN = 5


@click.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all classes.")
@db_option
@model_option
def info(file: str, as_json: bool, db: str | None, **overrides: Any) -> None:
    """Show everything libindex knows about a file.

    FILE is a path, or the name of one file of the library: `libindex info kick01.ogg`. A file
    that is not in the library is analysed, but not added.
    """
    from libindex.cli.hints import next_step
    from libindex.cli.output import write_json

    found = _info(file, db, overrides)
    if as_json:
        from libindex.queries import info_record

        write_json(info_record(found))
        return
    _show(found)
    if found.root is None:
        next_step("Add its folder to the library: libindex scan FOLDER")


def _info(file: str, db: str | None, overrides: dict[str, Any]) -> "SampleInfo":
    from libindex.library import Library

    try:
        library = Library.open(db, create=False, **overrides)
    except NotFoundError:
        if db is not None or not os.path.isfile(absolute(file)):  # noqa: PTH113
            raise
        return _described(file, overrides)
    with library:
        return library.info(file)


def _described(file: str, overrides: dict[str, Any]) -> "SampleInfo":
    """The same where there is no library yet."""
    from libindex import settings
    from libindex.analysis.engine import Engine
    from libindex.queries.describe import describe

    with Engine(settings.load(overrides)) as engine:
        return describe(engine, file)


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
    if found.root is None or found.added_at is None:
        lines.append(("root", "none (not in the library)"))
    else:
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
