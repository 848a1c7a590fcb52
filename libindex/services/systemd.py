"""The watcher as a unit of the user's systemd; see systemd.service(5) and systemd.exec(5)."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from libindex.errors import LibindexError
from libindex.services.base import installed, run, write

_NAME = "libindex.service"
# What can be taken from it without mount namespaces, which not every system lets users have.
# MemoryDenyWriteExecute is not among them: the network's kernels are compiled as it runs.
_UNIT = """\
[Unit]
Description=libindex: keeps the index of your samples true

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
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


class Systemd:
    """The user's service manager on most Linux systems."""

    @property
    def path(self) -> Path:
        """Where the unit is."""
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        return Path(home) / "systemd" / "user" / _NAME

    def described(self, command: Sequence[str]) -> str:
        """The unit."""
        return _UNIT.format(command=" ".join(map(_quoted, command)))

    def install(self, command: Sequence[str]) -> None:
        """Write the unit, and start it now and at every login."""
        _systemctl("daemon-reload")  # if systemd can't be reached, nothing is left behind
        write(self.path, self.described(command))
        _systemctl("daemon-reload")
        _systemctl("enable", _NAME)
        _systemctl("restart", "--no-block", _NAME)

    def uninstall(self) -> None:
        """Stop it and remove the unit."""
        installed(self.path)
        _systemctl("disable", "--now", _NAME)
        self.path.unlink(missing_ok=True)
        _systemctl("daemon-reload")

    def start(self) -> None:
        """Start it."""
        installed(self.path)
        _systemctl("start", "--no-block", _NAME)

    def stop(self) -> None:
        """Stop it."""
        installed(self.path)
        _systemctl("stop", _NAME)

    def is_running(self) -> bool:
        """Whether it is active."""
        installed(self.path)
        state = run("systemctl", "--user", "show", "--property=ActiveState", "--value", _NAME)
        return state.strip() in {"active", "activating", "reloading"}

    def show_logs(self, lines: int, *, follow: bool) -> None:
        """What the journal has of it."""
        installed(self.path)
        command = ["journalctl", "--user", "--unit", _NAME, "--no-pager", f"--lines={lines}"]
        sys.stdout.flush()
        try:
            subprocess.run([*command, *(["--follow"] if follow else [])], check=False)
        except OSError as error:
            raise LibindexError(f"can't run journalctl ({error.strerror})") from None


def _systemctl(*arguments: str) -> None:
    run("systemctl", "--user", "--quiet", *arguments)


def _quoted(argument: str) -> str:
    """One word of a command line; see "Quoting" and "Specifiers" in systemd.syntax(7)."""
    text = argument.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + text.replace("%", "%%").replace("$", "$$") + '"'
