"""Many files: decoded in parallel, through the network in batches of similar length."""

import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from libindex.analysis import Analysis
from libindex.errors import SampleError
from libindex.modelfile import ModelFile
from libindex.preparation import Prepared, Preparer
from libindex.workers import WorkerPool

if TYPE_CHECKING:
    from libindex.analyser import Analyser

_WINDOW = 128  # files among which those of similar length are put together
_BATCH_FRAMES = 2048  # bounds the memory of the first convolution's output (14 KB a frame)


class Pipeline:
    """Files in, analyses out; keeps its processes and its network between calls.

    Parameters
    ----------
    analyser : Analyser
        The network.
    workers : WorkerPool
        Processes that prepare files for the same mel parameters.
    """

    def __init__(self, analyser: "Analyser", workers: WorkerPool) -> None:
        import torch

        self.analyser = analyser
        self._workers = workers
        # The decoders need most of the cores; on two, a second thread of the network only
        # takes turns with them. The number is torch's own, for the whole process.
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 3))

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
        preparer = Preparer(analyser.model.log_mel())
        return cls(analyser, WorkerPool(preparer, jobs, timeout_s))

    @classmethod
    def load(
        cls, model: ModelFile, device: str, jobs: int, timeout_s: float, files: int
    ) -> "Pipeline":
        """Load a network and make a pipeline with it, whose processes start meanwhile.

        Parameters
        ----------
        model : ModelFile
            The network.
        device : str
            Where it runs; see `Analyser`.
        jobs, timeout_s
            As for `start`.
        files : int
            About how many files there will be: for a few, few processes are started.

        Raises
        ------
        ModelError
            If the network can't be loaded.
        """
        workers = WorkerPool(Preparer(model.log_mel()), jobs, timeout_s)
        try:
            workers.start(files)
            from libindex.analyser import Analyser  # the second and a half that torch takes

            return cls(Analyser.load(model.path, device), workers)
        except BaseException:
            workers.close()
            raise

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes."""
        import torch

        self._workers.close()
        torch.set_num_threads(self._threads_before)

    def analyse(self, paths: Iterable[str]) -> Iterator[Analysis | SampleError]:
        """Analyse files.

        Parameters
        ----------
        paths : iterable of str
            The files; it is read from another thread.

        Yields
        ------
        Analysis or SampleError
            One for each path, in no particular order. A result does not depend on which
            other files are analysed with it.
        """
        window: list[Prepared] = []
        for answer in self._workers.prepare(paths):
            if isinstance(answer, SampleError):
                yield answer
                continue
            window.append(answer)
            if len(window) == _WINDOW:
                yield from self._classified(window)
                window = []
        yield from self._classified(window)

    def _classified(self, window: list[Prepared]) -> Iterator[Analysis]:
        for batch in _batches(window):
            output = self.analyser.analyse([prepared.mel for prepared in batch])
            for prepared, probabilities, latent in zip(
                batch, output.probabilities, output.latents, strict=True
            ):
                yield Analysis(
                    prepared.path, prepared.digest, prepared.facts, probabilities, latent
                )


def _batches(window: list[Prepared]) -> Iterator[list[Prepared]]:
    """Batches by rising length, each within `_BATCH_FRAMES` after padding."""
    batch: list[Prepared] = []
    for prepared in sorted(window, key=lambda p: len(p.mel)):
        if batch and (len(batch) + 1) * len(prepared.mel) > _BATCH_FRAMES:
            yield batch
            batch = []
        batch.append(prepared)
    if batch:
        yield batch
