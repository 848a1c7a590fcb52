"""``libindex serve``."""

import sys
import threading
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.options import db_option, model_option, run_options
from libindex.errors import BusyError

if TYPE_CHECKING:
    from pathlib import Path

PORT = 8730


@click.command(short_help="See and hear the library in a browser.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="N",
    help="Port of 127.0.0.1 to listen at; 0 takes any that is free.  "
    f"[default: {PORT}, or the next that is free]",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@run_options
@db_option
@model_option
def serve(
    paths: tuple[str, ...], port: int | None, no_browser: bool, db: str | None, **overrides: Any
) -> None:
    """See, hear and use the library in a web browser.

    Opens a page with a map of all sounds, which plays what you point at. Adds each PATH to the
    library and scans it while you look; with an empty library the page offers folders to add. It
    also does what `libindex watch` does, unless another process does it already. Ctrl-C ends it.

    The page is for this machine only: the address works once, within a minute. Run the command
    again for another one. From another machine: ssh -L 8730:127.0.0.1:8730 HOST
    """
    from libindex.library import Library
    from libindex.serve import app

    with Library.open(db, **overrides) as library:
        for path in paths:
            library.add(
                path, on_wait=lambda who: click.echo(f"libindex: waiting for {who}", err=True)
            )
        if _open_running(library.database.path, no_browser=no_browser):
            return
        listening = app.listen(PORT if port is None else port, is_named=port is not None)
        try:
            app.run(library, listening, lambda address: _show(address, no_browser=no_browser))
        except BusyError:
            if not _open_running(library.database.path, no_browser=no_browser):
                raise
        finally:
            listening.close()


def _open_running(database: "Path", *, no_browser: bool) -> bool:
    """Open another page of the server that runs already, if one does."""
    from libindex.serve.running import new_address

    address = new_address(database)
    if address is None:
        return False
    click.echo("libindex: is running already; this opens another page of it", err=True)
    _show(address, no_browser=no_browser)
    return True


def _show(address: str, *, no_browser: bool) -> None:
    click.echo(address)
    sys.stdout.flush()
    if no_browser:
        return
    # Some browsers are waited for, and this one waits for the page.
    threading.Thread(target=_browse, args=(address,), daemon=True).start()


def _browse(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        click.echo("libindex: found no browser; open the address above in one", err=True)
