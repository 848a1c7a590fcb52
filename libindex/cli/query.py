"""``libindex query``."""

from typing import Any

import click

from libindex.cli.options import SORTS, db_option, filter_options, model_option, output_options

_ON_TERMINAL = 50


@click.command()
@filter_options
@click.option(
    "--sort",
    "-s",
    type=click.Choice(SORTS),
    default="prob",
    show_default=True,
    help="Most probable, in order of path or of name, shortest, darkest, quietest or newest first.",
)
@click.option("--reverse", "-r", is_flag=True, help="Sort the other way round.")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(0, 10**9),
    help=f"How many at most; 0 for all. [default: {_ON_TERMINAL} on a terminal, else all]",
)
@click.option(
    "--offset",
    type=click.IntRange(0, 10**9),
    default=0,
    show_default=True,
    help="Leave out this many at the beginning.",
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
    output: str | None,
    db: str | None,
    **overrides: Any,
) -> None:
    """Find samples by class, length, brightness, loudness, place and name.

    `libindex query --class snr --min-prob 0.8` lists the files that are snares with a
    probability of at least 0.8. Everything that is given must hold.
    """
    from libindex.cli.output import on_terminal, show_hits
    from libindex.library import Library

    if limit is None:
        limit = _ON_TERMINAL if on_terminal() else 0
    with Library.open(db, create=False, **overrides) as library:
        found = library.select(**filters)
        hits = found.hits(sort=sort, reverse=reverse, limit=limit, offset=offset)
        show_hits(hits, output)
        cut = on_terminal() and limit == len(hits)
        rest = found.count() - offset - len(hits) if cut else 0
    if not hits:
        after = f" after the first {offset:,}" if offset else ""
        click.echo(f"libindex: nothing matches{after}", err=True)
    if rest > 0:
        click.echo(f"… and {rest:,} more (--limit 0 shows all)", err=True)
