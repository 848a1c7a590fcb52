"""Files that a browser loads by itself, for a download or a drag: one file, for a minute."""

import secrets
import threading
import time

_SECONDS = 60.0
_MOST = 1_000


class Tickets:
    """Gives out tickets, each for one sound. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: dict[str, tuple[int, float]] = {}

    def give(self, content_id: int) -> str:
        """A ticket for a sound."""
        ticket, now = secrets.token_urlsafe(24), time.monotonic()
        with self._lock:
            known = [item for item in self._given.items() if item[1][1] > now]
            self._given = dict(known[-_MOST:])
            self._given[ticket] = content_id, now + _SECONDS
        return ticket

    def sound(self, ticket: str) -> int | None:
        """The sound of a ticket; None if that is not or no longer one."""
        with self._lock:
            content_id, end = self._given.get(ticket, (None, 0.0))
        return content_id if end > time.monotonic() else None
