"""A scan: compare the disk with the database, analyse what is new, record the outcome."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from libindex.database import Database
from libindex.errors import LibindexError
from libindex.indexing import records
from libindex.indexing.reading import Reading
from libindex.indexing.roots import (
    Target,
    finished,
    forget,
    is_present,
    known_samples,
    mark,
    nested,
    planned_target,
    target_for,
)
from libindex.indexing.run import Run, unheard_contents
from libindex.indexing.summary import Progress, ScanSummary
from libindex.paths import relative_to
from libindex.roots import all_roots
from libindex.scanner import Changes, compare
from libindex.settings import Settings
from libindex.similarity import count, index_path, is_current, neighbour_index

if TYPE_CHECKING:
    from libindex.modelfile import ModelFile
    from libindex.pipeline import Pipeline


class Indexer(contextlib.AbstractContextManager["Indexer"]):
    """Brings a library up to date with the disk.

    The caller sees to it that there is one at a time (see `libindex.locking`).

    Parameters
    ----------
    database : Database
        The library.
    model : ModelFile
        The network to analyse with; it is loaded when there is something to analyse.
    settings : Settings
        Number of processes, device, limits.
    """

    def __init__(self, database: Database, model: "ModelFile", settings: Settings) -> None:
        self._database = database
        self._model = model
        self._fingerprint = model.fingerprint
        self._settings = settings
        self._pipeline: Pipeline | None = None

    def __exit__(self, *_: object) -> None:
        if self._pipeline:
            self._pipeline.close()
            self._pipeline = None

    def preview(self, paths: Sequence[str]) -> ScanSummary:
        """What `scan` would find, without reading a file or recording anything.

        Moves are not recognised: they count as new and removed.
        """
        started = time.monotonic()
        summary = ScanSummary()
        with self._database.reading() as connection:
            found = [planned_target(connection, p) for p in sorted(set(paths), key=len)]
            targets = _distinct(found) if paths else _everything(connection)
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
        progress: Callable[[Progress], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> ScanSummary:
        """Scan folders and record what changed.

        Parameters
        ----------
        paths : sequence of str
            Absolute: new roots, known roots, or parts of them. None stands for all roots.
        retry_failed : bool
            Whether to try files again that failed and have not changed.
        progress : callable
            Called after every few files.
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
        started = time.monotonic()
        stop = stop or threading.Event()
        summary = ScanSummary()
        with self._database.writing() as connection:
            targets = _targets(connection, paths)
            network = records.network_for(connection, self._model, self._fingerprint)
            here, away = _sorted_by_presence(targets, summary)
            for target in targets:
                mark(connection, target.root, is_online=target not in away)
        run = Run(network, summary)
        with self._database.reading() as connection:
            looks = list(_look(connection, here, summary))
            tasks = [t for look in looks for t in run.plan(connection, *look, retry_failed)]
        total = len(tasks)
        progress(Progress(0, total))
        reading = Reading(
            self._database,
            self._started_pipeline,
            run,
            lambda done: progress(Progress(done, total)),
        )
        reading.read(tasks, self._settings.jobs, stop.is_set)
        summary.interrupted = stop.is_set()
        if not summary.interrupted:
            self._finish([target for target, _ in looks], run)
            summary.unheard = self._unheard(network)
        summary.seconds = time.monotonic() - started
        return summary

    def _started_pipeline(self) -> "Pipeline":
        if self._pipeline is None:
            from libindex.pipeline import Pipeline

            settings = self._settings
            self._pipeline = Pipeline.load(
                self._model, settings.device, settings.jobs, settings.file_timeout_s
            )
        return self._pipeline

    def _finish(self, targets: list[Target], run: Run) -> None:
        """After everything was read: remove what is gone, and bring the index up to date."""
        present = [t for t in targets if is_present(t.root)]  # a drive may go while it is read
        with self._database.writing() as connection:
            gone = run.unclaimed({target.root.id for target in present})
            records.delete_samples(connection, [known.id for known in gone])
            if {t.root.id for t in targets if not t.below} == _online_roots(connection):
                # Not after a part: what is gone here may have moved to where nobody looked.
                records.delete_orphans(connection)
            run.summary.removed += len(gone)
            for target in present:
                if not target.below:
                    finished(connection, target.root)
            for target in targets:
                mark(connection, target.root, is_online=target in present)
            if count(connection, run.network.id):
                records.answer_with(connection, run.network)
        path = index_path(self._database.path, self._fingerprint)
        with self._database.reading() as connection:
            if count(connection, run.network.id) and not is_current(connection, path):
                size = self._model.network.latent_size
                neighbour_index(connection, path, run.network.id, size)

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
    return _distinct([target_for(connection, path) for path in sorted(set(paths), key=len)])


def _everything(connection: Connection) -> list[Target]:
    return [Target(root, "") for root in all_roots(connection)]


def _distinct(targets: list[Target]) -> list[Target]:
    """Without those that are a part of another."""
    kept: list[Target] = []
    for target in sorted(targets, key=lambda t: len(t.below)):
        if not any(
            target.root.path == other.root.path
            and (not other.below or relative_to(target.below, other.below) is not None)
            for other in kept
        ):
            kept.append(target)
    return kept


def _sorted_by_presence(
    targets: list[Target], summary: ScanSummary
) -> tuple[list[Target], list[Target]]:
    """Targets that are there, and those that are not, which the summary gets too."""
    here = [target for target in targets if is_present(target.root)]
    away = [target for target in targets if target not in here]
    summary.offline += [target.root.path for target in away]
    return here, away


def _look(
    connection: Connection, targets: list[Target], summary: ScanSummary
) -> Iterator[tuple[Target, Changes]]:
    """Compare what is there with what is known; a root that can't be listed stops no other."""
    for target in targets:
        root = target.root
        try:
            changes = compare(
                root.path,
                target.below,
                known_samples(connection, target),
                nested(connection, root),
            )
        except LibindexError:
            if len(targets) == 1:
                raise
            summary.unreadable.append(root.path)
            continue
        summary.unreadable += _existing(root.path, changes.unreadable)
        yield target, changes


def _online_roots(connection: Connection) -> set[int]:
    return {root.id for root in all_roots(connection) if root.is_online}


def _existing(root: str, folders: list[str]) -> list[str]:
    # The others are links that lead nowhere at present.
    paths = [os.path.join(root, folder) for folder in folders]  # noqa: PTH118
    return [path for path in paths if os.path.isdir(path)]  # noqa: PTH112
