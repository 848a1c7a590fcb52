"""The watcher: what is looked at, and when.

Everything it hears (events of the file system, messages of the indexing process, signals) comes
through one queue to one thread. What is recorded is always the outcome of a comparison of the
disk with the database; events only tell where to look.
"""

import errno
import logging
import math
import os
import queue
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from libindex.disk import filesystems, presence
from libindex.errors import BusyError, LibindexError, NotFoundError
from libindex.indexing import Progress, ScanSummary
from libindex.paths import display, relative_to
from libindex.settings import Settings
from libindex.store import locking
from libindex.store.database import Database
from libindex.store.roots import Root, all_roots
from libindex.watching import activity
from libindex.watching.activity import Activity, WatchedFolder
from libindex.watching.events import Events
from libindex.watching.hints import Hints
from libindex.watching.hook import Hook
from libindex.watching.indexer import (
    Done,
    Ended,
    Failed,
    IndexerProcess,
    Message,
    Recorded,
    Request,
    Waiting,
)
from libindex.watching.notices import Notice, Trouble
from libindex.watching.notify import keep_alive_s, notify
from libindex.watching.places import Place

_LOG = logging.getLogger(__name__)

_PRESENCE_S = 2.0  # how often drives are looked for
_ROOTS_S = 5.0  # how often the library is asked for folders that others added
_POLL_S = 60.0  # how often a folder is compared that the file system does not tell of
_POLL_SHARE = 20  # and at most this part of the time goes into it
_AFTER_TROUBLE_S = 1.0
_RETRY_S = (2.0, 60.0)  # after a failure: at first, and at most
_QUIET_S = 30.0  # without changes, before the neighbour index is written
_PATIENCE_S = 1.2  # for the indexing process to commit, before it is killed
_MOST_HINTS = 20_000  # beyond, to compare everything is quicker
_SHOWN_EVERY_S = 0.5  # where only the length of the queue changes
_DRAINED_AT_ONCE = 5_000
_LIMIT = (
    "the system's limit for watching folders is reached; until it is raised "
    "(sudo sysctl fs.inotify.max_user_watches=1048576, and fs.inotify.max_user_instances=512), "
    "folders are compared every minute instead"
)

_HOW = {
    "events": "watched",
    "polled": "compared now and then, since its file system does not tell of changes",
    "offline": "not there now; its samples are kept",
    "barred": "can't be looked into (permission denied); its samples are kept",
}

Command = Literal["stop", "reconcile"]
_Item = Notice | Message | Command | tuple[Literal["trouble"], Trouble]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How to watch.

    Attributes
    ----------
    reconcile_every_s : float
        How often everything is compared [s].
    polled : tuple of str
        Folders to compare every minute instead of waiting for events.
    command : str or None
        A shell command that is told of every change.
    keep_warm_s : float
        How long the network stays in memory after its last use [s].
    """

    reconcile_every_s: float = 900.0
    polled: tuple[str, ...] = ()
    command: str | None = None
    keep_warm_s: float = 600.0


class Watcher:
    """Keeps a library true until it is told to stop.

    Parameters
    ----------
    database : Database
        The library.
    settings : Settings
        How to analyse.
    paths : sequence of str
        Folders, absolute; none stands for all roots, also those that are added later.
    options : WatchOptions
        How to watch.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        paths: Sequence[str] = (),
        options: WatchOptions | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._named = list(dict.fromkeys(paths))
        self._options = options or WatchOptions()
        self._inbox: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._hints = Hints()
        self._places: dict[str, Place] = {}
        self._events: Events | None = None
        self._events_due = 0.0
        self._told_limit = False
        self._hook = Hook(self._options.command) if self._options.command else None
        self._indexer: IndexerProcess | None = None
        self._request: Request | None = None
        self._is_warm = False
        self._used = 0.0
        self._changed: float | None = None
        self._not_before = 0.0
        self._retry_s = _RETRY_S[0]
        self._reconciled_at: int | None = None
        self._unreadable: set[str] = set()
        self._trouble: str | None = None
        self._doing = "starting"
        self._shown: Activity | None = None
        self._shown_at = 0.0
        self._is_stopping = False
        self._first_error: LibindexError | None = None
        self._holder = locking.this_process("watch")
        self._presence_due = self._roots_due = 0.0
        self._mounted: set[str] | None = None
        self._was_ready = False

    def stop(self) -> None:
        """End soon, with everything committed; for other threads and signal handlers."""
        self._inbox.put("stop")

    def reconcile(self) -> None:
        """Compare everything soon; for other threads and signal handlers."""
        self._inbox.put("reconcile")

    def run(self) -> None:
        """Watch until `stop`.

        Raises
        ------
        BusyError
            If another process watches this library.
        NotFoundError
            If a folder that was named is neither there nor known.
        """
        self._check_named()
        try:
            with locking.watching(self._database.path):
                self._watch()
        except BusyError as error:
            current = activity.read(self._database.path)
            raise BusyError(
                f"is being watched by {current.holder}" if current else error.reason, error.path
            ) from None

    def _watch(self) -> None:
        try:
            keep_alive = keep_alive_s()
            while not self._is_stopping:
                now = time.monotonic()
                self._look_after_places(now)
                self._begin_work(now)
                self._show()
                wait = self._next(now) - now
                self._take(max(0.0, min(wait, keep_alive or wait)))
                if keep_alive:
                    notify(WATCHDOG="1")
        finally:
            self._close()
        if self._first_error:
            raise self._first_error

    def _close(self) -> None:
        notify(STOPPING="1")
        _LOG.info("stopping; what is done is kept", extra={"event": "stopping"})
        if self._indexer:
            self._indexer.close(_PATIENCE_S)
        if self._hook:
            self._hook.close()
        if self._events:
            self._events.close()
        activity.remove(self._database.path)

    # What comes in

    def _take(self, wait_s: float) -> None:
        try:
            item = self._inbox.get(timeout=wait_s)
            for _ in range(_DRAINED_AT_ONCE):
                self._heard(item)
                item = self._inbox.get_nowait()
            self._heard(item)
        except queue.Empty:
            pass

    def _heard(self, item: _Item) -> None:
        match item:
            case Notice():
                getattr(self._hints, item.kind)(item.path)
                if item.kind != "gone":
                    self._warm_up()
            case "stop":
                self._is_stopping = True
            case "reconcile":
                _LOG.info("asked to compare everything", extra={"event": "asked"})
                self._compare_everything(0.0)
            case ("trouble", trouble):
                self._troubled(trouble)
            case _:
                self._told(item)

    def _told(self, message: Message) -> None:
        match message:
            case Progress():
                if message.total:
                    self._doing = f"analysing {message.done:,} of {message.total:,} files"
            case Recorded():
                if self._hook:
                    self._hook.feed(message.changes)
            case Waiting():
                self._doing = f"waiting for {message.holder}"
                _LOG.info(self._doing, extra={"event": "waiting"})
            case Done():
                self._finished(message.summary)
            case Failed():
                self._failed(message.error)
            case Ended():
                self._ended(message)

    def _troubled(self, trouble: Trouble) -> None:
        if trouble == "limit":
            self._reached_limit()
            return
        if trouble == "moved":
            self._look_anew()
            return
        if trouble == "opened":
            _LOG.info("a folder has other permissions", extra={"event": "opened"})
        else:
            _LOG.warning(
                "events of the file system were lost; everything is compared",
                extra={"event": "events lost"},
            )
        if trouble != "overflow":
            self._restart_events()
        self._compare_everything(_AFTER_TROUBLE_S)

    # Places

    def _look_after_places(self, now: float) -> None:
        if now >= self._roots_due:
            self._roots_due = now + _ROOTS_S
            self._read_roots()
        if now >= self._presence_due:
            self._presence_due = now + _PRESENCE_S
            for place in self._places.values():
                if place.look():
                    self._came_or_went(place, now)
            self._look_at_mounts(now)

    def _look_anew(self) -> None:
        """Watch and compare all places again, where they are there.

        What appeared in one while it had another name could not be watched.
        """
        self._presence_due = 0.0
        for place in self._places.values():
            place.is_online = None

    def _look_at_mounts(self, now: float) -> None:
        """What a drive inside of a place brings, or takes along, is not told as events."""
        if sys.platform != "linux":  # to ask costs a process, and drives are in /Volumes
            return
        mounted, before = set(filesystems.mounts()), self._mounted
        self._mounted = mounted
        for point in mounted ^ (mounted if before is None else before):
            for place in self._places.values():
                if relative_to(point, os.path.realpath(place.path)):
                    place.next_look = min(place.next_look, now + _AFTER_TROUBLE_S)

    def _read_roots(self) -> None:
        """Learn which folders there are: scans of other processes may add and remove some."""
        try:
            with self._database.reading() as connection:
                roots = all_roots(connection)
        except LibindexError as error:
            self._in_trouble(error)
            self._compare_everything(_AFTER_TROUBLE_S)
            return
        wanted = self._wanted([root.path for root in roots])
        for path in set(self._places) - set(wanted):
            self._unwatch(self._places.pop(path))
            _LOG.info("%s: not watched any more", display(path), extra={"event": "forgotten"})
        for path in wanted:
            place = self._places.get(path)
            if place is None:
                place = self._places[path] = Place(path)
                self._presence_due = 0.0
            place.root = _root_of(path, roots)
        if not wanted and not self._was_ready:
            _LOG.warning(
                "this library has no folders yet; add one with: libindex scan FOLDER",
                extra={"event": "empty"},
            )
            self._ready()

    def _wanted(self, roots: list[str]) -> list[str]:
        """What was named, and drives inside of it; or everything."""
        inner = [r for r in roots if any(relative_to(r, named) for named in self._named)]
        return [*self._named, *inner] if self._named else roots

    def _came_or_went(self, place: Place, now: float) -> None:
        """A place appeared, was replaced, or went away: what is told of it begins anew."""
        self._unwatch(place)
        place.next_look = now
        if place.is_online:
            self._watch_place(place)
        how = "barred" if presence.is_barred(place.path) else place.how
        level = logging.WARNING if how == "barred" else logging.INFO
        extra = {"event": how, "path": place.path}
        _LOG.log(level, "%s: %s", display(place.path), _HOW[how], extra=extra)

    def _watch_place(self, place: Place) -> None:
        kind = filesystems.kind_of(place.path)
        place.polls = place.path in self._options.polled or not filesystems.delivers_events(kind)
        if place.polls:
            return
        place.is_watched = self._watched(place.path)
        place.polls = not place.is_watched
        for link in place.links:
            self._watched(link)

    def _watched(self, folder: str) -> bool:
        try:
            if self._events is None:
                self._events = Events(
                    self._inbox.put, lambda trouble: self._inbox.put(("trouble", trouble))
                )
            self._events.watch(folder)
        except OSError as error:
            _LOG.debug("%s: can't be watched (%s)", display(folder), error)
            if error.errno in {errno.EACCES, errno.ENOENT, errno.ENOTDIR}:
                self._presence_due = 0.0  # it went this moment; then that is seen
            else:
                self._reached_limit()
            return False
        return True

    def _unwatch(self, place: Place) -> None:
        if self._events:
            for folder in (place.path, *place.links):
                self._events.unwatch(folder)
        place.is_watched = False

    def _restart_events(self) -> None:
        if self._events:
            self._events.close()
        self._events = None
        for place in self._places.values():
            if place.is_online:
                self._watch_place(place)

    def _reached_limit(self) -> None:
        """Some folder is not told of; which one does not matter, since all are compared."""
        if not self._told_limit:
            self._told_limit = True
            _LOG.warning(_LIMIT, extra={"event": "limit"})
        now = time.monotonic()
        for place in self._places.values():
            place.polls = True
            place.next_look = min(place.next_look, now + _POLL_S)

    def _follow_links(self, links: list[str]) -> None:
        for place in self._places.values():
            mine = {link for link in links if relative_to(link, place.path)}
            for link in mine - place.links:
                if place.is_watched and self._watched(link):
                    self._hints.folder(link)  # what happened before it was watched was not told
            place.links |= mine

    # Work

    def _compare_everything(self, after_s: float) -> None:
        self._hints.clear()
        due = time.monotonic() + after_s
        for place in self._places.values():
            place.next_look = min(place.next_look, due)

    def _begin_work(self, now: float) -> None:
        if self._request or now < self._not_before:
            return
        if len(self._hints) > _MOST_HINTS:
            self._compare_everything(0.0)
        due = [place for place in self._places.values() if place.next_look <= now]
        if due:
            self._compare(due)
        elif paths := self._hints.take():
            self._ask(Request("update", tuple(paths)), f"looking at {len(paths):,} paths")
        elif self._changed is not None and now >= self._changed + _QUIET_S:
            self._changed = None
            self._ask(Request("refresh"), "writing the neighbour index")
        elif self._indexer and now >= self._used + self._options.keep_warm_s:
            self._let_go()

    def _let_go(self) -> None:
        if self._indexer:
            self._indexer.close(_PATIENCE_S)
        self._indexer, self._is_warm = None, False

    def _compare(self, due: list[Place]) -> None:
        """Compare places; together, so that moves between them are seen."""
        for place in due:
            place.next_look = math.inf  # unless something comes up meanwhile
        if len(due) == len(self._places):
            self._ask(Request("reconcile", tuple(self._named)), "comparing everything")
        else:
            self._ask(
                Request("reconcile", tuple(place.path for place in due)),
                "comparing " + ", ".join(display(place.path) for place in due),
            )

    def _ask(self, request: Request, doing: str) -> None:
        if self._indexer is None:
            self._indexer = IndexerProcess(
                self._settings, self._inbox.put, with_changes=self._hook is not None
            )
        self._request, self._doing = request, doing
        self._indexer.request(request)

    def _warm_up(self) -> None:
        """Something is coming: have the network loaded while it is still being written."""
        if not self._is_warm and self._request is None and self._was_ready:
            self._is_warm = True
            self._ask(Request("warm up"), "loading the network")

    def _finished(self, summary: ScanSummary) -> None:
        request, self._request = self._request, None
        now = time.monotonic()
        self._used, self._doing = now, "idle"
        self._all_is_well()
        if request is None or request.kind in {"warm up", "refresh"}:
            return
        self._follow_links(summary.links)
        for path in summary.fresh:
            self._hints.appeared(path)
        if summary.new or summary.changed or summary.removed or summary.analysed:
            self._changed = now
        if summary.analysed:
            self._is_warm = True
        if request.kind == "reconcile":
            self._compared(request, summary, now)
        _report(request, summary)
        self._tell_unreadable(summary.unreadable)

    def _tell_unreadable(self, folders: list[str]) -> None:
        """Once each, until they can be looked into again."""
        self._unreadable = {path for path in self._unreadable if presence.is_barred(path)}
        for path in set(folders) - self._unreadable:
            _LOG.warning(
                "%s: can't be looked into; left as it was",
                display(path),
                extra={"event": "unreadable", "path": path},
            )
        self._unreadable.update(folders)

    def _compared(self, request: Request, summary: ScanSummary, now: float) -> None:
        everything = set(request.paths) == set(self._named)
        for place in self._places.values():
            if place.next_look == math.inf:
                wait = self._options.reconcile_every_s
                if place.polls:
                    wait = min(wait, max(_POLL_S, _POLL_SHARE * summary.seconds))
                place.next_look = now + wait
        if everything:
            self._reconciled_at = int(time.time())
        self._roots_due = self._presence_due = 0.0
        self._ready()

    def _ready(self) -> None:
        if not self._was_ready:
            self._was_ready = True
            notify(READY="1")
            _LOG.info("ready", extra={"event": "ready"})

    def _failed(self, error: LibindexError) -> None:
        """Try again, after a while, what could not be done."""
        request, self._request = self._request, None
        self._doing = "idle"
        if isinstance(error, NotFoundError) and self._named and not self._was_ready:
            self._first_error, self._is_stopping = error, True
            return
        self._in_trouble(error)
        now = time.monotonic()
        self._not_before = now + self._retry_s
        self._retry_s = min(2 * self._retry_s, _RETRY_S[1])
        for place in self._places.values():
            if place.next_look == math.inf:
                place.next_look = now
        if request and request.kind == "update":
            self._hints.again(request.paths, 0.0)

    def _ended(self, message: Ended) -> None:
        """The indexing process is gone: because it was let go, or by an accident."""
        if self._indexer is None or message.pid != self._indexer.pid:
            return
        self._let_go()
        if self._request:
            self._failed(LibindexError(f"the indexing process ended (status {message.status})"))

    def _in_trouble(self, error: LibindexError) -> None:
        if str(error) != self._trouble:
            self._trouble = str(error)
            _LOG.error("%s; trying again", error, extra={"event": "trouble"})

    def _all_is_well(self) -> None:
        self._not_before, self._retry_s = 0.0, _RETRY_S[0]
        if self._trouble:
            self._trouble = None
            _LOG.info("all is well again", extra={"event": "recovered"})

    # What others see

    def _next(self, now: float) -> float:
        """When something has to be done without being asked for."""
        times = [self._presence_due, self._roots_due]
        if self._request is None:
            times += [place.next_look for place in self._places.values()]
            times += [due for due in (self._hints.next_due(),) if due is not None]
            if self._changed is not None:
                times.append(self._changed + _QUIET_S)
            elif self._indexer:
                times.append(self._used + self._options.keep_warm_s)
        soonest = min(times)
        if soonest < self._not_before:
            soonest = min(self._not_before, self._presence_due, self._roots_due)
        return max(soonest, now)

    def _show(self) -> None:
        shown = Activity(
            holder=self._holder,
            doing=self._doing if self._request else "idle",
            queue=len(self._hints),
            reconciled_at=self._reconciled_at,
            trouble=self._trouble,
            folders=[WatchedFolder(p.path, p.how) for _, p in sorted(self._places.items())],
        )
        before, now = self._shown, time.monotonic()
        if shown == before:
            return
        is_other = before is None or replace(shown, queue=before.queue) != before
        if is_other or now >= self._shown_at + _SHOWN_EVERY_S:
            self._shown, self._shown_at = shown, now
            activity.write(self._database.path, shown)
            notify(STATUS=shown.doing)

    def _check_named(self) -> None:
        with self._database.reading() as connection:
            roots = all_roots(connection)
        for path in self._named:
            place = Place(path)
            place.look()
            if not place.is_online and _root_of(path, roots) is None:
                is_barred = presence.is_barred(path)
                raise NotFoundError("can't be looked into" if is_barred else "no such folder", path)


def _root_of(path: str, roots: list[Root]) -> Root | None:
    inside = [root for root in roots if relative_to(path, root.path) is not None]
    return max(inside, key=lambda root: len(root.path), default=None)


_COUNTED = ("new", "changed", "moved", "removed", "failed")


def _report(request: Request, summary: ScanSummary) -> None:
    counts = {name: getattr(summary, name) for name in _COUNTED}
    told = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
    if request.kind == "reconcile":
        seen = summary.unchanged + sum(counts.values()) - summary.removed
        _LOG.info(
            "compared %s files in %.1f s: %s",
            f"{seen:,}",
            summary.seconds,
            told or "nothing new",
            extra={"event": "compared", "files": seen, "seconds": summary.seconds, **counts},
        )
    elif told:
        _LOG.info(told, extra={"event": "recorded", "seconds": summary.seconds, **counts})
