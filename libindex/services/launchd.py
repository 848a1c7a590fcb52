"""The watcher as an agent of macOS's launchd; see launchd.plist(5)."""

import contextlib
import os
import plistlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from libindex.errors import LibindexError
from libindex.services.base import Program, Run, require_installed, run, write

_LABEL = "org.libindex.watch"


@dataclass(frozen=True)
class Launchd:
    """The user's service manager on macOS.

    Attributes
    ----------
    run : callable
        Runs a command of it.
    """

    run: Run = run

    @property
    def path(self) -> Path:
        """The agent's property list."""
        return Path.home() / "Library" / "LaunchAgents" / f"{_LABEL}.plist"

    @property
    def _log(self) -> Path:
        return Path.home() / "Library" / "Logs" / "libindex.log"

    def render(self, program: Program) -> str:
        """The content of the agent's property list."""
        values = {
            "Label": _LABEL,
            "ProgramArguments": list(program.command),
            "EnvironmentVariables": dict(program.environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ProcessType": "Background",
            "LowPriorityIO": True,
            "Nice": 10,
            "StandardErrorPath": str(self._log),
        }
        return plistlib.dumps(values).decode()

    def install(self, program: Program) -> None:
        """Write the agent, and start it now and at every login."""
        write(self.path, self.render(program))
        with contextlib.suppress(LibindexError):  # it was not loaded
            self.run("launchctl", "bootout", _target())
        self.run("launchctl", "bootstrap", _domain(), str(self.path))

    def uninstall(self) -> None:
        """Stop it and remove it."""
        require_installed(self.path)
        with contextlib.suppress(LibindexError):  # it was not loaded
            self.run("launchctl", "bootout", _target())
        self.path.unlink(missing_ok=True)

    def start(self) -> None:
        """Start it."""
        require_installed(self.path)
        if not self.is_running():
            with contextlib.suppress(LibindexError):
                self.run("launchctl", "bootout", _target())
            self.run("launchctl", "bootstrap", _domain(), str(self.path))

    def stop(self) -> None:
        """Stop it."""
        require_installed(self.path)
        self.run("launchctl", "bootout", _target())

    def is_running(self) -> bool:
        """Whether launchd has a process for it."""
        require_installed(self.path)
        try:
            return "state = running" in self.run("launchctl", "print", _target())
        except LibindexError:
            return False

    def show_logs(self, lines: int, *, follow: bool) -> None:
        """Show the end of its log."""
        require_installed(self.path)
        options = ["-f"] if follow else []
        sys.stdout.flush()
        subprocess.run(["tail", "-n", str(lines), *options, str(self._log)], check=False)  # noqa: S607


def _domain() -> str:
    return f"gui/{os.getuid()}"


def _target() -> str:
    return f"{_domain()}/{_LABEL}"
