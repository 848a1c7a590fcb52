"""The watcher's loop: what comes in, what is done about it, and when to look again.

Events of the file system, messages of the indexing process and signals come through one queue to
one thread. What is recorded is always the outcome of a comparison of the disk with the database;
events only say where to look.
"""

import queue
import time
from collections.abc import Sequence
from functools import partial
from typing import Literal, assert_never

from libindex.errors import BusyError, LibindexError, NotFoundError
from libindex.indexing import Progress
from libindex.paths import display
from libindex.settings import Settings
from libindex.store import locking
from libindex.store.database import Database
from libindex.store.roots import Root, all_roots
from libindex.watching import activity
from libindex.watching.hints import Hints
from libindex.watching.hook import Hook
from libindex.watching.messages import Done, Ended, Failed, Message, Recorded, Request, Waiting
from libindex.watching.notices import Notice, Problem
from libindex.watching.notify import keep_alive_s, notify
from libindex.watching.options import WatchOptions
from libindex.watching.places import Places
from libindex.watching.report import Report
from libindex.watching.system import System
from libindex.watching.work import Work

_MAX_HINTS = 20_000  # beyond, to compare everything is quicker
_DRAINED_AT_ONCE = 5_000

Command = Literal["stop", "reconcile"]
_Item = Notice | Problem | Message | Command


class Watcher:
    """Keeps a library up to date until it is stopped.

    Parameters
    ----------
    database : Database
        The library.
    settings : Settings
        How to analyse.
    paths : sequence of str
        Folders, absolute; none stands for all roots, also those that are added later.
    options : WatchOptions, optional
        How to watch.
    system : System, optional
        The operating system; tests replace parts of it.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        paths: Sequence[str] = (),
        options: WatchOptions | None = None,
        system: System | None = None,
    ) -> None:
        options, system = options or WatchOptions(), system or System()
        self._database = database
        self._named = list(dict.fromkeys(paths))
        self._inbox: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._intervals = options.intervals
        self._hints = Hints()
        self._hook = Hook(options.command) if options.command else None
        self._report = Report(database.path, locking.this_process("watch"), self._intervals.show_s)
        self._places = Places(
            self._named,
            options,
            self._report,
            read_roots=self._read_roots,
            start_events=partial(system.start_events, self._inbox.put, self._inbox.put),
            mounts=system.mounts,
            kind_of=system.kind_of,
        )
        start_indexer = partial(
            system.start_indexer, settings, self._inbox.put, with_changes=bool(options.command)
        )
        self._work = Work(start_indexer, lambda error: self._inbox.put(Failed(error)), options)
        self._is_ready = self._is_stopping = False
        self._first_error: LibindexError | None = None

    def stop(self) -> None:
        """End soon, with everything committed; for other threads and signal handlers."""
        self._inbox.put("stop")

    def reconcile(self) -> None:
        """Compare everything soon; for other threads and signal handlers."""
        self._inbox.put("reconcile")

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be done; for other threads."""
        return self._inbox.empty() and not self._hints and not self._work.is_busy

    def run(self) -> None:
        """Watch until `stop`.

        Raises
        ------
        BusyError
            If another process watches this library.
        NotFoundError
            If a folder that was named is neither there nor known.
        """
        self._places.check_named()
        try:
            with locking.watcher_lock(self._database.path):
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
                self._update_places()
                self._begin_work()
                self._report.show(self._work.doing, len(self._hints), self._places.folders())
                wait_s = self._next_due() - time.monotonic()
                self._take(max(0.0, min(wait_s, keep_alive or wait_s)))
                if keep_alive:
                    notify(WATCHDOG="1")
        finally:
            self._close()
        if self._first_error:
            raise self._first_error

    def _close(self) -> None:
        self._report.on_stopping()
        self._work.close()
        if self._hook:
            self._hook.close()
        self._places.close()
        self._report.close()

    # What comes in

    def _take(self, wait_s: float) -> None:
        try:
            item = self._inbox.get(timeout=wait_s)
            for _ in range(_DRAINED_AT_ONCE):
                self._dispatch(item)
                item = self._inbox.get_nowait()
            self._dispatch(item)
        except queue.Empty:
            pass

    def _dispatch(self, item: _Item) -> None:
        match item:
            case Notice():
                self._on_notice(item)
            case Problem():
                self._on_problem(item)
            case "stop":
                self._is_stopping = True
            case "reconcile":
                self._report.on_asked()
                self._compare_everything(0.0)
            case _:
                self._on_message(item)

    def _on_notice(self, notice: Notice) -> None:
        self._hints.add(notice)
        if notice.kind != "gone" and self._is_ready:
            self._work.warm_up()

    def _on_problem(self, problem: Problem) -> None:
        match problem.kind:
            case "limit":
                self._places.on_limit()
                return
            case "moved":
                self._places.rewatch()
                return
            case "overflow":
                self._report.on_problem(problem.kind)
            case "ended" | "opened":
                self._report.on_problem(problem.kind)
                self._places.restart_events()
            case _:
                assert_never(problem.kind)
        self._compare_everything(self._intervals.after_problem_s)

    def _on_message(self, message: Message) -> None:
        match message:
            case Progress():
                if message.total:
                    self._work.describe(f"analysing {message.done:,} of {message.total:,} files")
            case Recorded():
                if self._hook:
                    self._hook.feed(message.changes)
            case Waiting():
                self._work.describe(f"waiting for {message.holder}")
                self._report.on_waiting(self._work.doing)
            case Done():
                self._on_done(message)
            case Failed():
                self._on_failed(message.error)
            case Ended():
                if self._work.on_ended(message):
                    status = message.status
                    self._on_failed(LibindexError(f"the indexing process ended (status {status})"))
            case _:
                assert_never(message)

    def _on_done(self, done: Done) -> None:
        summary = done.summary
        request = self._work.succeed(summary)
        self._report.clear_error()
        if request is None or request.kind in {"warm up", "refresh"}:
            return
        for link in self._places.follow_links(summary.links):
            self._hints.folder(link)  # what happened before it was watched was not reported
        for path in summary.fresh:
            self._hints.appeared(path)
        if request.kind == "update":
            self._report.on_updated(summary, done.new_failures)
            return
        self._places.schedule(summary.seconds)
        self._places.check_soon()
        self._set_ready()
        everything = set(request.paths) == set(self._named)
        self._report.on_compared(summary, done.new_failures, everything=everything)

    def _on_failed(self, error: LibindexError) -> None:
        """Try again, after a while, what could not be done."""
        request = self._work.fail()
        if isinstance(error, NotFoundError) and self._named and not self._is_ready:
            self._first_error, self._is_stopping = error, True
            return
        self._report.on_error(error)
        self._places.retry()
        if request and request.kind == "update":
            self._hints.again(request.paths, 0.0)

    def _set_ready(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._report.on_ready()

    # What is done without being asked for

    def _update_places(self) -> None:
        if self._places.roots_are_due():
            self._update_roots()
        self._places.check()

    def _update_roots(self) -> None:
        try:
            self._places.update_roots()
        except LibindexError as error:
            self._report.on_error(error)
            self._compare_everything(self._intervals.after_problem_s)
            return
        if not self._places and not self._is_ready:
            self._report.on_no_folders()
            self._set_ready()

    def _read_roots(self) -> list[Root]:
        with self._database.reading() as connection:
            return all_roots(connection)

    def _begin_work(self) -> None:
        if not self._work.can_begin:
            return
        if len(self._hints) > _MAX_HINTS:
            self._compare_everything(0.0)
        if folders := self._places.take_due():
            self._compare(folders)
        elif paths := self._hints.take():
            self._work.begin(Request("update", tuple(paths)), f"checking {len(paths):,} paths")
        else:
            self._work.tidy_up()

    def _compare(self, folders: list[str]) -> None:
        """Compare folders; together, so that moves between them are seen."""
        if len(folders) == len(self._places):
            request, doing = Request("reconcile", tuple(self._named)), "comparing everything"
        else:
            request = Request("reconcile", tuple(folders))
            doing = "comparing " + ", ".join(map(display, folders))
        self._work.begin(request, doing)

    def _compare_everything(self, after_s: float) -> None:
        self._hints.clear()
        self._places.compare_all(after_s)

    def _next_due(self) -> float:
        """When something has to be done that nothing asks for."""
        hint = self._hints.next_due()
        comparison = self._places.next_comparison()
        work = self._work.next_due(comparison if hint is None else min(hint, comparison))
        return min(self._places.next_check(), work)
