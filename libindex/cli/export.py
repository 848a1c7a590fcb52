"""``libindex export``."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.options import db_option, model_option, sort_options, words_and_filter_options
from libindex.errors import UsageError
from libindex.paths import absolute, display, is_audio

if TYPE_CHECKING:
    from libindex.selection import Selection

FORMATS = ("csv", "json", "jsonl", "parquet", "npz")
KINDS = ("records", "prob")
ORDERS = ("class", "class/pack")
_BINARY = ("parquet", "npz")
_PLAYLISTS = ("m3u", "m3u8")


@click.command(short_help="Export the library, or what a query finds.")
@click.option(
    "--format",
    "-f",
    "file_format",
    type=click.Choice(FORMATS),
    help="File format. parquet and npz (NumPy) include the embeddings; parquet needs "
    "libindex[parquet]. [default: from the file extension, else csv]",
)
@click.option(
    "--type",
    "-t",
    "kind",
    type=click.Choice(KINDS),
    help="records: the columns of `libindex query` and the probabilities of all classes. prob: the "
    "table that DrumClassifier writes, a file and its probabilities. [default: records]",
)
@click.option(
    "--output", "-o", metavar="FILE", help="File to write; - for standard output. [default: -]"
)
@click.option("--playlist", metavar="FILE", help="Write a playlist (M3U8) instead.")
@click.option(
    "--tree",
    metavar="DIR",
    help="Create folders by class instead, with links to the samples. Run it again to update "
    "them; files that it did not create are left alone.",
)
@click.option(
    "--link/--copy", "link", default=None, help="With --tree: link or copy files. [default: link]"
)
@click.option(
    "--by",
    type=click.Choice(ORDERS),
    help="With --tree: levels of folders; a pack is a folder at the top of the library. "
    "[default: class]",
)
@words_and_filter_options
@sort_options(None, "path; with --limit, prob")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, 10**9),
    metavar="N",
    help="Only the first N that `libindex query --limit N` lists, without copies.",
)
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
    sort: str | None,
    reverse: bool,
    limit: int | None,
    db: str | None,
    **overrides: Any,
) -> None:
    """Export the library, or the results of a query, for other programs.

    Takes the same WORDs and filters as `libindex query`, and writes every matching file, copies
    included.

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
    order: dict[str, Any] = {
        "sort": sort or ("path" if limit is None else "prob"),
        "reverse": reverse,
        "limit": limit,
        "copies": limit is None,
    }
    with Library.open(db, create=False, **overrides) as library:
        found = library.select(**filters)
        if tree is not None:
            _export_tree(found, tree, by or "class", link is False, order)
        elif playlist is not None:
            count = found.playlist(_destination(playlist), **order)
            _report(count, playlist)
        else:
            target = _destination(output)
            count = found.export(target, file_format, kind or "records", **order)
            _report(count, output)


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
    if ending in FORMATS:
        return ending
    if not ending or is_audio(output or ""):  # which is refused elsewhere
        return "csv"
    hint = "use --playlist" if ending in _PLAYLISTS else "choose one with --format"
    choices = ", ".join(f".{name}" for name in FORMATS)
    raise UsageError(f"can't export .{ending}; {hint}, or name a file {choices}", output)


def _check_readable(file_format: str, output: str | None) -> None:
    if file_format in _BINARY and output in {None, "-"} and sys.stdout.isatty():
        raise UsageError(f"{file_format} is binary; name a file with -o")


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


def _report(count: int, output: str | None) -> None:
    if count == 0:
        click.echo("libindex: nothing matches", err=True)
    if output not in {None, "-"}:
        click.echo(f"{count:,} samples in {display(output or '')}")
