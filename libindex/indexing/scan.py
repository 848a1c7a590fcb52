"""A scan: compare the disk with the database, analyse what is new, record the outcome."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from libindex.database import Database
from libindex.digests import digest_of
from libindex.errors import LibindexError, SampleError
from libindex.indexing import records
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
from libindex.indexing.run import Run, Task, unheard_contents
from libindex.indexing.summary import Progress, ScanSummary
from libindex.paths import relative_to
from libindex.roots import all_roots
from libindex.scanner import Changes, compare
from libindex.settings import Settings
from libindex.similarity import count, index_path, is_current, neighbour_index

if TYPE_CHECKING:
    from libindex.analysis import Analysis
    from libindex.modelfile import ModelFile
    from libindex.pipeline import Pipeline

_CHUNK = 256  # files between two commits: what a crash can cost


class Indexer:
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

    def __enter__(self) -> "Indexer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pipeline:
            self._pipeline.close()

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
        progress(Progress(0, len(tasks)))
        for start in range(0, len(tasks), _CHUNK):
            chunk = tasks[start : start + _CHUNK]
            for heard in self._process(chunk, run, stop, len(tasks)):
                progress(Progress(start + heard, len(tasks)))
            if stop.is_set():
                break
            progress(Progress(start + len(chunk), len(tasks)))
        summary.interrupted = stop.is_set()
        if not summary.interrupted:
            self._finish([target for target, _ in looks], run)
            summary.unheard = self._unheard(network)
        summary.seconds = time.monotonic() - started
        return summary

    def _process(
        self, tasks: list[Task], run: Run, stop: threading.Event, total: int
    ) -> Iterator[int]:
        """Read, analyse and commit one chunk; yields how many contents were heard so far."""
        with ThreadPoolExecutor(self._settings.jobs) as pool:
            digests = list(pool.map(lambda task: _digest(task.path), tasks))
        with self._database.reading() as connection:
            distinct = {d for d in digests if isinstance(d, bytes)}
            known = records.known_contents(connection, distinct, run.network.id)
        wanted: dict[bytes, str] = {}
        for task, digest in zip(tasks, digests, strict=True):
            if isinstance(digest, bytes) and _needs_analysis(known.get(digest), again=task.again):
                wanted.setdefault(digest, task.path)
        results: list[Analysis | SampleError] = []
        for result in self._analyses(list(wanted.values()), stop, total):
            results.append(result)
            yield len(results)
        run.note_absences(tasks, digests, results)
        with self._database.writing() as connection:
            ids = {d: k.id for d, k in known.items() if d not in wanted}
            ids |= records.record_results(connection, run.network, results)
            run.record(connection, tasks, digests, results, ids)

    def _analyses(
        self, paths: list[str], stop: threading.Event, total: int
    ) -> Iterator["Analysis | SampleError"]:
        if not paths or stop.is_set():
            return
        for result in self._started_pipeline(total).analyse(paths):
            yield result
            if stop.is_set():
                return

    def _started_pipeline(self, files: int) -> "Pipeline":
        if self._pipeline is None:
            from libindex.pipeline import Pipeline

            settings = self._settings
            self._pipeline = Pipeline.load(
                self._model, settings.device, settings.jobs, settings.file_timeout_s, files
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


def _digest(path: str) -> "bytes | SampleError":
    try:
        return digest_of(path)
    except OSError as error:
        return SampleError(f"can't be read ({error.strerror})", path)


def _needs_analysis(content: records.KnownContent | None, *, again: bool) -> bool:
    if content is None:
        return True
    return again if content.failed else not content.analysed
