"""The map drawn anew, in a process of its own: it takes minutes, and memory that Python keeps."""

import contextlib
import os
import threading
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from libindex.analysis.children import CLOSED, Child, Parent
from libindex.errors import BusyError, LibindexError
from libindex.library import Library
from libindex.serve.events import Events
from libindex.similarity.settling import SoundMap
from libindex.store.database import Database

Action = Literal["settle", "redraw"]
ACTIONS: tuple[Action, ...] = get_args(Action)

_PROGRAM = "from libindex.serve.drawing import main; main()"
_NICENESS = 10  # sounds and scans come first


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is done to the map.

    Attributes
    ----------
    action : {"settle", "redraw"} or None
        None if nothing is.
    part : float
        How much of it is done, from 0 to 1.
    trouble : str or None
        Why the last one failed.
    """

    action: Action | None = None
    part: float = 0.0
    trouble: str | None = None


class MapJob:
    """Draws the map anew, one at a time. Thread-safe.

    Parameters
    ----------
    library : Library
        Whose map.
    events : Events
        To publish "map".
    """

    def __init__(self, library: Library, events: Events) -> None:
        self._library = library
        self._events = events
        self._lock = threading.Lock()
        self._now = Drawing()
        self._child: Child | None = None
        self._thread: threading.Thread | None = None
        self._is_cancelled = False

    @property
    def now(self) -> Drawing:
        """What is done at the moment."""
        return self._now

    def start(self, action: Action) -> None:
        """Begin.

        Raises
        ------
        BusyError
            If it is being drawn already.
        NotFoundError
            If the library was never scanned.
        """
        with self._lock:
            if self._now.action is not None:
                raise BusyError("the map is being drawn already")
            sound_map = self._library.map
            self._is_cancelled = False
            self._child = child = Child(_PROGRAM)
            self._show(Drawing(action))
            work = (child, action, sound_map)
            self._thread = threading.Thread(target=self._listen, args=work, daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """End it; the map stays as it is."""
        with self._lock:
            self._is_cancelled = True
            if self._child is not None:
                self._child.kill()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self.cancel()
        if self._thread is not None:
            self._thread.join()

    def _listen(self, child: Child, action: Action, sound_map: SoundMap) -> None:
        trouble: str | None = "it ended before the map was complete"
        with contextlib.suppress(*CLOSED):
            child.send((sound_map.database.path, sound_map.network_id, sound_map.geography, action))
            while True:
                message = child.receive()
                if isinstance(message, float):
                    self._show(Drawing(action, message))
                else:
                    trouble = None if message is None else str(message)
        child.close()
        with self._lock:
            self._child = None
            self._show(Drawing(trouble=None if self._is_cancelled else trouble))

    def _show(self, drawing: Drawing) -> None:
        self._now = drawing
        self._events.publish("map", as_json(drawing))


def as_json(drawing: Drawing) -> dict[str, Any]:
    """As pages are told."""
    return asdict(drawing)


def main() -> None:
    """The child's program: progress as floats, then an error or None."""
    parent = Parent()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    path, network_id, geography, action = parent.receive()
    failure = None
    try:
        database = Database.open(str(path), create=False)
        getattr(SoundMap(database, network_id, geography), action)(parent.send)
    except LibindexError as error:
        failure = error
    with contextlib.suppress(*CLOSED):
        parent.send(failure)
