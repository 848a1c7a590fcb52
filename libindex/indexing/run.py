"""One scan's work: which files to read, and what to record of them."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from libindex.analysis import Analysis
from libindex.errors import SampleError
from libindex.indexing import records
from libindex.indexing.roots import Target, is_present
from libindex.indexing.summary import ScanSummary
from libindex.roots import Root
from libindex.scanner import Changes, Found, Known
from libindex.schema import analyses, contents


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
    """What one scan has to remember between its chunks."""

    def __init__(self, network: records.Network, summary: ScanSummary) -> None:
        self.network = network
        self.summary = summary
        self._missing: dict[int | None, list[Known]] = defaultdict(list)
        self._absent: set[int] = set()

    def plan(
        self, connection: Connection, target: Target, changes: Changes, retry_failed: bool
    ) -> Iterator[Task]:
        """What has to be read of a root; counts what has not."""
        for known in changes.missing:
            self._missing[known.content_id].append(known)
        yield from (Task(target.root, found) for found in changes.new)
        for known, found in changes.changed:
            yield Task(target.root, found, known, again=retry_failed and known.failed)
        unheard = unheard_contents(connection, self.network.id)
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
                if task.root.id in self._absent:
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

    def unclaimed(self, root_ids: set[int]) -> list[Known]:
        """Missing samples of these roots that turned up nowhere else."""
        missing = (known for group in self._missing.values() for known in group)
        return [known for known in missing if known.root_id in root_ids]


def unheard_contents(connection: Connection, network_id: int) -> set[int | None]:
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
