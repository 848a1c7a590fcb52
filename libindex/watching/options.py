"""How to watch, and how often what is done."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often the watcher does what nothing asks it for.

    Attributes
    ----------
    presence_s, roots_s : float
        How often it checks whether folders are there, and which folders the library has [s].
    poll_s : float
        How often a folder is compared whose file system does not report changes [s].
    poll_pause : float
        How many times as long as a comparison takes the pause after it is at least.
    after_problem_s : float
        How long after events were lost everything is compared [s].
    retry_s, max_retry_s : float
        How long after a failure it tries again: at first, and at most [s].
    quiet_s : float
        How long after the last change the neighbour index is updated [s].
    close_s : float
        How long the indexing process has to commit before it is killed [s].
    show_s : float
        How often the activity file is written where only the length of the queue changes [s].
    """

    presence_s: float = 2.0
    roots_s: float = 5.0
    poll_s: float = 60.0
    poll_pause: float = 20.0
    after_problem_s: float = 1.0
    retry_s: float = 2.0
    max_retry_s: float = 60.0
    quiet_s: float = 30.0
    close_s: float = 1.2
    show_s: float = 0.5


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How to watch.

    Attributes
    ----------
    reconcile_every_s : float
        How often everything is compared [s].
    polled : tuple of str
        Folders to compare every minute instead of waiting for events; absolute paths.
    command : str or None
        A shell command to run after changes.
    keep_warm_s : float
        How long the network stays in memory after its last use [s].
    intervals : Intervals
        How often the rest is done.
    """

    reconcile_every_s: float = 900.0
    polled: tuple[str, ...] = ()
    command: str | None = None
    keep_warm_s: float = 600.0
    intervals: Intervals = field(default_factory=Intervals)
