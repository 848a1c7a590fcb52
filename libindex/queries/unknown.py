"""Hearing files that the library does not know, with the network that answers."""

from collections.abc import Iterator, Sequence

import numpy as np

from libindex.analysis.pipeline import Pipeline, Result
from libindex.errors import ModelError
from libindex.network.modelfile import ModelFile
from libindex.queries.lookup import Network
from libindex.settings import Settings
from libindex.sound.decoding import FloatArray


def analysed(network: Network | None, settings: Settings, paths: Sequence[str]) -> Iterator[Result]:
    """Analyse files without adding them to the library.

    Parameters
    ----------
    network : Network or None
        The network that their analyses are compared with; None if with nothing.
    settings : Settings
        Which network is at hand, and how to analyse.
    paths : sequence of str
        The files.

    Yields
    ------
    Analysis or SampleError
        One for each path, in no particular order.

    Raises
    ------
    ModelError
        If the network at hand is another one, or can't be loaded.
    """
    model = ModelFile.read(settings.model)
    if network is not None and model.fingerprint != network.fingerprint:
        raise ModelError(
            f"the library was scanned with another network ({network.name}); "
            "scan it with this one, or name that one with --model"
        )
    jobs = min(settings.jobs, max(1, len(paths)))
    with Pipeline.load(model, settings.device, jobs, settings.file_timeout_s) as pipeline:
        yield from pipeline.analyse(paths)


def unit(latent: FloatArray) -> FloatArray:
    """A latent as an embedding: of length 1, unless it is 0."""
    norm = np.linalg.norm(latent)
    return np.asarray(latent / norm if norm > 0 else latent, dtype=np.float32)
