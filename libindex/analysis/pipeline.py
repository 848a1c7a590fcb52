"""From files to analyses: decoded in parallel, classified in batches."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from libindex.analysis.results import Analysis
from libindex.analysis.workers import WorkerPool
from libindex.errors import SampleError
from libindex.network.modelfile import ModelFile
from libindex.sound.preparation import Prepared, Preparer

if TYPE_CHECKING:
    from libindex.network.analyser import Analyser

Result = Analysis | SampleError

_WINDOW = 256  # sounds that the network gets at once
_AHEAD = 768  # files submitted ahead by `analyse`: bounds the memory of waiting mel spectrograms
_MAX_WAIT_S = 0.5  # how long `results` gathers before it returns to its caller


class Pipeline(contextlib.AbstractContextManager["Pipeline"]):
    """Files in, analyses out; keeps its processes and its network between calls.

    For one thread at a time: see `libindex.analysis.engine.Engine`.

    Parameters
    ----------
    load : callable
        Loads the network, an `Analyser`. It is called at once, in another thread: the first
        files are decoded meanwhile.
    workers : WorkerPool
        Processes that prepare files for the same mel parameters.
    """

    def __init__(self, load: Callable[[], "Analyser"], workers: WorkerPool) -> None:
        self._workers = workers
        self._window: list[Prepared] = []
        self._coming: Future[list[Result]] | None = None
        self._coming_size = 0
        self._threads_before: int | None = None
        self._thread = ThreadPoolExecutor(1, "network")  # all of torch's work is done there
        self._analyser: Future[Analyser] = self._thread.submit(self._load, load)

    @classmethod
    def start(cls, analyser: "Analyser", jobs: int, timeout_s: float) -> "Pipeline":
        """Make a pipeline with its own worker processes.

        Parameters
        ----------
        analyser : Analyser
            The network.
        jobs : int
            Number of processes that decode.
        timeout_s : float
            How long one file may take to decode [s].
        """
        workers = WorkerPool(Preparer(analyser.model.log_mel()), jobs, timeout_s)
        return cls(lambda: analyser, workers)

    @classmethod
    def load(cls, model: ModelFile, device: str, jobs: int, timeout_s: float) -> "Pipeline":
        """Make a pipeline that loads its network while the first files are decoded.

        Parameters
        ----------
        model : ModelFile
            The network; where it can't be loaded, the first `results` raise `ModelError`.
        device : str
            Where it runs; see `Analyser`.
        jobs, timeout_s
            As for `start`.

        Raises
        ------
        ModelError
            If its weights can't be read.
        """

        def analyser() -> "Analyser":
            from libindex.network.analyser import Analyser  # the second and a half that torch takes

            return Analyser.load(model.path, device)

        return cls(analyser, WorkerPool(Preparer(model.log_mel()), jobs, timeout_s))

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes for good, and drop what was submitted and has no result."""
        self.cancel()
        with contextlib.suppress(RuntimeError):  # closed already
            self._thread.submit(self._restore_threads)
        self._thread.shutdown()

    def submit(self, paths: Sequence[str]) -> None:
        """Have files analysed; `results` has one result for each."""
        self._workers.submit(paths)

    @property
    def waiting(self) -> int:
        """How many of the submitted files have no result yet."""
        return self._workers.waiting + len(self._window) + self._coming_size

    def results(self) -> list[Result]:
        """Wait for some results.

        Returns
        -------
        list of Analysis or SampleError
            In no particular order; empty if there was none for a moment. A result does not
            depend on which other files are analysed with it.

        Raises
        ------
        ModelError
            If the network can't be loaded.
        LibindexError
            If no process can be started.
        """
        errors: list[Result] = []
        end = time.monotonic() + _MAX_WAIT_S
        while self._workers.waiting and len(self._window) + len(errors) < _WINDOW:
            answer = self._workers.answer(max(0.0, end - time.monotonic()))
            if answer is None:  # slow files must not hold up the results of others
                break
            if isinstance(answer, SampleError):
                errors.append(answer)
            else:
                self._window.append(answer)
        return errors + self._exchange()

    def cancel(self) -> None:
        """Drop what has no result yet, and end the processes until they are needed again."""
        self._workers.close()
        self._window, self._coming, self._coming_size = [], None, 0

    def analyse(self, paths: Sequence[str]) -> Iterator[Result]:
        """Analyse files: `submit` and `results` in one.

        Parameters
        ----------
        paths : sequence of str
            The files.

        Yields
        ------
        Analysis or SampleError
            One for each path, in no particular order.
        """
        try:
            for start in range(0, len(paths), _WINDOW):
                self.submit(paths[start : start + _WINDOW])
                while self.waiting > _AHEAD:
                    yield from self.results()
            while self.waiting:
                yield from self.results()
        finally:
            if self.waiting:
                self.cancel()

    def _exchange(self) -> list[Result]:
        """Pass the window to the network, and take the results of the one before.

        So the network works on the next sounds while the caller records these.
        """
        window, self._window = self._window, []
        coming = self._coming
        self._coming = self._thread.submit(self._classify, window) if window else None
        self._coming_size = len(window)
        if not self.waiting:
            self._analyser.result()  # raises even where no file got as far as the network
        return coming.result() if coming else []

    def _classify(self, window: list[Prepared]) -> list[Result]:
        output = self._analyser.result().analyse([prepared.mel for prepared in window])
        scores = output.percussion
        percussion = [None] * len(window) if scores is None else scores.tolist()
        return [
            Analysis(one.path, one.digest, one.facts, probabilities, latent, score, one.outline)
            for one, probabilities, latent, score in zip(
                window, output.probabilities, output.latents, percussion, strict=True
            )
        ]

    def _load(self, load: Callable[[], "Analyser"]) -> "Analyser":
        analyser = load()
        import torch

        # The decoders need most of the cores; on two, a second thread of the network only takes
        # turns with them. The number is torch's own, for the whole process.
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 3))
        return analyser

    def _restore_threads(self) -> None:
        if self._threads_before is not None:
            import torch

            torch.set_num_threads(self._threads_before)
