"""Processes that prepare files, so that a decoder that hangs or crashes costs one file only.

Each worker is a child process that reads batches of paths from its standard input and answers
with one `Prepared` or `SampleError` for each, in order: when it dies, the first path without an
answer is the one that killed it, and a new worker goes on with the next. A worker that takes too
long over one file ends itself. (`multiprocessing` is not used because its children import
the user's main module again, which breaks scripts without a main guard.)
"""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import BinaryIO, cast

from libindex.digests import digest_of
from libindex.errors import LibindexError, SampleError
from libindex.preparation import Prepared, Preparer

Answer = Prepared | SampleError

_BATCH = 8  # paths sent at once: hides the pipe's latency, keeps the workers evenly busy
_WAITING_ANSWERS = 256  # bounds the memory of mels that the network has not yet taken
_LONGEST_S = 1e6  # more overflows the watchdog's clock
_START_ATTEMPTS = 3
_TIMEOUT_EXIT = -signal.SIGALRM
_PROGRAM = "from libindex.workers import main; main()"
# Signals by which a decoder dies of a file. Others come from outside: the file is innocent.
_CRASH_SIGNALS = (4, 6, 7, 8, 10, 11)  # ILL, ABRT, BUS, FPE, BUS on macOS, SEGV
_CRASHES = {-number for number in _CRASH_SIGNALS} | {128 + number for number in _CRASH_SIGNALS}


class WorkerPool:
    """A fixed number of worker processes, started when first needed.

    Parameters
    ----------
    preparer : Preparer
        What they do with each path.
    jobs : int
        How many processes.
    timeout_s : float
        How long one file may take [s].
    """

    def __init__(self, preparer: Preparer, jobs: int, timeout_s: float) -> None:
        self._workers = [_Worker(preparer, timeout_s) for _ in range(jobs)]

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, files: int) -> None:
        """Start as many processes as so many files need, to be ready when the work comes."""
        for worker in self._workers[: -(-files // _BATCH)]:
            worker.start()

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.stop()

    def prepare(self, paths: Iterable[str]) -> Iterator[Answer]:
        """Prepare files, in parallel.

        Parameters
        ----------
        paths : iterable of str
            Taken as workers become free, never far ahead.

        Yields
        ------
        Prepared or SampleError
            One for each path, in the order in which they are done.
        """
        work = _Batches(paths)
        answers: queue.Queue[Answer | BaseException | None] = queue.Queue(_WAITING_ANSWERS)
        threads = [
            threading.Thread(target=_serve, args=(worker, work, answers), daemon=True)
            for worker in self._workers
        ]
        for thread in threads:
            thread.start()
        running = len(threads)
        try:
            while running:
                answer = answers.get()
                if answer is None:
                    running -= 1
                elif isinstance(answer, SampleError) or not isinstance(answer, BaseException):
                    yield answer
                else:
                    raise answer
        finally:
            if running:
                self._abandon(work, answers, threads)

    def _abandon(
        self,
        work: "_Batches",
        answers: "queue.Queue[Answer | BaseException | None]",
        threads: list[threading.Thread],
    ) -> None:
        """Stop early: nobody reads the answers any more."""
        work.abandoned = True
        self.close()
        while any(thread.is_alive() for thread in threads):
            with contextlib.suppress(queue.Empty):
                answers.get(timeout=0.05)
        self.close()  # again: a thread may have been starting a process


class _Batches:
    """An iterator of paths, cut into batches for several threads."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = iter(paths)
        self._lock = threading.Lock()
        self.abandoned = False

    def take(self) -> list[str]:
        """The next paths; empty at the end."""
        with self._lock:
            return [] if self.abandoned else list(islice(self._paths, _BATCH))


def _serve(
    worker: "_Worker", work: _Batches, answers: "queue.Queue[Answer | BaseException | None]"
) -> None:
    """One thread for one worker: feed it until there is no more work."""
    try:
        while batch := work.take():
            pending = deque(batch)
            while pending:
                for answer in worker.prepare(pending):
                    pending.popleft()
                    answers.put(answer)
                if work.abandoned:
                    return
                if pending:
                    answers.put(worker.obituary(pending.popleft()))
    except BaseException as error:  # noqa: BLE001 - carried over to the consumer's thread
        answers.put(error)
    finally:
        answers.put(None)


class _Worker:
    """One child process, started again after it died."""

    def __init__(self, preparer: Preparer, timeout_s: float) -> None:
        self._instructions = pickle.dumps((preparer, timeout_s))
        self._is_instructed = False
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self, paths: Iterable[str]) -> Iterator[Answer]:
        """Answers for `paths`, in order; fewer if the process dies on the way."""
        process = self._instructed()
        stdin, stdout = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        todo = list(paths)
        try:
            pickle.dump(todo, stdin)
            stdin.flush()
            for _ in todo:
                yield pickle.load(stdout)  # noqa: S301 - our own child
        except (EOFError, OSError, pickle.UnpicklingError):
            return

    def obituary(self, path: str) -> SampleError:
        """What to record of the file on which the process died."""
        process = self._process
        code = process.wait() if process else 0
        self.stop()
        if code == _TIMEOUT_EXIT:
            reason = f"took longer than {self._timeout_s:g} s to decode"
        else:
            reason = f"crashed the decoder (exit status {code})"
        if code != _TIMEOUT_EXIT and code not in _CRASHES:
            return SampleError(f"was not decoded: the decoder was ended (status {code})", path)
        try:
            return SampleError(reason, path, digest_of(path))
        except OSError as error:
            return SampleError(f"can't be read ({error.strerror})", path)

    def start(self) -> None:
        """Start the process if it does not run; this does not wait for it."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM],  # -P: nothing from the current folder
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libmpg123 and others print their warnings there
                env=_environment(),
            )
            self._is_instructed = False

    def stop(self) -> None:
        """End the process; it has nothing to lose."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _instructed(self) -> subprocess.Popen[bytes]:
        """The process, which knows what to do with each path."""
        for _ in range(_START_ATTEMPTS):
            try:
                self.start()
                process = cast("subprocess.Popen[bytes]", self._process)
                if not self._is_instructed:
                    stdin = cast("BinaryIO", process.stdin)
                    stdin.write(self._instructions)
                    stdin.flush()
                    self._is_instructed = True
            except OSError:
                self.stop()
            else:
                return process
        raise LibindexError(f"can't start {sys.executable} to decode files")


def _environment() -> dict[str, str]:
    """One thread each, since there is a process for every core; and the same import path."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def main() -> None:
    """Run as a worker: serve batches until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent's business; its end ends us
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a C library prints is not an answer
    prepare, timeout_s = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our parent
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            for path in pickle.load(sys.stdin.buffer):  # noqa: S301 - from our parent
                # Nobody handles the signal: it ends the process even inside of a C library.
                signal.setitimer(signal.ITIMER_REAL, min(timeout_s, _LONGEST_S))
                answer = _guarded(prepare, path)
                signal.setitimer(signal.ITIMER_REAL, 0)
                pickle.dump(answer, answers)
                answers.flush()


def _guarded(prepare: Preparer, path: str) -> Answer:
    try:
        return prepare(path)
    except SampleError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a strange file causes is its own fault
        reason = f"can't be analysed ({type(error).__name__}: {error})".replace("\n", " ")
        digest = None
        with contextlib.suppress(OSError):
            digest = digest_of(path)
        return SampleError(reason, path, digest)
