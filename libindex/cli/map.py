"""``libindex map``: how sounds lie on the map of the page."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from libindex.cli.hints import command, next_step
from libindex.cli.options import db_option


@click.group()
def map() -> None:  # noqa: A001 - the command's name
    """Settle the map of the page, redraw it, or bring it back.

    Sounds keep their places on the map of `libindex serve`: no scan ever moves one. These commands
    do, for all sounds at once.
    """


@map.command()
@db_option
def settle(db: str | None) -> None:
    """Fit the map to the sounds of this library.

    The map that comes with the network places a sound by what it resembles of some 2,000 sounds.
    Settling moves sounds nearer to those of your own that resemble them; kicks stay where kicks
    are. It takes some minutes for 50,000 sounds. Sounds that are added later are placed among those
    that are there.

    Needs openTSNE: pip install 'libindex[map]'
    """
    from libindex.library import Library

    with Library.open(db, create=False) as library, _shown("settling the map") as progress:
        count = library.map.settle(progress)
    click.echo(f"Settled the map of {count:,} sounds")
    next_step(f"Bring the map back as it was: {command('map undo', db)}")


@map.command()
@db_option
def redraw(db: str | None) -> None:
    """Place all sounds anew, as the map that comes with the network says."""
    from libindex.library import Library

    with Library.open(db, create=False) as library, _shown("redrawing the map") as progress:
        count = library.map.redraw(progress)
    click.echo(f"Redrew the map of {count:,} sounds")
    next_step(f"Bring the map back as it was: {command('map undo', db)}")


@map.command()
@db_option
def undo(db: str | None) -> None:
    """Bring back the map as it was before it was settled or redrawn.

    Once more brings back what was undone.
    """
    from libindex.library import Library

    with Library.open(db, create=False) as library:
        library.map.undo()
    click.echo("The map is back as it was before")


@contextmanager
def _shown(what: str) -> Iterator[Callable[[float], None]]:
    """A line with what is done, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _part: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=1.0)
        yield lambda part: shown.update(task, completed=part)
