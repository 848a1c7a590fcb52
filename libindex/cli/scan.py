"""``libindex scan``."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.hints import command, next_step
from libindex.cli.options import db_option, model_option, run_options
from libindex.errors import NotFoundError
from libindex.paths import display

if TYPE_CHECKING:
    from libindex.indexing import Progress, ScanSummary
    from libindex.library import Library


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option("--retry-failed", is_flag=True, help="Retry files that failed before.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@run_options
@db_option
@model_option
def scan(
    paths: tuple[str, ...], retry_failed: bool, dry_run: bool, db: str | None, **overrides: Any
) -> None:
    """Add folders to the library, or update them.

    Finds the audio files below each PATH, analyses new and changed ones, and detects files that
    were moved or deleted. Without PATH, all folders of the library are scanned. Samples of a
    folder that is offline (an unplugged drive) are kept.

    Press Ctrl-C to stop: what is done is kept, and the next scan continues from there.
    """
    opened = _library(db, paths, dry_run, overrides)
    with _stopping() as stop, opened as library, _live() as progress:
        summary = library.scan(
            *paths,
            retry_failed=retry_failed,
            dry_run=dry_run,
            on_progress=stop.on_progress(progress),
            on_wait=stop.on_wait,
            stop=stop.event,
        )
    _report(summary, dry_run, db)
    if summary.interrupted:
        next_step(f"Continue with: {command('scan', db)}")
        sys.exit(128 + (stop.signal or signal.SIGINT))
    if dry_run:
        next_step("Run it without --dry-run to record this.")
    elif summary.new + summary.changed + summary.unchanged + summary.moved:
        next_step(f"Search it: {command('query snare', db)}")
    elif not paths and not summary.failed + len(summary.offline):
        next_step(f"Add a folder: {command('scan FOLDER', db)}")


def _library(
    db: str | None, paths: tuple[str, ...], dry_run: bool, overrides: dict[str, Any]
) -> "Library":
    from libindex.library import Library

    try:
        return Library.open(db, create=bool(paths) and not dry_run, **overrides)
    except NotFoundError:
        if not paths:
            raise
        return Library.temporary(**overrides)  # a dry run leaves no library behind


class _Stop:
    """Set by the first SIGINT or SIGTERM; a second one ends the process at once.

    So does the first while this waits for another scan: then there is nothing to keep.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal = 0
        self._is_waiting = False

    def on_wait(self, who: str) -> None:
        self._is_waiting = True
        click.echo(f"libindex: waiting for {who}", err=True)

    def on_progress(self, show: "Callable[[Progress], None]") -> "Callable[[Progress], None]":
        def update(progress: "Progress") -> None:
            self._is_waiting = False
            show(progress)

        return update

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if self.event.is_set() or self._is_waiting:
            raise KeyboardInterrupt
        self.signal = number
        self.event.set()
        click.echo("\nlibindex: stopping; what is done is kept", err=True)


@contextmanager
def _stopping() -> Iterator[_Stop]:
    stop = _Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _live() -> Iterator[Any]:
    """A line with files, speed and time left, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _progress: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[speed]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("looking for files", total=None, speed="")

        def update(progress: Any) -> None:
            speed = shown.tasks[0].speed
            shown.update(
                task,
                description="scanning",
                completed=progress.done,
                total=progress.total,
                speed=f"{speed:,.0f} files/s" if speed else "",
            )

        yield update


def _report(summary: "ScanSummary", dry_run: bool, db: str | None) -> None:
    for path, reason in summary.offline:
        click.echo(f"libindex: {display(path)}: {reason}; its samples are kept", err=True)
    for path in summary.unreadable:
        click.echo(f"libindex: {display(path)}: can't be read; its samples are kept", err=True)
    if summary.unanalysed:
        click.echo(
            f"libindex: {summary.unanalysed:,} sounds in other folders were not yet analysed by "
            f"this network and will not be found; analyse them with: {command('scan', db)}",
            err=True,
        )
    # What was removed is not there any more, so it is no part of the number of files.
    here = ("new", "changed", "moved", "unchanged", "failed")
    total = sum(getattr(summary, name) for name in here)
    verb = "Would scan" if dry_run else "Stopped after" if summary.interrupted else "Scanned"
    speed = f", {total / summary.seconds:,.0f} files/s" if summary.seconds > 0 else ""
    click.echo(f"{verb} {total:,} files in {summary.seconds:.1f} s{speed}")
    for name in ("new", "changed", "moved", "removed", "unchanged", "failed"):
        if dry_run and name == "moved":  # unknown without reading; they count as new and removed
            continue
        has_reasons = name == "failed" and summary.failed
        hint = f"   (why: {command('status --failures', db)})" if has_reasons else ""
        click.echo(f"  {name:<9} {getattr(summary, name):>9,}{hint}")
