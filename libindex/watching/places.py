"""The folders that are watched: which, whether they are there, and when each is compared."""

import errno
import logging
import math
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from libindex.disk import filesystems
from libindex.errors import NotFoundError
from libindex.paths import display, relative_to
from libindex.store.roots import Root
from libindex.watching.activity import WatchedFolder
from libindex.watching.options import WatchOptions
from libindex.watching.place import Place
from libindex.watching.report import Report

_LOG = logging.getLogger(__name__)
_GONE = frozenset((errno.EACCES, errno.ENOENT, errno.ENOTDIR))


class EventSource(Protocol):
    """What reports changes below folders; `libindex.watching.events.Events` is one."""

    def watch(self, folder: str) -> None:
        """Report what happens below a folder; raises `OSError` if that can't be done."""

    def unwatch(self, folder: str) -> None:
        """Stop reporting for a folder."""

    def close(self) -> None:
        """Stop reporting at all."""


class Places:
    """The folders that are watched: which there are, how each is, and when it is compared next.

    Parameters
    ----------
    named : sequence of str
        Folders to watch, absolute; none stands for all roots.
    options : WatchOptions
        How to watch.
    report : Report
        Logs what becomes of the folders.
    read_roots : callable
        Reads the roots of the library.
    start_events : callable
        Makes an `EventSource`; may raise `OSError`.
    mounts, kind_of : callable
        What is mounted where, and the kind of file system that a path is on.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        named: Sequence[str],
        options: WatchOptions,
        report: Report,
        *,
        read_roots: Callable[[], list[Root]],
        start_events: Callable[[], EventSource],
        mounts: Callable[[], Mapping[str, str]],
        kind_of: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._named = named
        self._options = options
        self._intervals = options.intervals
        self._report = report
        self._read_roots = read_roots
        self._start_events = start_events
        self._mounts = mounts
        self._kind_of = kind_of
        self._clock = clock
        self._places: dict[str, Place] = {}
        self._events: EventSource | None = None
        self._mounted: set[str] | None = None
        self._roots_due = self._presence_due = 0.0

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        """Stop watching."""
        if self._events:
            self._events.close()
            self._events = None

    def folders(self) -> list[WatchedFolder]:
        """How each folder is watched, in order of path."""
        return [WatchedFolder(path, place.mode) for path, place in sorted(self._places.items())]

    # Which folders there are

    def check_named(self) -> None:
        """Make sure that folders that were named are there, or known.

        Raises
        ------
        NotFoundError
            If one is neither.
        """
        roots = self._read_roots()
        for path in self._named:
            place = Place(path)
            place.check()
            if not place.is_online and _root_of(path, roots) is None:
                reason = "can't be read (permission denied)" if place.is_barred else None
                raise NotFoundError(reason or "no such folder", path)

    def roots_are_due(self) -> bool:
        """Whether it is time for `update_roots`."""
        return self._clock() >= self._roots_due

    def update_roots(self) -> None:
        """Find out which folders there are: other processes may add and remove roots.

        Raises
        ------
        LibindexError
            If the library can't be read.
        """
        self._roots_due = self._clock() + self._intervals.roots_s
        roots = self._read_roots()
        wanted = self._wanted([root.path for root in roots])
        for path in set(self._places) - set(wanted):
            self._unwatch(self._places.pop(path))
            self._report.on_forgotten(path)
        for path in wanted:
            place = self._places.get(path)
            if place is None:
                place = self._places[path] = Place(path)
                self._presence_due = 0.0
            place.root = _root_of(path, roots)

    def _wanted(self, roots: list[str]) -> list[str]:
        """Folders that were named, and drives inside of them; or all roots."""
        inner = [r for r in roots if any(relative_to(r, named) for named in self._named)]
        return [*self._named, *inner] if self._named else roots

    # Whether they are there

    def check(self) -> None:
        """If it is time: check each folder, and whether drives were mounted or unmounted."""
        now = self._clock()
        if now < self._presence_due:
            return
        self._presence_due = now + self._intervals.presence_s
        for place in self._places.values():
            if place.check():
                self._on_presence(place, now)
        self._check_mounts(now)

    def check_soon(self) -> None:
        """Have roots and presence checked at once: a comparison may have changed both."""
        self._roots_due = self._presence_due = 0.0

    def next_check(self) -> float:
        """When `update_roots` or `check` is due."""
        return min(self._roots_due, self._presence_due)

    def _on_presence(self, place: Place, now: float) -> None:
        """A folder appeared, was replaced, or went away: watch it from scratch."""
        self._unwatch(place)
        place.compare_at = now
        if place.is_online:
            self._watch_place(place)
        self._report.on_presence(place)

    def _check_mounts(self, now: float) -> None:
        """Mounting or unmounting a drive inside of a folder makes no events."""
        mounted, before = set(self._mounts()), self._mounted
        self._mounted = mounted
        for point in mounted ^ (mounted if before is None else before):
            for place in self._places.values():
                if relative_to(point, os.path.realpath(place.path)):
                    after_s = self._intervals.after_problem_s
                    place.compare_at = min(place.compare_at, now + after_s)

    # How changes come to be known

    def rewatch(self) -> None:
        """Watch and compare all folders from scratch, where they are there.

        What appeared in one while it had another name could not be watched.
        """
        self._presence_due = 0.0
        for place in self._places.values():
            place.is_online = None

    def restart_events(self) -> None:
        """Watch all folders with a new `EventSource`."""
        self.close()
        for place in self._places.values():
            if place.is_online:
                self._watch_place(place)

    def on_limit(self) -> None:
        """Some folder can't be watched; it does not matter which one, since all are polled."""
        self._report.on_limit()
        latest = self._clock() + self._intervals.poll_s
        for place in self._places.values():
            place.polls = True
            place.compare_at = min(place.compare_at, latest)

    def follow_links(self, links: Collection[str]) -> list[str]:
        """Watch links to folders elsewhere; returns those that were not watched before."""
        new = []
        for place in self._places.values():
            inside = {link for link in links if relative_to(link, place.path)}
            if place.is_watched:
                new += [link for link in inside - place.links if self._watch(link)]
            place.links |= inside
        return new

    def _watch_place(self, place: Place) -> None:
        delivers = filesystems.delivers_events(self._kind_of(place.path))
        place.polls = place.path in self._options.polled or not delivers
        if place.polls:
            return
        place.is_watched = self._watch(place.path)
        place.polls = not place.is_watched
        for link in place.links:
            self._watch(link)

    def _watch(self, folder: str) -> bool:
        try:
            if self._events is None:
                self._events = self._start_events()
            self._events.watch(folder)
        except OSError as error:
            _LOG.debug("%s: can't be watched (%s)", display(folder), error)
            if error.errno in _GONE:
                self._presence_due = 0.0  # it went away just now, which a check will see
            else:
                self.on_limit()
            return False
        return True

    def _unwatch(self, place: Place) -> None:
        if self._events:
            for folder in (place.path, *place.links):
                self._events.unwatch(folder)
        place.is_watched = False

    # When they are compared

    def next_comparison(self) -> float:
        """When a folder is due; infinite if none is."""
        return min((place.compare_at for place in self._places.values()), default=math.inf)

    def take_due(self) -> list[str]:
        """Folders that are due; until `schedule` or `retry` they count as being compared."""
        now = self._clock()
        due = [place for place in self._places.values() if place.compare_at <= now]
        for place in due:
            place.compare_at = math.inf  # unless something comes up meanwhile
        return [place.path for place in due]

    def schedule(self, took_s: float) -> None:
        """After a comparison: note when those folders are compared next."""
        now = self._clock()
        for place in self._places.values():
            if place.compare_at == math.inf:
                wait_s = self._options.reconcile_every_s
                if place.polls:
                    pause_s = self._intervals.poll_pause * took_s
                    wait_s = min(wait_s, max(self._intervals.poll_s, pause_s))
                place.compare_at = now + wait_s

    def retry(self) -> None:
        """After a failure: the folders that were being compared are due again."""
        now = self._clock()
        for place in self._places.values():
            if place.compare_at == math.inf:
                place.compare_at = now

    def compare_all(self, after_s: float) -> None:
        """Have all folders compared soon."""
        latest = self._clock() + after_s
        for place in self._places.values():
            place.compare_at = min(place.compare_at, latest)


def _root_of(path: str, roots: list[Root]) -> Root | None:
    inside = [root for root in roots if relative_to(path, root.path) is not None]
    return max(inside, key=lambda root: len(root.path), default=None)
