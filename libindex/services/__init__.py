"""Having the watcher run in the background: as a systemd user unit, or a launchd agent."""

import shutil
import sys
from collections.abc import Sequence

from libindex.errors import LibindexError
from libindex.services.base import Service
from libindex.services.launchd import Launchd
from libindex.services.systemd import Systemd

__all__ = ["Service", "for_this_system"]


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
        "this system has neither systemd nor launchd; have it run `libindex watch` when you log in"
    )


def watch_command(arguments: Sequence[str]) -> list[str]:
    """The command that a service runs: this Python, whatever the PATH is then."""
    return [sys.executable, "-P", "-m", "libindex", "watch", *arguments]
