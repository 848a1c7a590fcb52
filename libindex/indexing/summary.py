"""What a scan tells of itself."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is.

    Attributes
    ----------
    done, total : int
        Files that had to be read, and how many of them have been.
    """

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Change:
    """One sample that was recorded, changed or removed.

    Attributes
    ----------
    kind : {"new", "changed", "moved", "removed", "failed"}
        What happened; "failed": it is there and can't be used.
    path : str
        Where the sample is, or was.
    previous_path : str or None
        Where a moved sample was.
    """

    kind: str
    path: str
    previous_path: str | None = None


@dataclass(slots=True)
class ScanSummary:
    """What a scan did. Every audio file is in one of the first six.

    Attributes
    ----------
    new, changed, moved, removed, unchanged : int
        Samples.
    failed : int
        Samples that are there and can't be used.
    analysed : int
        Distinct contents that the network heard.
    offline, unreadable : list of str
        Roots that are not there, and folders that can't be looked into; what is known of
        them is kept.
    fresh : list of str
        Files that were left alone because they may still be being written, where that was asked.
    links : list of str
        Links to other folders that were followed.
    unheard : int
        Distinct contents, anywhere in the library, that this network has not heard yet.
    interrupted : bool
        Whether it was stopped before its end.
    seconds : float
        How long it took [s].
    """

    new: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: int = 0
    analysed: int = 0
    offline: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    unheard: int = 0
    interrupted: bool = False
    seconds: float = 0.0
