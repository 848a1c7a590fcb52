"""``libindex service``."""

import sys
from typing import Any

import click

from libindex.cli.hints import next_step
from libindex.cli.options import db_option, model_option, run_options
from libindex.paths import absolute, display


@click.group(short_help="Run `libindex watch` in the background.")
def service() -> None:
    """Run `libindex watch` in the background whenever you are logged in.

    Uses a systemd user unit on Linux and a launchd agent on macOS.
    """


@service.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option("--print", "show", is_flag=True, help="Print the service file; install nothing.")
@run_options
@db_option
@model_option
def install(paths: tuple[str, ...], show: bool, **options: Any) -> None:
    """Install and start the service, or change its settings.

    It watches each PATH; without PATH, all folders of the library, including those added later
    with `libindex scan`. It keeps these options and the LIBINDEX_... environment variables as they
    are now; install it again to change them.
    """
    from libindex import services, settings

    manager = services.for_this_system()
    loaded = settings.load(options)  # what is wrong is said now, not in the service's log
    given = {
        name: str(getattr(loaded, name)) for name, value in options.items() if value is not None
    }
    variables = settings.environment()
    for name in given:
        variables.pop(f"LIBINDEX_{name.upper()}", None)
    program = services.watch_program(_arguments(paths, given), variables)
    if show:
        click.echo(manager.render(program), nl=False)
        return
    manager.install(program)
    click.echo(f"installed and started: {display(manager.path)}")
    next_step("See what it does: libindex status, libindex service logs")


@service.command()
def uninstall() -> None:
    """Stop and remove the service; the library is kept."""
    from libindex import services

    services.for_this_system().uninstall()
    click.echo("removed; the library is kept")


@service.command()
def start() -> None:
    """Start the service."""
    from libindex import services

    services.for_this_system().start()
    next_step("See what it does: libindex status")


@service.command()
def stop() -> None:
    """Stop the service until you log in again."""
    from libindex import services

    services.for_this_system().stop()
    next_step("Start it again: libindex service start; remove it: libindex service uninstall")


@service.command()
def status() -> None:
    """Show whether the service is running; exit status 1 if not."""
    from libindex import services

    is_running = services.for_this_system().is_running()
    click.echo("running" if is_running else "not running")
    next_step(
        "See what it does: libindex status" if is_running else "Start it: libindex service start"
    )
    sys.exit(not is_running)


@service.command()
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Number of lines.",
)
@click.option("--follow", "-f", is_flag=True, help="Keep printing new lines.")
def logs(lines: int, follow: bool) -> None:
    """Show the end of the service's log."""
    from libindex import services

    services.for_this_system().show_logs(lines, follow=follow)


def _arguments(paths: tuple[str, ...], given: dict[str, str]) -> list[str]:
    """The arguments of `libindex watch`; with absolute paths, since a service starts elsewhere."""
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    return [*options, *(["--"] if paths else []), *(absolute(path) for path in paths)]
