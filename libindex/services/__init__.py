"""Running the watcher in the background: as a systemd user unit, or a launchd agent."""

import shutil
import sys
from collections.abc import Mapping, Sequence

from libindex.errors import LibindexError
from libindex.services.base import Program, Service
from libindex.services.launchd import Launchd
from libindex.services.systemd import Systemd

__all__ = ["Program", "Service", "for_this_system", "watch_program"]


def for_this_system() -> Service:
    """The service manager of this system.

    Raises
    ------
    LibindexError
        If it has none that libindex knows.
    """
    if sys.platform == "darwin":
        return Launchd()
    if shutil.which("systemctl"):
        return Systemd()
    raise LibindexError(
        "this system has neither systemd nor launchd; "
        "set it up to run `libindex watch` when you log in"
    )


def watch_program(arguments: Sequence[str], environment: Mapping[str, str]) -> Program:
    """What a service runs: `libindex watch` with this Python, whatever the PATH is then."""
    command = (sys.executable, "-P", "-m", "libindex", "watch", *arguments)
    return Program(command, dict(environment))
