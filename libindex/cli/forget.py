"""``libindex forget``."""

import click

from libindex.cli.options import db_option
from libindex.paths import display


@click.command(short_help="Remove a folder from the library.")
@click.argument("path", type=click.Path())
@db_option
def forget(path: str, db: str | None) -> None:
    """Remove the folder PATH from the library. Its files are not touched."""
    from libindex.library import Library

    with Library.open(db, create=False) as library:
        count = library.forget(
            path, on_wait=lambda who: click.echo(f"libindex: waiting for {who}", err=True)
        )
    click.echo(f"Forgot {display(path)} and its {count:,} samples; no file was touched")
