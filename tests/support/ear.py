"""What analyses in tests that are about something else."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from support.facts import make_facts

from libindex.analysis.results import Analysis
from libindex.errors import SampleError
from libindex.instruments import CODES
from libindex.network.modelfile import ModelFile
from libindex.settings import Settings
from libindex.sound.digests import read_and_digest
from libindex.sound.facts import FACETS

LATENT_SIZE = 16  # of the network of `small_model`


class Ear:
    """A factory of pipelines whose results are made from a file's digest, at no cost.

    Bytes that begin with "bad" are no audio. `analysed` has every path that it was given, and
    `before` is called with each of them. It says what is percussion if it `has_percussion_score`.
    `made` counts its pipelines, `open` those that are not closed.
    """

    def __init__(self, *, has_percussion_score: bool = False) -> None:
        self.analysed: list[str] = []
        self.before: Callable[[str], object] = lambda _path: None
        self.has_percussion_score = has_percussion_score
        self.made = 0
        self.open = 0

    def __call__(self, _model: ModelFile, _settings: Settings) -> "EarPipeline":
        self.made += 1
        self.open += 1
        return EarPipeline(self)

    def analyse(self, path: str) -> Analysis | SampleError:
        self.before(path)
        self.analysed.append(path)
        return self.result(path)

    def result(self, path: str) -> Analysis | SampleError:
        """What becomes of a file; nothing is noted."""
        try:
            data, digest, size = read_and_digest(path)
        except OSError as error:
            return SampleError(f"can't be read ({error.strerror})", path)
        if data is None or data.startswith(b"bad"):
            return SampleError("is not audio", path, digest, size)
        rng = np.random.default_rng(list(digest))
        duration_s, peak, loudness, centroid = rng.uniform(
            (0, 0, -60, 50), (5, 1, 0, 9000)
        ).tolist()
        probabilities = rng.dirichlet(np.full(len(CODES), 0.1)).astype(np.float32)
        latent = rng.standard_normal(LATENT_SIZE).astype(np.float32)
        percussion = float(rng.random()) if self.has_percussion_score else None
        known = {
            "size_bytes": size,
            "duration_s": duration_s,
            "centroid_hz": centroid,
            "loudness_dbfs": loudness,
            "peak": peak,
        }
        # Other facets differ from file to file too, so that tests can filter and sort by them.
        others = {facet.key: facet.kind(1000 * rng.random()) for facet in FACETS}
        facts = make_facts(**others | known)
        return Analysis(path, digest, facts, probabilities, latent, percussion)


class EarPipeline:
    """A pipeline that analyses with an `Ear`. Each has a queue of its own, as real ones have."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._waiting: list[str] = []

    def submit(self, paths: Sequence[str]) -> None:
        self._waiting += paths

    def results(self) -> list[Analysis | SampleError]:
        return [self._ear.analyse(self._waiting.pop(0))]

    def analyse(self, paths: Sequence[str]) -> Iterator[Analysis | SampleError]:
        self.submit(paths)
        while self._waiting:
            yield from self.results()

    def cancel(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self.cancel()
        self._ear.open -= 1
