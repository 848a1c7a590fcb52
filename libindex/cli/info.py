"""``libindex info``."""

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.options import db_option, model_option
from libindex.paths import display, path_fields

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
        values = dataclasses.asdict(found) | path_fields(found.path)
        write_json(
            values | {"root": display(found.root), "copies": [path_fields(p) for p in found.copies]}
        )
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
    from libindex.cli.output import duration

    lines = []
    if found.failure:
        lines.append(("not usable", found.failure))
    if found.container:
        channels = {1: "mono", 2: "stereo"}.get(found.channels or 0, f"{found.channels} channels")
        lines += [
            ("format", f"{found.container} {found.encoding}, {found.sample_rate} Hz, {channels}"),
            ("length", duration(found.duration_s)),
            ("level", f"{found.loudness_dbfs:.1f} dBFS, peak {found.peak:.3f}"),
            ("centroid", f"{found.centroid_hz:,.0f} Hz"),
        ]
    if found.warning:
        lines.append(("warning", found.warning))
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
