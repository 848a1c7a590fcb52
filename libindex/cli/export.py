"""``libindex export``."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.options import SORTS, db_option, filter_options, model_option
from libindex.errors import UsageError
from libindex.paths import absolute, display

if TYPE_CHECKING:
    from libindex.selection import Selection

FORMATS = ("csv", "json", "jsonl", "parquet", "npz")
KINDS = ("records", "prob")
ORDERS = ("class", "class/pack")
_BINARY = ("parquet", "npz")


@click.command()
@click.option(
    "--format",
    "-f",
    "file_format",
    type=click.Choice(FORMATS),
    help="What to write. parquet and npz (NumPy) have the embeddings too; parquet needs "
    "libindex[parquet]. [default: what FILE ends with, else csv]",
)
@click.option(
    "--type",
    "-t",
    "kind",
    type=click.Choice(KINDS),
    help="The records of `libindex query` with all probabilities, or the table of probabilities "
    "that DrumClassifier writes: the file, and a column for each class. [default: records]",
)
@click.option("--output", "-o", metavar="FILE", help="Where to write; - is standard output.")
@click.option("--playlist", metavar="FILE", help="Write a playlist (M3U8) instead.")
@click.option(
    "--tree",
    metavar="DIR",
    help="Make folders sorted by class instead, with links to the samples. Run it again to bring "
    "them up to date; what it did not make it leaves alone.",
)
@click.option("--link/--copy", "link", default=None, help="With --tree: [default: link]")
@click.option(
    "--by",
    type=click.Choice(ORDERS),
    help="With --tree: its levels; a pack is the first folder below a folder of the library. "
    "[default: class]",
)
@filter_options
@click.option(
    "--sort",
    "-s",
    type=click.Choice(SORTS),
    default="path",
    show_default=True,
    help="As for `libindex query`.",
)
@click.option("--reverse", "-r", is_flag=True, help="Sort the other way round.")
@click.option("--limit", "-n", type=click.IntRange(1, 10**9), help="How many at most.")
@db_option
@model_option
def export(
    file_format: Any,
    kind: Any,
    output: str | None,
    playlist: str | None,
    tree: str | None,
    link: bool | None,
    by: str | None,
    filters: dict[str, Any],
    sort: str,
    reverse: bool,
    limit: int | None,
    db: str | None,
    **overrides: Any,
) -> None:
    """Write the library, or what a query finds, for other programs.

    \b
    libindex export -o drums.csv
    libindex export -c kick -p 0.8 -o kicks.npz
    libindex export -c hats --sort duration --playlist hats.m3u8
    libindex export --tree ~/Sorted --by class/pack
    """  # noqa: D301
    from libindex.library import Library

    table = {"--format": file_format, "--type": kind, "--output": output}
    _check_combination(table, playlist, tree, {"--link or --copy": link, "--by": by})
    if playlist is None and tree is None:
        file_format = file_format or _format_of(output)
        _check_readable(file_format, output)
    order: dict[str, Any] = {"sort": sort, "reverse": reverse, "limit": limit}
    with Library.open(db, create=False, **overrides) as library:
        found = library.select(**filters)
        if tree is not None:
            _export_tree(found, tree, by or "class", link is False, order)
        elif playlist is not None:
            count = found.playlist(_destination(playlist), **order)
            _tell(count, playlist)
        else:
            target = _destination(output)
            count = found.export(target, file_format, kind or "records", **order)
            _tell(count, output)


def _check_combination(
    table: dict[str, Any], playlist: str | None, tree: str | None, of_tree: dict[str, Any]
) -> None:
    """Tables, a playlist and a tree are alternatives."""
    kinds = [name for name, value in table.items() if value is not None][:1]
    kinds += ["--playlist"] if playlist is not None else []
    kinds += ["--tree"] if tree is not None else []
    if len(kinds) > 1:
        raise UsageError(f"{kinds[0]} and {kinds[1]} don't go together; run it twice")
    for name, value in of_tree.items():
        if value is not None and tree is None:
            raise UsageError(f"{name} goes with --tree only")


def _format_of(output: str | None) -> Any:
    ending = os.path.splitext(output or "")[1].lower().removeprefix(".")  # noqa: PTH122
    return ending if ending in FORMATS else "csv"


def _check_readable(file_format: str, output: str | None) -> None:
    if file_format in _BINARY and output in {None, "-"} and sys.stdout.isatty():
        raise UsageError(f"{file_format} is nothing to read; name a file with -o")


def _destination(output: str | None) -> Any:
    return sys.stdout.buffer if output in {None, "-"} else absolute(output)


def _export_tree(
    found: "Selection", folder: str, by: Any, copy: bool, order: dict[str, Any]
) -> None:
    done = found.tree(folder, by=by, copy=copy, **order)
    click.echo(
        f"{display(folder)}: {done.added:,} added, {done.removed:,} removed, "
        f"{done.kept:,} as before"
    )
    if done.missing:
        click.echo(
            f"libindex: left out {len(done.missing):,} that can't be read now, such as "
            f"{display(done.missing[0])}",
            err=True,
        )
        sys.exit(1)
    if not done.added + done.kept:
        click.echo("libindex: nothing matches", err=True)


def _tell(count: int, output: str | None) -> None:
    if count == 0:
        click.echo("libindex: nothing matches", err=True)
    if output not in {None, "-"}:
        click.echo(f"{count:,} samples in {display(output or '')}")
