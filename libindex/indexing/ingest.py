"""The files that a scan has to read, on their way from bytes to rows of the database."""

from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from libindex.errors import SampleError
from libindex.indexing import records
from libindex.indexing.records import KnownContent
from libindex.indexing.state import ScanState, Task
from libindex.indexing.summary import Progress
from libindex.sound.digests import digest_of
from libindex.store.batches import batched
from libindex.store.database import Database

if TYPE_CHECKING:
    from libindex.analysis.engine import AnyPipeline
    from libindex.analysis.pipeline import Result

_Digest = bytes | SampleError | None

_CHUNK = 256  # files that are read together, and whose samples are committed at once
_COMMITTED_AT_ONCE = 128  # analyses: each is some forty rows, and others who write have to wait
_AHEAD = 3  # chunks begun before the oldest has all its results, so that no decoder has to wait


@dataclass(slots=True)
class _Chunk:
    """Files that are recorded together.

    Attributes
    ----------
    tasks, digests
        The files, and what their bytes are; why they can't be read; or None, where that is
        only known when they have been analysed.
    wanted : dict of str to bytes or None
        Paths of what the network has to analyse, each content once, with their digests.
    results : list of Analysis or SampleError
        What has come of them.
    """

    tasks: Sequence[Task]
    digests: list[_Digest]
    wanted: dict[str, bytes | None]
    results: "list[Result]" = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return len(self.results) == len(self.wanted)

    def complete_digests(self) -> None:
        """Fill in the digests that came with the results."""
        found = {result.path: result.digest for result in self.results}
        self.digests = [
            found.get(task.path) if digest is None else digest
            for task, digest in zip(self.tasks, self.digests, strict=True)
        ]

    def missed(self) -> set[bytes]:
        """What should have been analysed and was not: the scan is stopped, or a file went."""
        found = {result.digest for result in self.results}
        return {digest for digest in self.wanted.values() if digest and digest not in found}


class Ingest:
    """Reads, analyses and records files, several chunks at a time, in order.

    While the network analyses the files of one chunk, those of the next are being decoded, and
    the digests of a third made.

    Parameters
    ----------
    database : Database
        Where they are recorded.
    pipeline : callable
        Gives the pipeline, which is made when there is something to analyse.
    state : ScanState
        The scan.
    """

    def __init__(
        self, database: Database, pipeline: "Callable[[], AnyPipeline]", state: ScanState
    ) -> None:
        self._database = database
        self._pipeline = pipeline
        self._state = state
        self._is_stopped = state.stop.is_set
        self._under_way: deque[_Chunk] = deque()
        self._chunk_of: dict[str, _Chunk] = {}
        self._total = 0
        self._recorded = 0
        self._in_decoders: set[bytes] = set()
        self._missed: set[bytes] = set()

    def run(self, tasks: list[Task], known_sizes: set[int], jobs: int) -> None:
        """Read files; what is done when the scan is stopped is recorded.

        Parameters
        ----------
        tasks : list of Task
            The files.
        known_sizes : set of int
            Those of their sizes that known contents have [bytes].
        jobs : int
            How many are read for their digests at once.
        """
        self._total = len(tasks)
        self._report_progress()
        if not tasks:
            return
        try:
            with closing(_with_digests(tasks, known_sizes, jobs, self._is_stopped)) as chunks:
                for some, digests in chunks:
                    self._begin(some, digests)
                    self._go_on(_AHEAD)
            self._go_on(0)
            while self._under_way:
                self._record(self._under_way.popleft())
        finally:
            if self._chunk_of:
                self._pipeline().cancel()

    def _report_progress(self) -> None:
        done = self._recorded + sum(len(chunk.results) for chunk in self._under_way)
        self._state.on_progress(Progress(done, self._total))

    def _begin(self, tasks: Sequence[Task], digests: list[_Digest]) -> None:
        """Have those files of a chunk analysed of whose bytes not enough is known yet."""
        known = self._known({digest for digest in digests if isinstance(digest, bytes)})
        wanted: dict[str, bytes | None] = {}
        for task, digest in zip(tasks, digests, strict=True):
            if digest is None:
                wanted[task.path] = None
            elif isinstance(digest, bytes) and digest not in self._in_decoders:
                content = known.get(digest)
                if content is None or content.needs_analysis(retry=task.retry):
                    self._in_decoders.add(digest)
                    wanted[task.path] = digest
        chunk = _Chunk(tasks, digests, wanted)
        self._under_way.append(chunk)
        if wanted:
            self._pipeline().submit(list(wanted))
            self._chunk_of |= dict.fromkeys(wanted, chunk)

    def _known(self, digests: set[bytes]) -> dict[bytes, KnownContent]:
        if not digests:
            return {}
        with self._database.reading() as connection:
            return records.known_contents(connection, digests, self._state.network.id)

    def _go_on(self, ahead: int) -> None:
        """Record chunks that are done; wait until no more than `ahead` are not."""
        while self._under_way and not self._is_stopped():
            if self._under_way[0].is_done:
                if not self._try_copies():
                    self._record(self._under_way.popleft())
            elif len(self._under_way) > ahead:
                for result in self._pipeline().results():
                    self._chunk_of.pop(str(result.path)).results.append(result)
            else:
                return
            self._report_progress()

    def _try_copies(self) -> bool:
        """Where a file of the oldest chunk could not be read, have a copy of it analysed."""
        found: dict[str, tuple[bytes, _Chunk]] = {}
        missed = self._under_way[0].missed()
        for chunk in self._under_way if missed else ():
            for task, digest in zip(chunk.tasks, chunk.digests, strict=True):
                if digest in missed and task.path not in chunk.wanted:
                    found[task.path] = digest, chunk
                    missed.discard(digest)
        for path, (digest, chunk) in found.items():
            chunk.wanted[path] = digest
            self._in_decoders.add(digest)
            self._chunk_of[path] = chunk
            self._pipeline().submit([path])
        return any(chunk is self._under_way[0] for _, chunk in found.values())

    def _record(self, chunk: _Chunk) -> None:
        state = self._state
        chunk.complete_digests()
        state.note_absences(chunk.tasks, chunk.digests, chunk.results)
        self._missed |= chunk.missed()
        self._missed.difference_update(r.digest for r in chunk.results if r.digest)
        self._in_decoders.difference_update(d for d in chunk.wanted.values() if d)
        distinct = {d for d in chunk.digests if isinstance(d, bytes)} - self._missed
        contents: dict[bytes, KnownContent] = {}
        *parts, last = list(batched(chunk.results, _COMMITTED_AT_ONCE)) or [()]
        for part in parts:
            ready = records.Results(part)
            with self._database.writing() as connection:
                contents |= ready.record(connection, state.network)
        ready = records.Results(last)
        with self._database.writing() as connection:
            contents |= ready.record(connection, state.network)
            rest = distinct - contents.keys()
            if rest:
                contents |= records.known_contents(connection, rest, state.network.id)
            contents = {digest: contents[digest] for digest in distinct if digest in contents}
            state.record(connection, chunk.tasks, chunk.digests, chunk.results, contents)
        state.report_commit()
        self._recorded += len(chunk.tasks)


def _with_digests(
    tasks: list[Task], known_sizes: set[int], jobs: int, is_stopped: Callable[[], bool]
) -> Generator[tuple[Sequence[Task], list[_Digest]]]:
    """Chunks of tasks with their files' digests; those of the next are made meanwhile.

    A file is read for its digest alone only if something else has its size, and may have its
    bytes: the others, most of a new library, are read once.
    """
    sizes = Counter(task.found.stamp.size_bytes for task in tasks)

    def digest(task: Task) -> _Digest:
        size = task.found.stamp.size_bytes
        has_twin = sizes[size] > 1 or size in known_sizes
        return _digest(task) if has_twin and not is_stopped() else None

    parts = list(batched(tasks, _CHUNK))
    pool = ThreadPoolExecutor(jobs)
    try:
        coming = deque(pool.map(digest, part) for part in parts[:1])
        for part, following in zip(parts, [*parts[1:], []], strict=True):
            coming.append(pool.map(digest, following))
            digests = list(coming.popleft())
            if is_stopped():
                return
            yield part, digests
    finally:
        pool.shutdown(cancel_futures=True)


def _digest(task: Task) -> bytes | SampleError:
    try:
        return digest_of(task.path)
    except OSError as error:
        return SampleError(f"can't be read ({error.strerror})", task.path)
