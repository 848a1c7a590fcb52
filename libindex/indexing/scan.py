"""A scan: compare the disk with the database, analyse what is new, record the outcome."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from libindex.database import Database
from libindex.digests import digest_of
from libindex.errors import SampleError
from libindex.indexing import records
from libindex.indexing.roots import (
    Root,
    Target,
    all_roots,
    finished,
    forget,
    known_samples,
    mark,
    target_for,
)
from libindex.scanner import Changes, Found, Known, compare, is_online
from libindex.schema import analyses, contents
from libindex.settings import Settings
from libindex.similarity import count, index_path, is_current, neighbour_index

if TYPE_CHECKING:
    from libindex.analysis import Analysis
    from libindex.modelfile import ModelFile
    from libindex.pipeline import Pipeline

_CHUNK = 256  # files between two commits: what a crash can cost


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
    interrupted: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Task:
    """A file to read: new if it is not `known`; `again` if an earlier failure is no excuse."""

    root: Root
    found: Found
    known: Known | None = None
    again: bool = False

    @property
    def path(self) -> str:
        return os.path.join(self.root.path, self.found.path)  # noqa: PTH118


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
        connection: Connection
        with self._database.writing() as connection:
            for _, changes in _look(connection, _targets(connection, paths), summary):
                summary.new += len(changes.new)
                summary.changed += len(changes.changed)
                summary.removed += len(changes.missing)
                summary.failed += sum(k.failed for k in changes.unchanged)
                summary.unchanged += sum(not k.failed for k in changes.unchanged)
            connection.rollback()
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
            network = records.use_network(connection, self._model, self._fingerprint)
            looks = list(_look(connection, targets, summary))
        run = _Run(network, summary)
        with self._database.reading() as connection:
            tasks = [t for look in looks for t in run.plan(connection, *look, retry_failed)]
        progress(Progress(0, len(tasks)))
        for start in range(0, len(tasks), _CHUNK):
            chunk = tasks[start : start + _CHUNK]
            for heard in self._process(chunk, run, stop):
                progress(Progress(start + heard, len(tasks)))
            if stop.is_set():
                break
            progress(Progress(start + len(chunk), len(tasks)))
        summary.interrupted = stop.is_set()
        if not summary.interrupted:
            self._finish([target for target, _ in looks], run)
        summary.seconds = time.monotonic() - started
        return summary

    def _process(self, tasks: list[_Task], run: "_Run", stop: threading.Event) -> Iterator[int]:
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
        for result in self._analyses(list(wanted.values()), stop):
            results.append(result)
            yield len(results)
        with self._database.writing() as connection:
            ids = {d: k.id for d, k in known.items() if d not in wanted}
            ids |= records.record_results(connection, run.network, results)
            run.record(connection, tasks, digests, results, ids)

    def _analyses(
        self, paths: list[str], stop: threading.Event
    ) -> Iterator["Analysis | SampleError"]:
        if not paths or stop.is_set():
            return
        for result in self._started_pipeline().analyse(paths):
            yield result
            if stop.is_set():
                return

    def _started_pipeline(self) -> "Pipeline":
        if self._pipeline is None:
            from libindex.pipeline import Pipeline

            settings = self._settings
            self._pipeline = Pipeline.load(
                self._model, settings.device, settings.jobs, settings.file_timeout_s
            )
        return self._pipeline

    def _finish(self, targets: list[Target], run: "_Run") -> None:
        """After everything was read: remove what is gone, and bring the index up to date."""
        with self._database.writing() as connection:
            gone = run.unclaimed()
            records.delete_samples(connection, [known.id for known in gone])
            records.delete_orphans(connection)
            run.summary.removed += len(gone)
            for target in targets:
                if not target.below:
                    finished(connection, target.root)
        path = index_path(self._database.path, self._fingerprint)
        with self._database.reading() as connection:
            if count(connection, run.network.id) and not is_current(connection, path):
                size = self._model.network.latent_size
                neighbour_index(connection, path, run.network.id, size)


def forget_root(database: Database, path: str) -> int:
    """Take a root out of the library; see `libindex.indexing.roots.forget`."""
    with database.writing() as connection:
        removed = forget(connection, path)
        records.delete_orphans(connection)
    return removed


class _Run:
    """What one scan has to remember between its chunks."""

    def __init__(self, network: records.Network, summary: ScanSummary) -> None:
        self.network = network
        self.summary = summary
        self._missing: dict[int | None, list[Known]] = defaultdict(list)

    def plan(
        self, connection: Connection, target: Target, changes: Changes, retry_failed: bool
    ) -> Iterator[_Task]:
        """What has to be read of a root; counts what has not."""
        for known in changes.missing:
            self._missing[known.content_id].append(known)
        yield from (_Task(target.root, found) for found in changes.new)
        for known, found in changes.changed:
            yield _Task(target.root, found, known, again=retry_failed and known.failed)
        unheard = _unheard_contents(connection, self.network.id)
        for known in changes.unchanged:
            again = retry_failed and known.failed
            if again or known.content_id in unheard:
                unheard.discard(known.content_id)
                found = Found(known.path, known.stamp, known.is_settled)
                yield _Task(target.root, found, known, again)
            elif known.failed:
                self.summary.failed += 1
            else:
                self.summary.unchanged += 1

    def record(
        self,
        connection: Connection,
        tasks: list[_Task],
        digests: list["bytes | SampleError"],
        results: Sequence["Analysis | SampleError"],
        content_ids: dict[bytes, int],
    ) -> None:
        """Record the samples of a chunk, whose contents are recorded already."""
        unread = {r.path: r for r in results if r.digest is None}
        failed = {r.digest for r in results if isinstance(r, SampleError) and r.digest}
        failed |= _failed_digests(connection, content_ids)
        self.summary.analysed += sum(not isinstance(r, SampleError) for r in results)
        new: list[dict[str, Any]] = []
        updated: list[dict[str, Any]] = []
        for task, digest in zip(tasks, digests, strict=True):
            outcome = unread.get(task.path, digest)
            values = records.sample_values(task.found, task.root.id)
            if isinstance(outcome, SampleError):
                values |= {"content_id": None, "failure": outcome.reason}
            elif outcome in content_ids:
                values |= {"content_id": content_ids[outcome], "failure": None}
            else:  # stopped before its turn, or changed meanwhile: the next scan sees it
                continue
            bad = isinstance(outcome, SampleError) or outcome in failed
            self._sort(task, values, bad, new, updated)
        records.insert_samples(connection, new)
        records.update_samples(connection, updated)

    def _sort(
        self,
        task: _Task,
        values: dict[str, Any],
        bad: bool,
        new: list[dict[str, Any]],
        updated: list[dict[str, Any]],
    ) -> None:
        """Put a sample's row where it belongs, and count it."""
        content_id = values["content_id"]
        moved = self._claim(content_id, values["name"]) if task.known is None else None
        if task.known or moved:
            updated.append({**values, "id": (task.known or moved).id})  # type: ignore[union-attr]
        else:
            new.append(values)
        if bad:
            self.summary.failed += 1
        elif moved:
            self.summary.moved += 1
        elif task.known is None:
            self.summary.new += 1
        elif task.known.content_id == content_id and not task.known.failed:
            self.summary.unchanged += 1
        else:
            self.summary.changed += 1

    def _claim(self, content_id: int | None, name: str) -> Known | None:
        """A missing sample of this content, rather one of the same name: it has moved here."""
        candidates = self._missing.get(content_id) if content_id is not None else None
        if not candidates:
            return None
        same = [k for k in candidates if os.path.basename(k.path) == name]  # noqa: PTH119
        chosen = (same or candidates)[0]
        candidates.remove(chosen)
        return chosen

    def unclaimed(self) -> list[Known]:
        """Missing samples that turned up nowhere else."""
        return [known for group in self._missing.values() for known in group]


def _targets(connection: Connection, paths: Sequence[str]) -> list[Target]:
    if not paths:
        return [Target(root, "") for root in all_roots(connection)]
    # Outer folders first, so that what lies inside of them is seen to be a part of them.
    found = [target_for(connection, path) for path in sorted(set(paths), key=len)]
    whole = {t.root.id for t in found if not t.below}
    return [t for t in found if not t.below or t.root.id not in whole]


def _look(
    connection: Connection, targets: list[Target], summary: ScanSummary
) -> Iterator[tuple[Target, Changes]]:
    """Compare each root that is there; note the others."""
    for target in targets:
        root = target.root
        online = is_online(root.path, was_mount=root.is_mount, has_samples=root.has_samples)
        mark(connection, root, is_online=online)
        if not online:
            summary.offline.append(root.path)
            continue
        changes = compare(root.path, target.below, known_samples(connection, target))
        summary.unreadable += _existing(root.path, changes.unreadable)
        yield target, changes


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


def _unheard_contents(connection: Connection, network_id: int) -> set[int | None]:
    """Contents that could be analysed, and that this network has not heard."""
    heard = (
        select(analyses.c.id)
        .where(analyses.c.content_id == contents.c.id, analyses.c.network_id == network_id)
        .exists()
    )
    query = select(contents.c.id).where(contents.c.failure.is_(None), ~heard)
    return set(connection.execute(query).scalars())


def _failed_digests(connection: Connection, content_ids: dict[bytes, int]) -> set[bytes]:
    ids = list(content_ids.values())
    query = select(contents.c.digest).where(contents.c.id.in_(ids), contents.c.failure.is_not(None))
    return set(connection.execute(query).scalars())
