"""``libindex query``."""

from typing import Any

import click

from libindex.cli.options import (
    copies_option,
    db_option,
    model_option,
    output_options,
    sort_options,
    words_and_filter_options,
)

_ON_TERMINAL = 50


@click.command()
@words_and_filter_options
@copies_option
@sort_options("prob", "prob")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(0, 10**9),
    metavar="N",
    help=f"Maximum number of results; 0 for all. [default: {_ON_TERMINAL} on a terminal, else all]",
)
@click.option(
    "--offset",
    type=click.IntRange(0, 10**9),
    default=0,
    show_default=True,
    metavar="N",
    help="Skip the first N results.",
)
@output_options
@db_option
@model_option
def query(
    filters: dict[str, Any],
    sort: Any,
    reverse: bool,
    limit: int | None,
    offset: int,
    copies: bool,
    output: str | None,
    db: str | None,
    **overrides: Any,
) -> None:
    """Find samples by class, name, length, brightness or loudness.

    `libindex query snare` lists the snares, the most probable first. A WORD is a class, or else a
    part of the name of a file or folder: `libindex query kick 808`. All conditions must match;
    of several classes, any.

    \b
    libindex query --class snr --min-prob 0.8
    libindex query hats --max-duration 0.3 --sort centroid
    libindex query kick --under "Vintage Drums" --format json
    """  # noqa: D301
    from libindex.cli.hints import next_step
    from libindex.cli.hits import show_hits
    from libindex.cli.output import on_terminal
    from libindex.library import Library

    if limit is None:
        limit = _ON_TERMINAL if on_terminal() else 0
    with Library.open(db, create=False, **overrides) as library:
        found = library.select(**filters)
        hits = found.hits(sort=sort, reverse=reverse, limit=limit, offset=offset, copies=copies)
        show_hits(hits, output, sort)
        cut = on_terminal() and limit == len(hits)
        rest = found.count(copies=copies) - offset - len(hits) if cut else 0
    if not hits:
        after = f" after the first {offset:,}" if offset else ""
        click.echo(f"libindex: nothing matches{after}", err=True)
        if filters["min_prob"]:
            next_step("A lower --min-prob finds more")
    if rest > 0:
        next_step(f"… and {rest:,} more (--limit 0 shows all)")
