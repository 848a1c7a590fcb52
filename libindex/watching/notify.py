"""Messages to systemd: ready, alive, stopping; see sd_notify(3)."""

import contextlib
import os
import socket


def notify(**values: str) -> None:
    """Send ``READY="1"``, ``STATUS="..."`` and the like; nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):  # a name that is no file
        address = "\0" + address[1:]
    message = "\n".join(f"{name}={value}" for name, value in values.items())
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
    ):
        channel.sendto(message.encode("utf-8", "replace"), address)


def keep_alive_s() -> float | None:
    """How often systemd wants to know that the service is alive [s]; None if it does not."""
    wanted, pid = os.environ.get("WATCHDOG_USEC"), os.environ.get("WATCHDOG_PID")
    if not wanted or (pid and pid != str(os.getpid())):
        return None
    try:
        return int(wanted) / 1e6 / 3
    except ValueError:
        return None
