"""What all routes share."""

import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from libindex.library import Library


class Events:
    """What open pages are told as it happens. Thread-safe."""

    _KEPT = 1_000  # for a page that does not read; then it is told to look at everything again

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[queue.SimpleQueue[tuple[str, dict[str, Any]]]] = set()

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Tell every open page."""
        with self._lock:
            for listener in self._listeners:
                if listener.qsize() < self._KEPT:
                    listener.put((kind, data))

    def subscribe(self) -> "queue.SimpleQueue[tuple[str, dict[str, Any]]]":
        """A queue that gets what is published from now on."""
        listener: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        with self._lock:
            self._listeners.add(listener)
        return listener

    def unsubscribe(self, listener: "queue.SimpleQueue[tuple[str, dict[str, Any]]]") -> None:
        """Publish no more to a queue."""
        with self._lock:
            self._listeners.discard(listener)


@dataclass(frozen=True, slots=True)
class Context:
    """What all routes share.

    Attributes
    ----------
    library : Library
        Thread-safe.
    events : Events
        What open pages are told.
    """

    library: Library
    events: Events = field(default_factory=Events)
