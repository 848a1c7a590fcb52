"""The engine that a process keeps: its network and its worker processes, made once."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from libindex.errors import ModelError
from libindex.settings import Settings

if TYPE_CHECKING:
    from libindex.analysis.pipeline import Result
    from libindex.network.modelfile import ModelFile

    PipelineFactory = Callable[[ModelFile, Settings], "AnyPipeline"]
    """Makes a pipeline for a network; `load_pipeline`, or another."""

_Stamp = list[tuple[int, int, int]]


class AnyPipeline(Protocol):
    """What `libindex.analysis.pipeline.Pipeline` does, and whatever stands in for it."""

    def submit(self, paths: Sequence[str]) -> None:
        """Have files analysed."""

    def results(self) -> "list[Result]":
        """Wait for some results."""

    def analyse(self, paths: Sequence[str]) -> "Iterator[Result]":
        """Both in one: a result for each file."""

    def cancel(self) -> None:
        """Drop what has no result yet, and end the processes until they are needed again."""

    def close(self) -> None:
        """End the processes for good."""


def load_pipeline(model: "ModelFile", settings: Settings) -> AnyPipeline:
    """The pipeline factory where no other is given: torch, and processes that decode."""
    from libindex.analysis.pipeline import Pipeline

    return Pipeline.load(model, settings.device, settings.jobs, settings.file_timeout_s)


class Engine(contextlib.AbstractContextManager["Engine"]):
    """A network and its pipeline, made when they are first needed and kept until `close`.

    Any number of threads may use it. Those that analyse a few files take turns, but never wait
    for a thread that has the pipeline for long (a scan): a second one is made for them then.

    Parameters
    ----------
    settings : Settings
        Which network, and how to analyse.
    pipeline_factory : callable, optional
        Makes a pipeline of a `ModelFile` and `Settings`; by default `load_pipeline`.
    """

    def __init__(
        self, settings: Settings, pipeline_factory: "PipelineFactory | None" = None
    ) -> None:
        self.settings = settings
        self._factory = pipeline_factory
        self._turn = threading.Lock()  # of `analyse`
        self._lock = threading.Lock()  # of what follows; never held for long
        self._known: tuple[_Stamp, ModelFile, str] | None = None
        self._idle: tuple[str, AnyPipeline] | None = None
        self._is_closed = False

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def model(self) -> "ModelFile":
        """The network's description, as its files are now; raises `ModelError`."""
        return self._read()[0]

    @property
    def fingerprint(self) -> str:
        """The network's identity, as `ModelFile.fingerprint`; raises `ModelError`."""
        return self._read()[1]

    def require(self, fingerprint: str, name: str) -> None:
        """Raise `ModelError` unless this is the network: results of two are never compared."""
        if self.fingerprint != fingerprint:
            raise ModelError(
                f"the library was scanned with another network ({name}); "
                "scan it with this one, or name that one with --model"
            )

    @contextlib.contextmanager
    def pipeline(self) -> Iterator[AnyPipeline]:
        """The pipeline, for this thread alone; raises `ModelError`."""
        model, fingerprint = self._read()
        pipeline = self._take(fingerprint) or (self._factory or load_pipeline)(model, self.settings)
        try:
            yield pipeline
        except BaseException:  # it is not used again: nobody knows what is left in it
            pipeline.close()
            raise
        self._put_back(fingerprint, pipeline)

    def analyse(self, paths: Sequence[str]) -> "list[Result]":
        """Analyse a few files: an Analysis or SampleError for each, in no particular order.

        Raises
        ------
        ModelError
            If the network can't be loaded.
        """
        if not paths:
            return []
        with self._turn, self.pipeline() as pipeline:
            return list(pipeline.analyse(paths))

    def close(self) -> None:
        """End the processes and drop the network; from now on nothing is kept."""
        with self._lock:
            kept, self._idle, self._is_closed = self._idle, None, True
        if kept:
            kept[1].close()

    def _take(self, fingerprint: str) -> AnyPipeline | None:
        """The kept pipeline, unless another thread has it or it is of another network."""
        with self._lock:
            kept, self._idle = self._idle, None
        if kept and kept[0] != fingerprint:
            kept[1].close()
            return None
        return kept[1] if kept else None

    def _put_back(self, fingerprint: str, pipeline: AnyPipeline) -> None:
        with self._lock:
            is_kept = self._idle is None and not self._is_closed
            if is_kept:
                self._idle = fingerprint, pipeline
        if not is_kept:
            pipeline.close()

    def _read(self) -> "tuple[ModelFile, str]":
        from libindex.network.modelfile import ModelFile

        stamp = _stamp(self.settings.model)
        with self._lock:
            known = self._known
        if known is None or known[0] != stamp:
            model = ModelFile.read(self.settings.model)
            known = stamp, model, model.fingerprint
            with self._lock:
                self._known = known
        return known[1:]


def _stamp(model: str) -> _Stamp:
    """What changes with a network's files; empty for those that are not there."""
    found = []
    for path in (Path(model), Path(model).with_suffix(".json")):
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found
