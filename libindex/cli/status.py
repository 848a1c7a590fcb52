"""``libindex status``."""

import dataclasses
import shlex
import time
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.hints import command, next_step
from libindex.cli.options import db_option, model_option
from libindex.paths import display, path_fields

if TYPE_CHECKING:
    from libindex.library import Library
    from libindex.queries import Failure, Status


@click.command()
@click.argument("folder", required=False, type=click.Path())
@click.option("--failures", is_flag=True, help="List the files that can't be used, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@db_option
@model_option
def status(
    folder: str | None, failures: bool, as_json: bool, db: str | None, **overrides: Any
) -> None:
    """Show what is in the library: folders, classes, failures, sizes.

    With FOLDER, show only what lies below it.
    """
    from libindex.library import Library

    with Library.open(db, create=False, **overrides) as library:
        if failures:
            _show_failures(library.failures(folder), as_json)
        elif as_json:
            _write(library, folder)
        elif folder is not None:
            _show_counts(library.status(folder), db)
        else:
            _show(library, db)


def _show_failures(found: "list[Failure]", as_json: bool) -> None:
    from libindex.cli.output import write_json

    if as_json:
        write_json([path_fields(f.path) | {"reason": f.reason} for f in found])
        return
    for failure in found:
        click.echo(f"{display(failure.path)}: {failure.reason}")


def _write(library: "Library", folder: str | None) -> None:
    from libindex.cli.output import write_json

    state = library.status(folder)
    roots = [dataclasses.asdict(r) | path_fields(r.path) for r in state.roots]
    values: dict[str, Any] = dataclasses.asdict(state) | {"roots": roots}
    del values["folder"]
    if state.folder is not None:
        write_json(values | {"folder": path_fields(state.folder)})
        return
    network, neighbours = library.network(), library.index_status()
    write_json(
        values
        | {
            "database": path_fields(str(library.database.path)),
            "database_bytes": library.database.size_bytes,
            "network": dataclasses.asdict(network) if network else None,
            "neighbours_current": neighbours[1] if neighbours else None,
            "writer": str(library.writer() or "") or None,
            "watcher": _watcher_fields(library),
        }
    )


def _show(library: "Library", db: str | None) -> None:
    size = library.database.size_bytes / 2**20
    click.echo(f"database    {display(library.database.path)} ({size:,.1f} MB)")
    network = library.network()
    if network:
        click.echo(f"network     {network.name} ({network.fingerprint[:12]})")
    click.echo(f"neighbours  {_neighbours(library)}")
    writer = library.writer()
    if writer:
        click.echo(f"writing     {writer}")
    _show_watcher(library)
    _show_counts(library.status(), db)


def _show_counts(state: "Status", db: str | None) -> None:
    only = "" if state.folder is None else f" {shlex.quote(display(state.folder))}"
    if state.folder is not None:
        click.echo(f"folder      {display(state.folder)}")
    click.echo(
        f"samples     {state.samples:,} ({state.contents:,} different, {state.analysed:,} analysed)"
    )
    if state.flagged:
        click.echo(f"flagged     {state.flagged:,} damaged, but usable")
    if state.failed:
        click.echo(f"failed      {state.failed:,} (why: {command(f'status{only} --failures', db)})")
    if (
        state.folder is None
        or len(state.roots) > 1
        or not all(root.is_online for root in state.roots)
    ):
        _show_roots(state)
    _show_classes(state)
    if not state.samples:
        next_step(f"Add samples: {command('scan FOLDER', db)}")


def _show_watcher(library: "Library") -> None:
    activity = library.activity()
    if activity is None:
        click.echo("watching    no (start it with: libindex watch, or libindex service install)")
        return
    click.echo(f"watching    {activity.holder}")
    queue = f", {activity.queue:,} paths to check" if activity.queue else ""
    click.echo(f"            {activity.doing}{queue}")
    if activity.reconciled_at:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(activity.reconciled_at))
        click.echo(f"            compared everything {when}")
    if activity.trouble:
        click.echo(f"            problem: {activity.trouble}")


def _watcher_fields(library: "Library") -> dict[str, Any] | None:
    activity = library.activity()
    if activity is None:
        return None
    folders = [{**path_fields(f.path), "how": f.how} for f in activity.folders]
    return dataclasses.asdict(activity) | {"folders": folders}


def _neighbours(library: "Library") -> str:
    found = library.index_status()
    if found is None:
        return "none before the first scan"
    path, current = found
    if not path.exists():
        return "made when next needed"
    return f"{path.stat().st_size / 2**20:,.1f} MB, {'current' if current else 'to be caught up'}"


def _show_roots(state: "Status") -> None:
    click.echo("\nfolders")
    for root in state.roots:
        when = "never scanned to the end"
        if root.scanned_at:
            when = "scanned " + time.strftime("%Y-%m-%d %H:%M", time.localtime(root.scanned_at))
        place = "" if root.is_online else "  OFFLINE"
        click.echo(f"  {root.samples:>8,}  {display(root.path)}  ({when}){place}")


def _show_classes(state: "Status") -> None:
    from libindex.cli.output import bar
    from libindex.instruments import name_of

    if not state.by_class:
        return
    click.echo("\nclasses")
    most = max(state.by_class.values())
    for code, number in state.by_class.items():
        click.echo(f"  {number:>8,}  {bar(number / most)} {code:<6} {name_of(code)}")
