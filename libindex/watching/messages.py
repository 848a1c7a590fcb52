"""What the watcher and its indexing process say to each other, pickled."""

from dataclasses import dataclass
from typing import Any, Literal

from libindex.errors import LibindexError
from libindex.indexing import Progress, ScanSummary


@dataclass(frozen=True, slots=True)
class Request:
    """What the process is to do.

    Attributes
    ----------
    kind : {"reconcile", "update", "refresh", "warm up"}
        Compare whole folders; look at some paths; bring the neighbour index up to date; load the
        network, because something is coming.
    paths : tuple of str
        Where; none stands for all roots.
    """

    kind: Literal["reconcile", "update", "refresh", "warm up"]
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """Changes that were committed, as `--exec` passes them on."""

    changes: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The process waits for another one that is writing."""

    holder: str


@dataclass(frozen=True, slots=True)
class Done:
    """A request was carried out.

    Attributes
    ----------
    summary : ScanSummary
        What was found and done.
    new_failures : int
        How many of the files that can't be used are new, or changed.
    """

    summary: ScanSummary
    new_failures: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """A request could not be carried out, or not to its end."""

    error: LibindexError


@dataclass(frozen=True, slots=True)
class Ended:
    """The process ended."""

    pid: int
    status: int


Message = Progress | Recorded | Waiting | Done | Failed | Ended
