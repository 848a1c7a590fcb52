"""``libindex service``."""

import sys
from typing import Any

import click

from libindex.cli.options import db_option, model_option, run_options
from libindex.paths import absolute, display


@click.group()
def service() -> None:
    """Have `libindex watch` run in the background whenever you are logged in.

    On Linux as a systemd user unit, on macOS as a launchd agent.
    """


@service.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option("--print", "show", is_flag=True, help="Write the unit to standard output instead.")
@run_options
@db_option
@model_option
def install(paths: tuple[str, ...], show: bool, **options: Any) -> None:
    """Install the service and start it; again, to change its options.

    It watches each PATH, or, without, all folders of the library, also those that are added
    later with `libindex scan`.
    """
    from libindex import services

    manager = services.for_this_system()
    command = services.watch_command(_arguments(paths, options))
    if show:
        click.echo(manager.described(command), nl=False)
        return
    manager.install(command)
    click.echo(f"installed and started: {display(manager.path)}")
    click.echo("what it does: libindex status, libindex service logs")


@service.command()
def uninstall() -> None:
    """Stop the service and remove it; the library stays."""
    from libindex import services

    services.for_this_system().uninstall()
    click.echo("removed; the library is kept")


@service.command()
def start() -> None:
    """Start the service."""
    from libindex import services

    services.for_this_system().start()


@service.command()
def stop() -> None:
    """Stop the service until you log in again."""
    from libindex import services

    services.for_this_system().stop()


@service.command()
def status() -> None:
    """Tell whether the service runs: exit status 0 if it does, 1 if not."""
    from libindex import services

    is_running = services.for_this_system().is_running()
    click.echo("running (what it does: libindex status)" if is_running else "not running")
    sys.exit(not is_running)


@service.command()
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many of the last lines.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes.")
def logs(lines: int, follow: bool) -> None:
    """Show what the service has logged."""
    from libindex import services

    services.for_this_system().show_logs(lines, follow=follow)


def _arguments(paths: tuple[str, ...], options: dict[str, Any]) -> list[str]:
    """The options of `libindex watch`; paths are made absolute, since a service is nowhere."""
    arguments = []
    for name, value in options.items():
        if value is not None:
            is_file = name == "model" or (name == "db" and "://" not in value)
            arguments += [f"--{name}", absolute(value) if is_file else str(value)]
    return [*arguments, *(["--"] if paths else []), *(absolute(path) for path in paths)]
