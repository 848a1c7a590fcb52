"""Processes that prepare files, so that a decoder that hangs or crashes costs one file only.

Each worker is a child process that reads batches of paths from its standard input and answers
with one `Prepared` or `SampleError` for each, in order: when it dies, the first path without an
answer is the one that killed it, and a new worker goes on with the next. A worker that computes
for too long over one file ends itself. What counts is its own processor time, so that no file
fails because the machine was busy, or stopped for a while; the clock, which a disk that does not
answer lets run on, may go ten times as far.
"""

import contextlib
import pickle
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from libindex.analysis.children import CLOSED, Child, Parent
from libindex.disk import posix
from libindex.errors import TOOK_TOO_LONG, LibindexError, SampleError
from libindex.sound.digests import digest_and_size
from libindex.sound.preparation import Prepared, Preparer

Answer = Prepared | SampleError

_BATCH = 8  # paths sent at once: hides the pipe's latency, keeps the workers evenly busy
_CLOCK_FACTOR = 10  # how much longer than its processor time a file may take by the clock
_START_ATTEMPTS = 3
_NICENESS = 10  # the network, which all wait for, goes first; and so does the user's own work
_PROGRAM = "from libindex.analysis.workers import main; main()"
# Signals by which a decoder dies of a file. Others come from outside: the file is innocent.
_CRASH_SIGNALS = (4, 6, 7, 8, 10, 11)  # ILL, ABRT, BUS, FPE, BUS on macOS, SEGV
# One thread each, since there is a process for every core.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_CRASHES = {-number for number in _CRASH_SIGNALS} | {128 + number for number in _CRASH_SIGNALS}


class WorkerPool(contextlib.AbstractContextManager["WorkerPool"]):
    """A fixed number of worker processes, started when first needed.

    Parameters
    ----------
    preparer : Preparer
        What they do with each path.
    jobs : int
        How many processes.
    timeout_s : float
        How much processor time one file may take [s].
    """

    def __init__(self, preparer: Preparer, jobs: int, timeout_s: float) -> None:
        pickle.dumps(preparer)  # what can't be sent is the caller's mistake
        self._preparer, self._jobs, self._timeout_s = preparer, jobs, timeout_s
        self._crew = self._new_crew()
        self.waiting = 0
        """How many of the submitted paths have not been answered yet."""

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, paths: Sequence[str]) -> None:
        """Have files prepared, in parallel; each will have one `answer`."""
        self.waiting += len(paths)
        self._crew.take_on(paths, -(-self.waiting // _BATCH))

    def answer(self, timeout_s: float | None = None) -> Answer | None:
        """Wait for the next of the answers, which come in the order in which they are done.

        Parameters
        ----------
        timeout_s : float, optional
            Give up after so long [s].

        Returns
        -------
        Prepared or SampleError or None
            None after the timeout.

        Raises
        ------
        LibindexError
            If no process can be started. Nothing is waited for then.
        """
        try:
            answer = self._crew.answers.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(answer, BaseException) and not isinstance(answer, SampleError):
            self.close()
            raise answer
        self.waiting -= 1
        return answer

    def close(self) -> None:
        """End the processes, and with them what is waited for; others start when needed."""
        crew, self._crew, self.waiting = self._crew, self._new_crew(), 0
        crew.dismiss()

    def _new_crew(self) -> "_Crew":
        return _Crew([_Worker(self._preparer, self._timeout_s) for _ in range(self._jobs)])


class _Crew:
    """Workers, a thread for each that feeds it, and the queues between them and the pool."""

    def __init__(self, workers: "list[_Worker]") -> None:
        self.workers = workers
        # Neither is bounded: the pool's user decides how much is submitted ahead.
        self.answers: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._work: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def take_on(self, paths: Sequence[str], needed: int) -> None:
        """Cut work into batches for whichever worker is free; `needed` are enough for all of it."""
        for start in range(0, len(paths), _BATCH):
            self._work.put(list(paths[start : start + _BATCH]))
            if len(self._threads) < min(needed, len(self.workers)):
                worker = self.workers[len(self._threads)]
                thread = threading.Thread(target=self._serve, args=(worker,), daemon=True)
                thread.start()
                self._threads.append(thread)

    def dismiss(self) -> None:
        """End all processes and threads; the work that is left is not done."""
        for worker in self.workers:
            worker.dismiss()
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
        for worker in self.workers:
            worker.stop()

    def _serve(self, worker: "_Worker") -> None:
        """One thread for one worker: feed it until it is dismissed."""
        try:
            while (batch := self._work.get()) and not worker.is_dismissed:
                pending = deque(batch)
                while pending and not worker.is_dismissed:
                    for answer in worker.prepare(pending):
                        pending.popleft()
                        self.answers.put(answer)
                    if pending and not worker.is_dismissed:
                        self.answers.put(worker.obituary(pending.popleft()))
        except BaseException as error:  # noqa: BLE001 - carried over to the consumer's thread
            self.answers.put(error)


class _Worker:
    """One child process, started again after it died."""

    def __init__(self, preparer: Preparer, timeout_s: float) -> None:
        self._instructions = (preparer, timeout_s)
        self._timeout_s = timeout_s
        self.child: Child | None = None
        self._lock = threading.Lock()  # one thread starts processes, another dismisses them
        self.is_dismissed = False

    def prepare(self, paths: Iterable[str]) -> Iterator[Answer]:
        """Answers for `paths`, in order; fewer if the process dies on the way."""
        child, todo = self._instructed(), list(paths)
        with contextlib.suppress(*CLOSED):
            child.send(todo)
            for _ in todo:
                yield child.receive()

    def obituary(self, path: str) -> SampleError:
        """What to record of the file on which the process died.

        Only a crash is held against the bytes. What is about the moment has no digest: the next
        scan tries the file again.
        """
        status = self.child.wait() if self.child else 0
        self.stop()
        limit = posix.limit_hit(status or 0)
        if limit:
            limit_s = self._timeout_s * (_CLOCK_FACTOR if limit == "clock" else 1)
            what = "decode" if limit == "cpu" else "read and decode"
            return SampleError(f"{TOOK_TOO_LONG} {limit_s:g} s to {what}", path)
        if status not in _CRASHES:
            return SampleError(f"was not decoded: the decoder was ended (status {status})", path)
        try:
            digest, size = digest_and_size(path)
        except OSError as error:
            return SampleError(f"can't be read ({error.strerror})", path)
        return SampleError(f"crashed the decoder (exit status {status})", path, digest, size)

    def start(self) -> None:
        """Start the process if it does not run; this does not wait for it."""
        with self._lock:
            if self.is_dismissed:
                raise LibindexError("the decoders were ended")
            if self.child and self.child.is_running:
                return
            self._stop()
            # Quiet: libmpg123 and others print their warnings.
            child = Child(_PROGRAM, quiet=True, **_ONE_THREAD)
            self.child = child
            child.send(self._instructions)

    def stop(self) -> None:
        """End the process; it has nothing to lose."""
        with self._lock:
            self._stop()

    def dismiss(self) -> None:
        """End the process for good, from another thread: the worker's own sees it die."""
        with self._lock:
            self.is_dismissed = True
            if self.child:
                self.child.kill()

    def _stop(self) -> None:
        child, self.child = self.child, None
        if child:
            child.close()

    def _instructed(self) -> Child:
        """The process, which knows what to do with each path."""
        for _ in range(_START_ATTEMPTS):
            try:
                self.start()
                if self.child:
                    return self.child
            except OSError:
                self.stop()
        raise LibindexError(f"can't start {sys.executable} to decode files")


def main() -> None:
    """Run as a worker: serve batches until standard input ends."""
    posix.lower_priority(_NICENESS)
    parent = Parent()
    prepare, timeout_s = parent.receive()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            for path in parent.receive():
                posix.limit_time(timeout_s, timeout_s * _CLOCK_FACTOR)
                answer = _guarded(prepare, path)
                posix.lift_limit()
                parent.send(answer)


def _guarded(prepare: Preparer, path: str) -> Answer:
    try:
        return prepare(path)
    except SampleError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a strange file causes is its own fault
        reason = f"can't be analysed ({type(error).__name__}: {error})".replace("\n", " ")
        digest = size = None
        with contextlib.suppress(OSError):
            digest, size = digest_and_size(path)
        return SampleError(reason, path, digest, size)
