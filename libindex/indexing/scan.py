"""A scan: compare the disk with the database, analyse what is new, record the outcome."""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from libindex.analysis.engine import Engine
from libindex.disk.comparing import Changes, compare
from libindex.disk.stamps import Stamp
from libindex.errors import LibindexError
from libindex.indexing import records
from libindex.indexing.reading import Reading
from libindex.indexing.roots import (
    Target,
    finished,
    forget,
    is_present,
    known_samples,
    known_targets,
    mark,
    nested,
    planned_target,
    samples_with,
    split_off_drives,
    target_for,
    with_inner,
)
from libindex.indexing.run import Run, Task, unheard_contents
from libindex.indexing.summary import Change, Progress, ScanSummary
from libindex.similarity.embeddings import count, index_path, is_current, neighbour_index
from libindex.store.database import Database
from libindex.store.roots import Root, all_roots

if TYPE_CHECKING:
    from libindex.analysis.engine import AnyPipeline


class Indexer(contextlib.AbstractContextManager["Indexer"]):
    """Brings a library up to date with the disk.

    The caller sees to it that there is one at a time (see `libindex.store.locking`).

    Parameters
    ----------
    database : Database
        The library.
    engine : Engine
        The network to analyse with; its pipeline is taken when there is something to analyse,
        and given back at the end, without the processes.
    """

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine
        self._model = engine.model
        self._fingerprint = engine.fingerprint
        self._taken = contextlib.ExitStack()
        self._pipeline: AnyPipeline | None = None

    def __exit__(self, *error: Any) -> None:
        if self._pipeline:
            self._pipeline.cancel()  # idle processes would keep 60 MB each
            self._pipeline = None
        self._taken.__exit__(*error)

    def preview(self, paths: Sequence[str]) -> ScanSummary:
        """What `scan` would find, without reading a file or recording anything.

        Moves are not recognised: they count as new and removed.
        """
        started = time.monotonic()
        summary = ScanSummary()
        with self._database.reading() as connection:
            found = [planned_target(connection, p) for p in sorted(set(paths), key=len)]
            targets = _distinct(with_inner(connection, found)) if paths else _everything(connection)
            here, _ = _sorted_by_presence(targets, summary)
            for _, changes in _look(connection, here, summary):
                summary.new += len(changes.new)
                summary.changed += len(changes.changed)
                summary.removed += len(changes.missing)
                summary.failed += sum(k.failed for k in changes.unchanged)
                summary.unchanged += sum(not k.failed for k in changes.unchanged)
        summary.seconds = time.monotonic() - started
        return summary

    def scan(
        self,
        paths: Sequence[str] = (),
        *,
        retry_failed: bool = False,
        leave_fresh: bool = False,
        progress: Callable[[Progress], None] = lambda _: None,
        recorded: Callable[[list[Change]], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> ScanSummary:
        """Scan folders and record what changed.

        Parameters
        ----------
        paths : sequence of str
            Absolute: new roots, known roots, or parts of them. None stands for all roots.
        retry_failed : bool
            Whether to try files again that failed and have not changed.
        leave_fresh : bool
            Whether to leave files alone that may still be being written; the summary lists them.
        progress : callable
            Called after every few files.
        recorded : callable
            Called with a list of `Change` after each transaction.
        stop : threading.Event, optional
            Set it to end early; what is done is kept.

        Returns
        -------
        ScanSummary
            What was found and done.

        Raises
        ------
        NotFoundError
            If a path is neither there nor known.
        DatabaseError
            If the database can't be written; what was committed before is safe.
        ModelError
            If the network can't be loaded.
        """
        run, targets = self._begun(lambda c: _targets(c, paths), recorded)
        ready = (lambda task: task.found.is_settled) if leave_fresh else (lambda _: True)
        with _timed(run.summary), _interruptible(run.summary, stop) as ending:
            self._read(run, targets, retry_failed, ready, progress, ending)
            run.summary.unheard = self._unheard(run.network)
            self.refresh_neighbours()
        return run.summary

    def update(
        self,
        paths: Collection[str],
        *,
        progress: Callable[[Progress], None] = lambda _: None,
        recorded: Callable[[list[Change]], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> ScanSummary:
        """Look only at paths where something may have happened, and record what did.

        Paths that are gone, or in no root, are no error. The neighbour index is left behind;
        `refresh_neighbours` brings it up to date.

        Parameters
        ----------
        paths : collection of str
            Absolute. A file that is fresh is read only if it is one of these; the summary lists
            the others.
        progress, recorded, stop
            As for `scan`, and so is what is returned and raised.
        """
        run, targets = self._begun(lambda c: known_targets(c, paths), recorded)
        named = set(paths)

        def is_ready(task: Task) -> bool:
            return task.found.is_settled or task.path in named

        with _timed(run.summary), _interruptible(run.summary, stop) as ending:
            while targets:
                self._read(run, _distinct(targets), False, is_ready, progress, ending)
                with self._database.reading() as connection:
                    links = _changed_links(connection, run.take_touched()) - named
                    named |= links
                    targets = known_targets(connection, links)
        return run.summary

    def refresh_neighbours(self) -> None:
        """Bring the neighbour index of this network up to date."""
        path = index_path(self._database.path, self._fingerprint)
        with self._database.reading() as connection:
            id_ = records.network_id(connection, self._fingerprint)
            if id_ is not None and count(connection, id_) and not is_current(connection, path):
                neighbour_index(connection, path, id_, self._model.network.latent_size)

    def warm_up(self) -> None:
        """Begin to load the network, since there will soon be something to analyse."""
        self._started_pipeline()

    def _begun(
        self,
        targets_of: Callable[[Connection], list[Target]],
        recorded: Callable[[list[Change]], None],
    ) -> tuple[Run, list[Target]]:
        """Find out what to look at, and note which roots are there."""
        summary = ScanSummary()
        with self._database.writing() as connection:
            targets = targets_of(connection)
            network = records.network_for(connection, self._model, self._fingerprint)
            here, away = _sorted_by_presence(targets, summary)
            for root in {target.root for target in targets}:
                mark(connection, root, is_online=root not in away)
        return Run(network, summary, recorded), here

    def _read(
        self,
        run: Run,
        targets: list[Target],
        retry_failed: bool,
        is_ready: Callable[[Task], bool],
        progress: Callable[[Progress], None],
        stop: threading.Event,
    ) -> None:
        """Look at the targets, read what is new or changed, and record it."""

        def visiting(_folder: str) -> None:
            if stop.is_set():
                raise _InterruptedError

        with self._database.reading() as connection:
            looks = list(_look(connection, targets, run.summary, visiting))
            planned = [t for look in looks for t in run.plan(connection, *look, retry_failed)]
        # What has the time stamp of something that is gone was moved, not written.
        moved = {_looks(known.stamp) for _, changes in looks for known in changes.missing}
        is_left = [not is_ready(t) and _looks(t.found.stamp) not in moved for t in planned]
        tasks = [task for task, left in zip(planned, is_left, strict=True) if not left]
        run.summary.fresh += [t.path for t, left in zip(planned, is_left, strict=True) if left]
        total = len(tasks)
        progress(Progress(0, total))
        reading = Reading(
            self._database,
            self._started_pipeline,
            run,
            lambda done: progress(Progress(done, total)),
        )
        reading.read(tasks, self._engine.settings.jobs, stop.is_set)
        if stop.is_set():
            raise _InterruptedError
        self._finish([target for target, _ in looks], run)

    def _started_pipeline(self) -> "AnyPipeline":
        if self._pipeline is None:
            self._pipeline = self._taken.enter_context(self._engine.pipeline())
        return self._pipeline

    def _finish(self, targets: list[Target], run: Run) -> None:
        """After everything was read: remove what is gone, and note what was looked at."""
        roots = {target.root for target in targets}
        present = {root for root in roots if is_present(root)}  # a drive may go while it is read
        whole = {target.root for target in targets if not target.below}
        with self._database.writing() as connection:
            gone = run.take_unclaimed({root.id for root in present})
            records.delete_samples(connection, [known.id for known in gone])
            if {root.id for root in whole} == _online_roots(connection) and not run.summary.fresh:
                # Not after a part: what is gone here may have moved to where nobody looked.
                records.delete_orphans(connection)
            run.note_removed(gone)
            for root in present & whole:
                finished(connection, root)
            for root in roots:
                mark(connection, root, is_online=root in present)
            split_off_drives(connection, roots)
            if count(connection, run.network.id):
                records.answer_with(connection, run.network)
        run.tell()

    def _unheard(self, network: records.Network) -> int:
        with self._database.reading() as connection:
            return len(unheard_contents(connection, network.id))


def forget_root(database: Database, path: str) -> int:
    """Take a root out of the library; see `libindex.indexing.roots.forget`."""
    with database.writing() as connection:
        removed = forget(connection, path)
        records.delete_orphans(connection)
    return removed


def _targets(connection: Connection, paths: Sequence[str]) -> list[Target]:
    if not paths:
        return _everything(connection)
    # Outer folders first, so that what lies inside of them is seen to be a part of them.
    targets = [target_for(connection, path) for path in sorted(set(paths), key=len)]
    return _distinct(with_inner(connection, targets))


def _everything(connection: Connection) -> list[Target]:
    return [Target(root, "") for root in all_roots(connection)]


def _distinct(targets: list[Target]) -> list[Target]:
    """Without those that are a part of another; outer ones first."""
    kept: dict[tuple[int, str], Target] = {}
    for target in sorted(targets, key=lambda t: t.below.count(os.sep) if t.below else -1):
        outer = itertools.accumulate(target.below.split(os.sep), os.path.join)  # noqa: PTH206
        if not any((target.root.id, path) in kept for path in ("", *outer)):
            kept[target.root.id, target.below] = target
    return list(kept.values())


def _sorted_by_presence(
    targets: list[Target], summary: ScanSummary
) -> tuple[list[Target], set[Root]]:
    """Targets that are there, and the roots that are not, which the summary gets too."""
    roots = dict.fromkeys(target.root for target in targets)
    away = {root for root in roots if not is_present(root)}
    summary.offline += [root.path for root in roots if root in away]
    return [target for target in targets if target.root not in away], away


def _look(
    connection: Connection,
    targets: list[Target],
    summary: ScanSummary,
    visiting: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Target, Changes]]:
    """Compare what is there with what is known; a root that can't be listed stops no other."""
    everything = all_roots(connection)
    for target in targets:
        root = target.root
        try:
            changes = compare(
                root.path,
                target.below,
                known_samples(connection, target),
                nested(everything, root),
                visiting,
            )
        except LibindexError:
            if len(targets) == 1:
                raise
            summary.unreadable.append(root.path)
            continue
        summary.unreadable += _existing(root.path, changes.unreadable)
        summary.links += [os.path.join(root.path, link) for link in changes.links]  # noqa: PTH118
        yield target, changes


def _changed_links(connection: Connection, content_ids: set[int]) -> set[str]:
    """Links to files with these contents that look otherwise than when they were read.

    A link changes with the file, and a hard link when another is made, moved or removed; nothing
    tells of either. What is no link, and was written to, tells so itself when it is closed.
    """
    found = set()
    for path, stamp, is_settled in samples_with(connection, content_ids):
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:  # it is gone, which is told, or leads nowhere at present
            continue
        now = Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if status.st_nlink > 1 or os.path.islink(path):  # noqa: PTH114
            is_other = now != stamp or not is_settled
        else:
            is_other = now != stamp and _looks(now) == _looks(stamp)
        if is_other:
            found.add(path)
    return found


def _looks(stamp: Stamp) -> tuple[int, int]:
    return stamp.size_bytes, stamp.mtime_ns


class _InterruptedError(Exception):
    """The scan was asked to end early."""


@contextlib.contextmanager
def _interruptible(summary: ScanSummary, stop: threading.Event | None) -> Iterator[threading.Event]:
    try:
        yield stop or threading.Event()
    except _InterruptedError:
        summary.interrupted = True


@contextlib.contextmanager
def _timed(summary: ScanSummary) -> Iterator[None]:
    started = time.monotonic()
    yield
    summary.seconds = time.monotonic() - started


def _online_roots(connection: Connection) -> set[int]:
    return {root.id for root in all_roots(connection) if root.is_online}


def _existing(root: str, folders: list[str]) -> list[str]:
    # The others are links that lead nowhere at present.
    paths = [os.path.join(root, folder) for folder in folders]  # noqa: PTH118
    return [path for path in paths if os.path.isdir(path)]  # noqa: PTH112
