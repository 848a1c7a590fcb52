"""``libindex watch``."""

import json
import logging
import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.hints import next_step
from libindex.cli.options import db_option, model_option, run_options
from libindex.disk.posix import lower_priority
from libindex.paths import absolute, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from libindex.watching.watcher import Watcher

_NICENESS = 10


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(readable=False))
@click.option(
    "--reconcile-every",
    type=click.FloatRange(min=0.1),
    default=15.0,
    show_default=True,
    metavar="MINUTES",
    help="How often to compare all folders with the library, besides watching them.",
)
@click.option(
    "--poll",
    multiple=True,
    type=click.Path(),
    metavar="FOLDER",
    help="Poll this folder every minute instead of watching it; automatic for network drives. "
    "Can be given several times.",
)
@click.option(
    "--exec",
    "command",
    metavar="COMMAND",
    help="Run this shell command after changes; its standard input has a line of JSON for each.",
)
@click.option(
    "--nice",
    "niceness",
    type=click.IntRange(0, 19),
    default=_NICENESS,
    show_default=True,
    metavar="N",
    help="Niceness (0-19): the higher, the lower the priority.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the log.",
)
@click.option("--quiet", "-q", is_flag=True, help="Only log problems.")
@click.option("--verbose", "-v", is_flag=True, help="Log more details.")
@run_options
@db_option
@model_option
def watch(
    paths: tuple[str, ...],
    reconcile_every: float,
    poll: tuple[str, ...],
    command: str | None,
    niceness: int,
    log_format: str,
    quiet: bool,
    verbose: bool,
    db: str | None,
    **overrides: Any,
) -> None:
    """Watch folders and keep the library up to date.

    Watches each PATH, adding it if it is new; without PATH, all folders of the library. Compares
    them with the library first, then records changes as they happen. Logs to standard error;
    `libindex status` shows what it is doing. Ctrl-C stops it; SIGHUP makes it compare everything.

    To run it in the background whenever you are logged in: libindex service install
    """
    from libindex.library import Library
    from libindex.watching.options import WatchOptions

    _log_to_stderr(
        log_format, logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    )
    lower_priority(niceness)
    options = WatchOptions(
        reconcile_every_s=60 * reconcile_every,
        polled=tuple(absolute(path) for path in poll),
        command=command,
    )
    with Library.open(db, **overrides) as library:
        watcher = library.watcher(*paths, options=options)
        with _signals(watcher):
            watcher.run()
    next_step("Run it in the background: libindex service install")


@contextmanager
def _signals(watcher: "Watcher") -> "Iterator[None]":
    """SIGINT and SIGTERM stop it, SIGHUP (where there is one) makes it compare everything."""
    actions = {signal.SIGINT: watcher.stop, signal.SIGTERM: watcher.stop}
    if hasattr(signal, "SIGHUP"):
        actions[signal.SIGHUP] = watcher.reconcile
    before = {
        number: signal.signal(number, lambda *_, act=act: act()) for number, act in actions.items()
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log_to_stderr(log_format: str, level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if log_format == "json" else _Text())
    log = logging.getLogger("libindex")
    log.handlers, log.propagate = [handler], False
    log.setLevel(level)
    logging.getLogger("watchdog").addHandler(logging.NullHandler())  # we log its problems


class _Text(logging.Formatter):
    """One line for people; systemd's journal adds the time itself."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = (
            ""
            if "JOURNAL_STREAM" in os.environ
            else time.strftime("%Y-%m-%d %H:%M:%S ", time.localtime(record.created))
        )
        sign = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return f"{stamp}libindex: {sign}{record.getMessage()}"


_FIELDS = ("event", "path", "files", "seconds", "new", "changed", "moved", "removed", "failed")


class _Json(logging.Formatter):
    """One JSON object in a line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "message": to_text(record.getMessage()),
        }
        for name in _FIELDS:
            if hasattr(record, name):
                value = getattr(record, name)
                line[name] = to_text(value) if name == "path" else value
        return json.dumps(line)
