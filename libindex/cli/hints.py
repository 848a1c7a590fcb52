"""The natural next step after a command, for people at a terminal."""

import sys

import click


def next_step(text: str) -> None:
    """Print a hint to standard error; nothing where a program reads or logs what we print."""
    if sys.stdout is not None and sys.stdout.isatty() and sys.stderr.isatty():
        click.echo(click.style(text, dim=True), err=True)
