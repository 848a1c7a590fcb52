"""``libindex similar``."""

from typing import TYPE_CHECKING, Any

import click

from libindex.cli.options import (
    copies_option,
    db_option,
    filter_options,
    model_option,
    output_options,
)
from libindex.paths import absolute, display

if TYPE_CHECKING:
    from libindex.queries import Example


@click.command()
@click.argument("file", type=click.Path())
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1, 10**6),
    default=10,
    show_default=True,
    metavar="N",
    help="Maximum number of results.",
)
@click.option(
    "--min-similarity",
    type=click.FloatRange(-1, 1),
    default=-1.0,
    metavar="S",
    help="Minimum similarity, from -1 to 1 (identical).",
)
@copies_option
@filter_options
@output_options
@db_option
@model_option
def similar(
    file: str,
    number: int,
    min_similarity: float,
    copies: bool,
    filters: dict[str, Any],
    output: str | None,
    db: str | None,
    **overrides: Any,
) -> None:
    """Find samples that sound similar to FILE.

    FILE is any audio file: one that is not in the library is analysed, but not added. It can also
    be just the name of a file, if that is unique in the library: `libindex similar kick01.ogg`.
    """
    from libindex.cli.hits import show_hits
    from libindex.library import Library

    with Library.open(db, create=False, **overrides) as library:
        hits = library.select(**filters).similar(
            file,
            number,
            min_similarity=min_similarity,
            copies=copies,
            on_example=lambda example: _show_example(example, file),
        )
    show_hits(hits, output)
    if not hits:
        click.echo("libindex: nothing is similar", err=True)


def _show_example(example: "Example", file: str) -> None:
    """Say what FILE was taken for, where that is not plain."""
    note = ""
    if example.embedding is None:
        why = "changed since the last scan" if example.is_in_library else "not in the library"
        note = f" ({why}; analysing it)"
    elif example.path == absolute(file):
        return
    click.echo(f"libindex: similar to {display(example.path)}{note}", err=True)
