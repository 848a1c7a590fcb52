"""What every service manager can do."""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from libindex.errors import LibindexError

Run = Callable[..., str]
"""Runs a command of the service manager, as `run` does."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a service runs.

    Attributes
    ----------
    command : tuple of str
        The program, with an absolute path, and its arguments.
    environment : mapping of str to str
        Environment variables that are set for it.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class Service(Protocol):
    """The watcher as a service of the user."""

    @property
    def path(self) -> Path:
        """The file that describes it to the service manager."""

    def render(self, program: Program) -> str:
        """The content of that file."""

    def install(self, program: Program) -> None:
        """Run a program now and whenever the user logs in, instead of an earlier one."""

    def uninstall(self) -> None:
        """Stop it and remove it."""

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
        lines = (done.stderr or done.stdout).strip().splitlines()
        why = lines[-1] if lines else f"exit status {done.returncode}"
        raise LibindexError(f"{' '.join(command)} failed: {why}")
    return done.stdout


def write(path: Path, text: str) -> None:
    """Write a service's file, and the folders above it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(text))
    except OSError as error:
        raise LibindexError(f"can't be written ({error.strerror})", path) from None


def require_installed(path: Path) -> None:
    """Make sure that a service is installed.

    Raises
    ------
    LibindexError
        If it is not.
    """
    if not path.exists():
        raise LibindexError(
            "the service is not installed; install it with: libindex service install"
        )
