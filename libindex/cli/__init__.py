"""The command line: one file per command, and one place where errors become messages.

Command modules import nothing heavy at their top, so that ``--help`` is quick.
`docs/architecture.md` has the steps to add a command.
"""

import difflib
import importlib
import io
import os
import sys
from typing import Any

import click

from libindex import __version__
from libindex.errors import LibindexError, UsageError
from libindex.paths import display

_SIGPIPE_EXIT = 141
_COMMANDS = (
    "scan",
    "query",
    "similar",
    "kit",
    "serve",
    "map",
    "export",
    "info",
    "status",
    "watch",
    "service",
    "forget",
    "classify",
    "model",
)
# What other programs call them.
_OTHER_NAMES = {
    "add": "scan",
    "build": "kit build",
    "find": "query",
    "import": "scan",
    "index": "scan",
    "list": "query",
    "ls": "query",
    "remove": "forget",
    "rm": "forget",
    "search": "query",
    "show": "info",
    "train": "model train",
    "update": "scan",
}


class _Failure(click.ClickException):
    """An error of libindex on its way to the terminal: one line, exit 1."""

    def __init__(self, error: LibindexError) -> None:
        super().__init__(str(error))

    def show(self, file: Any = None) -> None:
        click.echo(f"libindex: {self.message}", file=file or sys.stderr)


class _WrongUsage(_Failure):
    """The same for values that make no sense: exit 2."""

    exit_code = 2


class _Commands(click.Group):
    """Commands are imported when they are called, and all errors end here."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"libindex.cli.{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0].lower(), _COMMANDS, n=1)
            meant = _OTHER_NAMES.get(args[0].lower()) or _search_for(args[0]) or "".join(close)
            hint = f" Did you mean {meant!r}?" if meant else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        if sys.stdout is None:
            raise _Failure(LibindexError("there is no standard output to write to"))
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # not every terminal can show a bar
        try:
            return super().invoke(ctx)
        except LibindexError as error:
            kind = _WrongUsage if isinstance(error, UsageError) else _Failure
            raise kind(error) from error
        except BrokenPipeError:
            # The reader of a pipe has closed it: end as other programs do.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_SIGPIPE_EXIT)
        except OSError as error:
            reason = f"{error.strerror or error}: {display(error.filename or 'standard output')}"
            raise _Failure(LibindexError(reason)) from error
        except KeyboardInterrupt:
            click.echo("libindex: interrupted", err=True)
            ctx.exit(130)


def _search_for(word: str) -> str:
    """The query for a class that somebody gave in place of a command."""
    from libindex.instruments import resolve

    try:
        resolve(word)
    except LibindexError:
        return ""
    return f"query {word}"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="libindex %(version)s")
def main() -> None:
    """Find sounds in a drum-sample library, by class or by similarity.

    Start with `libindex scan ~/Samples`. Then search: `libindex query snare`,
    `libindex similar kick01.ogg`. Audio files are only read, never changed.
    """
