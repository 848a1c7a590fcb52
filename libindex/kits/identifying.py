"""The classes of a kit's samples: from the library if it has the same bytes, else analysed now."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection

from libindex.analysis.engine import Engine
from libindex.analysis.results import Analysis
from libindex.kits.kit import Kit, Voice
from libindex.queries import Network
from libindex.queries.sounds import probabilities_of
from libindex.sound.digests import digest_of

Probabilities = Mapping[str, float]
"""By class, the most probable first."""


def unidentified(kit: Kit) -> list[str]:
    """The samples of a kit that have no class, or no probability of it."""
    return sorted({v.sample for v in kit.voices if v.class_code is None or v.probability is None})


def known_probabilities(
    connection: Connection | None, network: Network | None, paths: Iterable[str]
) -> dict[str, Probabilities]:
    """The probabilities of files whose bytes are in the library, wherever the files are.

    Returns
    -------
    dict of str to dict
        By path; empty for unknown files. Files that can't be read are left out.
    """
    found: dict[str, Probabilities] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            digest = digest_of(path)
            found[path] = {}
            if connection is not None and network is not None:
                found[path] = probabilities_of(connection, network, digest)
    return found


def analysed_probabilities(engine: Engine, paths: Sequence[str]) -> dict[str, Probabilities]:
    """The probabilities of files that are analysed now; those that can't be are left out."""
    found: dict[str, Probabilities] = {}
    for result in engine.analyse(paths):
        if isinstance(result, Analysis):
            classes = engine.model.classes
            order = np.argsort(-result.probabilities, kind="stable")
            found[result.path] = {classes[i]: float(result.probabilities[i]) for i in order}
    return found


def identified(kit: Kit, probabilities: Mapping[str, Probabilities]) -> Kit:
    """The same kit, with a class and a probability for each sample that has none.

    Parameters
    ----------
    kit : Kit
        As it was read.
    probabilities : mapping of str to mapping
        By path of a sample.
    """
    voices = tuple(_identified(v, probabilities.get(v.sample, {})) for v in kit.voices)
    return replace(kit, voices=voices)


def _identified(voice: Voice, probabilities: Probabilities) -> Voice:
    if not probabilities or (voice.class_code is not None and voice.probability is not None):
        return voice
    code = voice.class_code or next(iter(probabilities))
    return replace(voice, class_code=code, probability=probabilities.get(code))
