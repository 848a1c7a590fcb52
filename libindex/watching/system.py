"""What the watcher asks of the operating system, so that something else can stand in for it."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from libindex.disk import filesystems
from libindex.settings import Settings
from libindex.watching.events import Events
from libindex.watching.indexer import IndexerProcess
from libindex.watching.messages import Message
from libindex.watching.notices import Notice, Problem
from libindex.watching.places import EventSource
from libindex.watching.work import Process


class StartIndexer(Protocol):
    """Starts an indexing process, as `IndexerProcess` does."""

    def __call__(
        self, settings: Settings, on_message: Callable[[Message], None], *, with_changes: bool
    ) -> Process: ...


def _mounts() -> Mapping[str, str]:
    # Elsewhere to ask costs a process each time; and macOS mounts drives in /Volumes.
    return filesystems.mounts() if sys.platform == "linux" else {}


@dataclass(frozen=True, slots=True)
class System:
    """The operating system, as far as the watcher needs it.

    Attributes
    ----------
    start_events : callable
        Starts to read events of the file system.
    start_indexer : callable
        Starts an indexing process.
    mounts, kind_of : callable
        What is mounted where, and the kind of file system that a path is on.
    """

    start_events: Callable[[Callable[[Notice], None], Callable[[Problem], None]], EventSource] = (
        Events
    )
    start_indexer: StartIndexer = IndexerProcess
    mounts: Callable[[], Mapping[str, str]] = _mounts
    kind_of: Callable[[str], str] = filesystems.kind_of
