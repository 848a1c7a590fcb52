"""One scan's work: which files to read, and what to record of them."""

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from libindex.analysis.results import Analysis
from libindex.disk.comparing import Changes, Known
from libindex.disk.walk import Found
from libindex.errors import SampleError
from libindex.indexing import records
from libindex.indexing.roots import Target, is_present
from libindex.indexing.summary import Change, ScanSummary
from libindex.store import batches
from libindex.store.roots import Root
from libindex.store.schema import analyses, contents


@dataclass(frozen=True, slots=True)
class Task:
    """A file to read: new if it is not `known`; `again` if an earlier failure is no excuse."""

    root: Root
    found: Found
    known: Known | None = None
    again: bool = False

    @property
    def path(self) -> str:
        return os.path.join(self.root.path, self.found.path)  # noqa: PTH118


class Run:
    """What one scan has to remember between its chunks.

    Parameters
    ----------
    network : records.Network
        The network that hears what is new.
    summary : ScanSummary
        Is kept up to date.
    recorded : callable
        Called with the changes of each transaction, after it was committed.
    """

    def __init__(
        self,
        network: records.Network,
        summary: ScanSummary,
        recorded: Callable[[list[Change]], None] = lambda _: None,
    ) -> None:
        self.network = network
        self.summary = summary
        self._recorded = recorded
        self._changes: list[Change] = []
        self._missing: dict[int | None, list[Known]] = defaultdict(list)
        self._touched: set[int] = set()
        self._absent: set[int] = set()
        self._root_paths: dict[int, str] = {}

    def plan(
        self, connection: Connection, target: Target, changes: Changes, retry_failed: bool
    ) -> Iterator[Task]:
        """What has to be read of a root; counts what has not."""
        self._root_paths[target.root.id] = target.root.path
        for known in changes.missing:
            self._missing[known.content_id].append(known)
        had = [*changes.missing, *(known for known, _ in changes.changed)]
        self._touched.update(known.content_id for known in had if known.content_id)
        yield from (Task(target.root, found) for found in changes.new)
        for known, found in changes.changed:
            yield Task(target.root, found, known, again=retry_failed and known.failed)
        contents_here = {known.content_id for known in changes.unchanged}
        unheard = unheard_contents(connection, self.network.id, contents_here)
        for known in changes.unchanged:
            again = retry_failed and known.failed
            if again or known.content_id in unheard:
                unheard.discard(known.content_id)
                found = Found(known.path, known.stamp, known.is_settled)
                yield Task(target.root, found, known, again)
            elif known.failed:
                self.summary.failed += 1
            else:
                self.summary.unchanged += 1

    def note_absences(
        self,
        tasks: list[Task],
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
            if root.id not in self._absent and not is_present(root):
                self._absent.add(root.id)
                self.summary.offline.append(root.path)

    def record(
        self,
        connection: Connection,
        tasks: list[Task],
        digests: Sequence[bytes | SampleError | None],
        results: Sequence[Analysis | SampleError],
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
                if task.root.id in self._absent or _is_vanished(task):
                    continue
                # What is known of its bytes is kept: they may be readable again tomorrow.
                content_id = task.known.content_id if task.known else None
                values |= {"content_id": content_id, "failure": outcome.reason}
            elif outcome in content_ids:
                values |= {"content_id": content_ids[outcome], "failure": None}
            else:  # stopped before its turn, or changed meanwhile: the next scan sees it
                continue
            bad = isinstance(outcome, SampleError) or outcome in failed
            self._sort(task, values, bad, new, updated)
        records.insert_samples(connection, new)
        records.update_samples(connection, updated)
        self._touched.update(row["content_id"] for row in new + updated if row["content_id"])

    def _sort(
        self,
        task: Task,
        values: dict[str, Any],
        bad: bool,
        new: list[dict[str, Any]],
        updated: list[dict[str, Any]],
    ) -> None:
        """Put a sample's row where it belongs, and count it."""
        content_id = values["content_id"]
        moved = self._claim(content_id, values["name"]) if task.known is None else None
        is_same = task.known is not None and task.known.content_id == content_id
        if task.known or moved:
            updated.append({**values, "id": (task.known or moved).id})  # type: ignore[union-attr]
        else:
            new.append(values)
        was_failed = task.known is not None and task.known.failed
        if bad:
            kind = "failed"
        elif moved:
            kind = "moved"
        elif task.known is None:
            kind = "new"
        else:
            kind = "unchanged" if is_same and not was_failed else "changed"
        setattr(self.summary, kind, getattr(self.summary, kind) + 1)
        if not (kind == "unchanged" or (bad and is_same and was_failed)):
            was = os.path.join(self._root_paths[moved.root_id], moved.path) if moved else None  # noqa: PTH118
            self._changes.append(Change(kind, task.path, was))

    def _claim(self, content_id: int | None, name: str) -> Known | None:
        """A missing sample of this content, rather one of the same name: it has moved here."""
        candidates = self._missing.get(content_id) if content_id is not None else None
        if not candidates:
            return None
        same = [k for k in candidates if os.path.basename(k.path) == name]  # noqa: PTH119
        chosen = (same or candidates)[0]
        candidates.remove(chosen)
        return chosen

    def note_removed(self, gone: list[Known]) -> None:
        """Count samples that were removed."""
        self.summary.removed += len(gone)
        for known in gone:
            path = os.path.join(self._root_paths[known.root_id], known.path)  # noqa: PTH118
            self._changes.append(Change("removed", path))

    def tell(self) -> None:
        """After a commit: pass on what was recorded."""
        if self._changes:
            self._recorded(self._changes)
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


def unheard_contents(
    connection: Connection, network_id: int, among: Collection[int | None] | None = None
) -> set[int | None]:
    """Contents that could be analysed, and that this network has not heard.

    Parameters
    ----------
    connection : Connection
        A transaction.
    network_id : int
        The network.
    among : collection of int or None, optional
        The contents that matter; of few, only those are looked up.
    """
    heard = (
        select(analyses.c.id)
        .where(analyses.c.content_id == contents.c.id, analyses.c.network_id == network_id)
        .exists()
    )
    query = select(contents.c.id).where(contents.c.failure.is_(None), ~heard)
    if among is not None and len(among) <= batches.SIZE:
        query = query.where(contents.c.id.in_(among))
    return set(connection.execute(query).scalars())


def _failed_digests(connection: Connection, content_ids: dict[bytes, int]) -> set[bytes]:
    ids = list(content_ids.values())
    query = select(contents.c.digest).where(contents.c.id.in_(ids), contents.c.failure.is_not(None))
    return set(connection.execute(query).scalars())
