"""What every service manager can do."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from libindex.errors import LibindexError


class Service(Protocol):
    """The watcher as a service of the user."""

    @property
    def path(self) -> Path:
        """The file that describes it to the service manager."""

    def described(self, command: Sequence[str]) -> str:
        """What goes into that file, to run a command."""

    def install(self, command: Sequence[str]) -> None:
        """Have a command run now and whenever the user logs in."""

    def uninstall(self) -> None:
        """Stop it, and have it run no more."""

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """Stop it until the next login."""

    def is_running(self) -> bool:
        """Whether it runs now."""

    def show_logs(self, lines: int, *, follow: bool) -> None:
        """Write its last log lines to standard output."""


def run(*command: str) -> str:
    """Run a command of the service manager; returns what it wrote.

    Raises
    ------
    LibindexError
        If it fails, with the last line that it wrote.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise LibindexError(f"can't run {command[0]} ({error.strerror})") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        why = said[-1] if said else f"exit status {done.returncode}"
        raise LibindexError(f"{' '.join(command)} failed: {why}")
    return done.stdout


def write(path: Path, text: str) -> None:
    """Write a service's file, and the folders above it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(text))
    except OSError as error:
        raise LibindexError(f"can't be written ({error.strerror})", path) from None


def installed(path: Path) -> None:
    """Make sure that a service is installed.

    Raises
    ------
    LibindexError
        If it is not.
    """
    if not path.exists():
        raise LibindexError("the service is not installed; do so with: libindex service install")
