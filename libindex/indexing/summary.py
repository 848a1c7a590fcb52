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
    unheard: int = 0
    interrupted: bool = False
    seconds: float = 0.0
