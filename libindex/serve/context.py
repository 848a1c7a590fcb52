"""What all routes share."""

from dataclasses import dataclass, field

from libindex.library import Library
from libindex.serve.events import Events
from libindex.serve.jobs import Jobs
from libindex.serve.points import PointsCache
from libindex.serve.session import Session
from libindex.serve.tickets import Tickets


@dataclass(frozen=True, slots=True)
class Context:
    """What all routes share.

    Attributes
    ----------
    library : Library
        Thread-safe.
    session : Session
        The token and codes.
    points : PointsCache
        All sounds, as the page draws and filters them.
    events : Events
        What open pages are told.
    tickets : Tickets
        Files that a browser may load by itself.
    jobs : Jobs
        What runs in the background.
    """

    library: Library
    session: Session
    points: PointsCache
    events: Events
    tickets: Tickets = field(default_factory=Tickets)
    jobs: Jobs = field(default_factory=Jobs)
