"""Describing a file that is not in the library."""

import time

from libindex.analysis.engine import Engine
from libindex.errors import SampleError
from libindex.paths import PathLike, absolute
from libindex.queries.inspect import SampleInfo


def describe(engine: Engine, file: PathLike) -> SampleInfo:
    """Analyse a file, and describe it as `info` describes a sample.

    Raises
    ------
    SampleError
        If it can't be analysed.
    ModelError
        If the network can't be loaded.
    """
    [result] = engine.analyse([absolute(file)])
    if isinstance(result, SampleError):
        raise result
    outputs = zip(engine.model.classes, result.probabilities.tolist(), strict=True)
    return SampleInfo(
        path=result.path,
        root=None,
        is_online=True,
        added_at=None,
        digest=result.digest.hex(),
        size_bytes=result.facts.size_bytes,
        failure=None,
        facts=result.facts,
        analysed_at=int(time.time()),
        percussion=result.percussion,
        probabilities=dict(sorted(outputs, key=lambda output: -output[1])),
        copies=(),
    )
