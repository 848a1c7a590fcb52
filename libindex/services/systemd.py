"""The watcher as a unit of the user's systemd; see systemd.service(5) and systemd.exec(5)."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from libindex.errors import LibindexError
from libindex.services.base import Program, Run, require_installed, run, write

_NAME = "libindex.service"
# What can be taken from it without mount namespaces, which not every system lets users have.
# MemoryDenyWriteExecute is not among them: the network's kernels are compiled as it runs.
_UNIT = """\
[Unit]
Description=libindex: keeps the index of your samples up to date

[Service]
Type=notify
NotifyAccess=main
{environment}ExecStart={command}
ExecReload=kill -HUP $MAINPID
Restart=on-failure
RestartSec=10
TimeoutStartSec=infinity
TimeoutStopSec=10
WatchdogSec=180
Nice=10
IOSchedulingClass=idle
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True)
class Systemd:
    """The user's service manager on most Linux systems.

    Attributes
    ----------
    run : callable
        Runs a command of it.
    """

    run: Run = run

    @property
    def path(self) -> Path:
        """Where the unit is."""
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        return Path(home) / "systemd" / "user" / _NAME

    def render(self, program: Program) -> str:
        """The content of the unit."""
        variables = (f"{name}={value}" for name, value in sorted(program.environment.items()))
        return _UNIT.format(
            command=" ".join(_quoted(word).replace("$", "$$") for word in program.command),
            environment="".join(f"Environment={_quoted(text)}\n" for text in variables),
        )

    def install(self, program: Program) -> None:
        """Write the unit, and start it now and at every login."""
        self._systemctl("daemon-reload")  # if systemd can't be reached, nothing is left behind
        write(self.path, self.render(program))
        self._systemctl("daemon-reload")
        self._systemctl("enable", _NAME)
        self._systemctl("restart", "--no-block", _NAME)

    def uninstall(self) -> None:
        """Stop it and remove the unit."""
        require_installed(self.path)
        self._systemctl("disable", "--now", _NAME)
        self.path.unlink(missing_ok=True)
        self._systemctl("daemon-reload")

    def start(self) -> None:
        """Start it."""
        require_installed(self.path)
        self._systemctl("start", "--no-block", _NAME)

    def stop(self) -> None:
        """Stop it."""
        require_installed(self.path)
        self._systemctl("stop", _NAME)

    def is_running(self) -> bool:
        """Whether it is active."""
        require_installed(self.path)
        state = self.run("systemctl", "--user", "show", "--property=ActiveState", "--value", _NAME)
        return state.strip() in {"active", "activating", "reloading"}

    def show_logs(self, lines: int, *, follow: bool) -> None:
        """Show the end of its part of the journal."""
        require_installed(self.path)
        command = ["journalctl", "--user", "--unit", _NAME, "--no-pager", f"--lines={lines}"]
        sys.stdout.flush()
        try:
            subprocess.run([*command, *(["--follow"] if follow else [])], check=False)
        except OSError as error:
            raise LibindexError(f"can't run journalctl ({error.strerror})") from None

    def _systemctl(self, *arguments: str) -> None:
        self.run("systemctl", "--user", "--quiet", *arguments)


def _quoted(argument: str) -> str:
    """One word of a line; see "Quoting" in systemd.syntax(7), "Specifiers" in systemd.unit(5)."""
    text = argument.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + text.replace("%", "%%") + '"'
