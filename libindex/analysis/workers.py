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
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, cast

from libindex.errors import LibindexError, SampleError
from libindex.sound.digests import digest_of
from libindex.sound.preparation import Prepared, Preparer

Answer = Prepared | SampleError

_BATCH = 8  # paths sent at once: hides the pipe's latency, keeps the workers evenly busy
_LONGEST_S = 1e6  # more overflows the watchdog's clock
_START_ATTEMPTS = 3
_NICENESS = 10  # the network, which all wait for, goes first; and so does the user's own work
_TIMEOUT_EXIT = -signal.SIGALRM
_PROGRAM = "from libindex.analysis.workers import main; main()"
# Signals by which a decoder dies of a file. Others come from outside: the file is innocent.
_CRASH_SIGNALS = (4, 6, 7, 8, 10, 11)  # ILL, ABRT, BUS, FPE, BUS on macOS, SEGV
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
        How long one file may take [s].
    """

    def __init__(self, preparer: Preparer, jobs: int, timeout_s: float) -> None:
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
        self._instructions = pickle.dumps((preparer, timeout_s))
        self._is_instructed = False
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # one thread starts processes, another dismisses them
        self.is_dismissed = False

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
        with self._lock:
            if self.is_dismissed:
                raise LibindexError("the decoders were ended")
            if self._process and self._process.poll() is None:
                return
            self._stop()
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
        with self._lock:
            self._stop()

    def dismiss(self) -> None:
        """End the process for good, from another thread: the worker's own sees it die."""
        with self._lock:
            self.is_dismissed = True
            if self._process:
                self._process.kill()

    def _stop(self) -> None:
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
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
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
