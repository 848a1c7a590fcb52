"""The watcher as an agent of macOS's launchd; see launchd.plist(5)."""

import contextlib
import os
import plistlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from libindex.errors import LibindexError
from libindex.services.base import installed, run, write

_LABEL = "org.libindex.watch"


class Launchd:
    """The user's service manager on macOS."""

    @property
    def path(self) -> Path:
        """Where the agent is described."""
        return Path.home() / "Library" / "LaunchAgents" / f"{_LABEL}.plist"

    @property
    def _log(self) -> Path:
        return Path.home() / "Library" / "Logs" / "libindex.log"

    def described(self, command: Sequence[str]) -> str:
        """The agent's property list."""
        values = {
            "Label": _LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ProcessType": "Background",
            "LowPriorityIO": True,
            "Nice": 10,
            "StandardErrorPath": str(self._log),
        }
        return plistlib.dumps(values).decode()

    def install(self, command: Sequence[str]) -> None:
        """Write the agent, and start it now and at every login."""
        write(self.path, self.described(command))
        with contextlib.suppress(LibindexError):  # there was none before
            run("launchctl", "bootout", _target())
        run("launchctl", "bootstrap", _domain(), str(self.path))

    def uninstall(self) -> None:
        """Stop it and remove it."""
        installed(self.path)
        with contextlib.suppress(LibindexError):  # it was stopped before
            run("launchctl", "bootout", _target())
        self.path.unlink(missing_ok=True)

    def start(self) -> None:
        """Start it."""
        installed(self.path)
        if not self.is_running():
            with contextlib.suppress(LibindexError):
                run("launchctl", "bootout", _target())
            run("launchctl", "bootstrap", _domain(), str(self.path))

    def stop(self) -> None:
        """Stop it."""
        installed(self.path)
        run("launchctl", "bootout", _target())

    def is_running(self) -> bool:
        """Whether launchd has a process for it."""
        installed(self.path)
        try:
            return "state = running" in run("launchctl", "print", _target())
        except LibindexError:
            return False

    def show_logs(self, lines: int, *, follow: bool) -> None:
        """What it has logged."""
        installed(self.path)
        options = ["-f"] if follow else []
        sys.stdout.flush()
        subprocess.run(["tail", "-n", str(lines), *options, str(self._log)], check=False)  # noqa: S607


def _domain() -> str:
    return f"gui/{os.getuid()}"


def _target() -> str:
    return f"{_domain()}/{_LABEL}"
