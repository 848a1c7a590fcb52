"""One scan's work: which files to read, and what to record of them."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from libindex.analysis.results import Analysis
from libindex.disk.comparing import Changes, Known
from libindex.disk.walk import Found
from libindex.errors import SampleError
from libindex.indexing import records, sample_rows
from libindex.indexing.records import KnownContent, NetworkRow
from libindex.indexing.roots import why_offline
from libindex.indexing.summary import Change, Offline, Progress, ScanSummary
from libindex.indexing.targets import Target
from libindex.paths import join
from libindex.store.roots import Root


@dataclass(frozen=True, slots=True)
class Task:
    """A file to read, new if it is not `known`; `retry`: even if it failed before."""

    root: Root
    found: Found
    known: Known | None = None
    retry: bool = False

    @property
    def path(self) -> str:
        return join(self.root.path, self.found.path)


class ScanState:
    """What one scan has to remember between its stages and chunks.

    Parameters
    ----------
    network : NetworkRow
        The network that analyses what is new.
    on_progress : callable
        Called with a `Progress` after every few files.
    on_commit : callable
        Called with the changes of each transaction, after it was committed.
    stop : threading.Event
        Ends the scan when it is set.
    """

    def __init__(
        self,
        network: NetworkRow,
        on_progress: Callable[[Progress], None],
        on_commit: Callable[[list[Change]], None],
        stop: threading.Event,
    ) -> None:
        self.network = network
        self.summary = ScanSummary()
        self.stop = stop
        self.on_progress = on_progress
        self._on_commit = on_commit
        self._changes: list[Change] = []
        self._missing: dict[int | None, list[Known]] = defaultdict(list)
        self._touched: set[int] = set()
        self._absent: set[int] = set()
        self._root_paths: dict[int, str] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the scan, and note it if it is stopped."""
        started = time.monotonic()
        try:
            yield
        except _StoppedError:
            self.summary.interrupted = True
        self.summary.seconds = time.monotonic() - started

    def check_stop(self, _folder: str = "") -> None:
        """End the scan here if it is to be stopped; must be called within `running`."""
        if self.stop.is_set():
            raise _StoppedError

    def plan(
        self,
        connection: Connection,
        compared: Iterable[tuple[Target, Changes]],
        is_ready: Callable[[Task], bool],
        *,
        retry_failed: bool,
    ) -> list[Task]:
        """What has to be read; counts what has not, and notes what may still be being written."""
        compared = list(compared)
        planned = [
            task
            for target, changes in compared
            for task in self._planned(connection, target.root, changes, retry_failed=retry_failed)
        ]
        # What has the size and time of something that is gone was moved, not written.
        moved = {k.stamp.size_and_mtime for _, changes in compared for k in changes.missing}
        tasks: list[Task] = []
        for task in planned:
            if is_ready(task) or task.found.stamp.size_and_mtime in moved:
                tasks.append(task)
            else:
                self.summary.fresh.append(task.path)
        return tasks

    def _planned(
        self, connection: Connection, root: Root, changes: Changes, *, retry_failed: bool
    ) -> Iterator[Task]:
        self._root_paths[root.id] = root.path
        for known in changes.missing:
            self._missing[known.content_id].append(known)
        had = [*changes.missing, *(known for known, _ in changes.changed)]
        self._touched.update(known.content_id for known in had if known.content_id)
        yield from (Task(root, found) for found in changes.new)
        for known, found in changes.changed:
            yield Task(root, found, known, retry=retry_failed and known.failed)
        here = {known.content_id for known in changes.unchanged if known.content_id}
        unanalysed = records.unanalysed_contents(connection, self.network.id, here)
        for known in changes.unchanged:
            retry = retry_failed and known.failed
            if retry or known.content_id in unanalysed:
                unanalysed.discard(known.content_id or 0)
                found = Found(known.path, known.stamp, known.is_settled)
                yield Task(root, found, known, retry)
            elif known.failed:
                self.summary.failed += 1
            else:
                self.summary.unchanged += 1

    def note_absences(
        self,
        tasks: Sequence[Task],
        digests: Sequence[bytes | SampleError | None],
        results: Sequence[Analysis | SampleError],
    ) -> None:
        """After failures to read: note the roots that went away meanwhile (unplugged drives)."""
        unread = {r.path for r in results if r.digest is None}
        roots = {
            task.root
            for task, digest in zip(tasks, digests, strict=True)
            if isinstance(digest, SampleError) or task.path in unread
        }
        for root in roots:
            why = None if root.id in self._absent else why_offline(root)
            if why:
                self._absent.add(root.id)
                self.summary.offline.append(Offline(root.path, why))

    def record(
        self,
        connection: Connection,
        tasks: Sequence[Task],
        digests: Sequence[bytes | SampleError | None],
        results: Sequence[Analysis | SampleError],
        contents: dict[bytes, KnownContent],
    ) -> None:
        """Record the samples of a chunk, whose contents are recorded already."""
        unread = {r.path: r for r in results if r.digest is None}
        self.summary.analysed += sum(not isinstance(r, SampleError) for r in results)
        new: list[dict[str, Any]] = []
        updated: list[dict[str, Any]] = []
        for task, digest in zip(tasks, digests, strict=True):
            outcome = unread.get(task.path, digest)
            values = sample_rows.sample_values(task.found, task.root.id)
            if isinstance(outcome, SampleError):
                if task.root.id in self._absent or _is_vanished(task):
                    continue
                # What is known of its bytes is kept: they may be readable again tomorrow.
                content_id = task.known.content_id if task.known else None
                content = KnownContent(content_id or 0, outcome.reason)
                values |= {"content_id": content_id, "failure": outcome.reason}
            elif outcome in contents:
                content = contents[outcome]
                values |= {"content_id": content.id, "failure": None}
            else:  # stopped before its turn, or changed meanwhile: the next scan sees it
                continue
            self._sort(task, values, content, new, updated)
        sample_rows.insert_samples(connection, new)
        sample_rows.update_samples(connection, updated)
        self._touched.update(row["content_id"] for row in new + updated if row["content_id"])

    def _sort(
        self,
        task: Task,
        values: dict[str, Any],
        content: KnownContent,
        new: list[dict[str, Any]],
        updated: list[dict[str, Any]],
    ) -> None:
        """Put a sample's row where it belongs, and count it."""
        known, content_id = task.known, values["content_id"]
        moved = self._claim(content_id, values["name"]) if known is None else None
        row = known or moved
        if row:
            updated.append({**values, "id": row.id})
        else:
            new.append(values)
        is_same = known is not None and known.content_id == content_id
        was_failed = known is not None and known.failed
        if content.failure is not None:
            kind, is_news = "failed", not (is_same and was_failed)
        elif known is None:
            kind, is_news = "moved" if moved else "new", True
        else:
            is_news = not is_same or was_failed
            kind = "changed" if is_news else "unchanged"
        setattr(self.summary, kind, getattr(self.summary, kind) + 1)
        if is_news:
            was = join(self._root_paths[moved.root_id], moved.path) if moved else None
            what = (content.class_code, content.probability, content.duration_s, content.failure)
            self._changes.append(Change(kind, task.path, was, *what))

    def _claim(self, content_id: int | None, name: str) -> Known | None:
        """A missing sample of this content, rather one of the same name: it has moved here."""
        candidates = self._missing.get(content_id) if content_id is not None else None
        if not candidates:
            return None
        same = [k for k in candidates if os.path.basename(k.path) == name]  # noqa: PTH119
        chosen = (same or candidates)[0]
        candidates.remove(chosen)
        return chosen

    def note_removed(self, gone: Sequence[Known]) -> None:
        """Count samples that were removed."""
        self.summary.removed += len(gone)
        for known in gone:
            path = join(self._root_paths[known.root_id], known.path)
            self._changes.append(Change("removed", path))

    def report_commit(self) -> None:
        """After a commit: pass on what was recorded."""
        if self._changes:
            self._on_commit(self._changes)
            self._changes = []

    def take_unclaimed(self, root_ids: set[int]) -> list[Known]:
        """Missing samples of these roots that turned up nowhere else; they are forgotten here."""
        missing = [known for group in self._missing.values() for known in group]
        self._missing.clear()
        return [known for known in missing if known.root_id in root_ids]

    def take_touched(self) -> set[int]:
        """Contents that samples had or got since this was last asked."""
        touched, self._touched = self._touched, set()
        return touched


def _is_vanished(task: Task) -> bool:
    """Whether a new file is gone again, before it was read: it has not been there."""
    return task.known is None and not os.path.lexists(task.path)


class _StoppedError(Exception):
    """The scan was asked to end early."""
