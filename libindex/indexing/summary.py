"""What a scan reports: its progress, each change, and a summary."""

from dataclasses import dataclass, field
from typing import NamedTuple


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
    class_code : str or None
        Its most probable class; None where it is not analysed, or was removed. So for the rest.
    probability : float or None
        Of that class.
    duration_s : float or None
        How long it is [s].
    reason : str or None
        Why it can't be used.
    """

    kind: str
    path: str
    previous_path: str | None = None
    class_code: str | None = None
    probability: float | None = None
    duration_s: float | None = None
    reason: str | None = None


class Offline(NamedTuple):
    """A root that is not there, or can't be read, and why; its samples are kept."""

    path: str
    reason: str


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
        Distinct contents that were analysed.
    offline : list of Offline
        Roots that are not there, and why; their samples are kept.
    unreadable : list of str
        Folders that can't be read; what is known of them is kept.
    fresh : list of str
        Files that were left alone because they may still be being written, where that was asked.
    links : list of str
        Links to other folders that were followed.
    unanalysed : int
        Distinct contents, anywhere in the library, that this network has not analysed yet.
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
    offline: list[Offline] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    unanalysed: int = 0
    interrupted: bool = False
    seconds: float = 0.0
