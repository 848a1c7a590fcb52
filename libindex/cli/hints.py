"""The natural next step after a command, for people at a terminal."""

import shlex
import sys

import click

from libindex.paths import display


def next_step(text: str) -> None:
    """Print a hint to standard error; nothing where a program reads or logs what we print."""
    if sys.stdout is not None and sys.stdout.isatty() and sys.stderr.isatty():
        click.echo(click.style(text, dim=True), err=True)


def command(words: str, db: str | None) -> str:
    """A command to suggest, for the library that this one was given with ``--db``."""
    return f"libindex {words}" + ("" if db is None else f" --db {shlex.quote(display(db))}")
