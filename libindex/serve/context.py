"""What all routes share."""

import threading
from dataclasses import dataclass, field

from libindex.library import Library
from libindex.serve.drawing import MapJob
from libindex.serve.events import Events
from libindex.serve.points import PointsCache
from libindex.serve.session import Session
from libindex.serve.tickets import Tickets
from libindex.serve.watching import WatchThread

_DECODED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Context:
    """What all routes share.

    Attributes
    ----------
    library : Library
        Thread-safe.
    session : Session
        The token and codes.
    events : Events
        What open pages are told.
    points : PointsCache
        All sounds, as the page draws and filters them.
    watching : WatchThread
        Who keeps the library up to date.
    drawing : MapJob
        What draws the map anew.
    tickets : Tickets
        Files that a browser may load by itself.
    decoding : threading.BoundedSemaphore
        Held while a sound is decoded to be heard or drawn: each may take 300 MB.
    """

    library: Library
    session: Session
    events: Events
    points: PointsCache
    watching: WatchThread
    drawing: MapJob
    tickets: Tickets = field(default_factory=Tickets)
    decoding: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(_DECODED_AT_ONCE)
    )

    @classmethod
    def of(cls, library: Library, token: str) -> "Context":
        """For a library; nothing runs yet."""
        events = Events()
        return cls(
            library,
            Session(token),
            events,
            PointsCache(library),
            WatchThread(library, events),
            MapJob(library, events),
        )
