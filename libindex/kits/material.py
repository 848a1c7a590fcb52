"""What a kit can be made of: samples of the library, of a folder, or like a sound."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from libindex.analysis import Analysis
from libindex.audio import FloatArray
from libindex.digests import digest_of
from libindex.errors import SampleError
from libindex.folders import audio_files
from libindex.kits.layouts import Layout
from libindex.modelfile import ModelFile
from libindex.paths import relative_to
from libindex.queries import Filters, Network
from libindex.queries.sounds import (
    Sound,
    best_of_class,
    known_under,
    probabilities_of,
    sounds,
)
from libindex.queries.subject import file_stamp
from libindex.queries.unknown import analysed, unit
from libindex.settings import Settings

if TYPE_CHECKING:
    from libindex.neighbours import NeighbourIndex

_OF_A_CLASS = 200  # sounds of each class that are looked at
_LIKE = 40  # and where those are wanted that sound like another
_LEAST_WORTH = 0.3  # of a sound that is not at all like it
_ALL = -1


@dataclass(frozen=True, slots=True)
class Material:
    """Sounds to choose from.

    Attributes
    ----------
    classes : tuple of str
        Of the columns of the sounds' probabilities.
    sounds : list of Sound
        In order of path.
    worth : ndarray of float64, shape (sounds,)
        How welcome each is, from 0 to 1.
    errors : list of SampleError
        Files that can't be used.
    """

    classes: tuple[str, ...]
    sounds: list[Sound]
    worth: NDArray[np.float64]
    errors: list[SampleError]

    def without(self, unwanted: Callable[[Sound], bool]) -> "Material":
        """The same without some sounds."""
        kept = [i for i, sound in enumerate(self.sounds) if not unwanted(sound)]
        return replace(self, sounds=[self.sounds[i] for i in kept], worth=self.worth[kept])

    def distinct(self) -> "Material":
        """The same with the first of all byte-identical sounds only."""
        first: dict[bytes, Sound] = {}
        for sound in self.sounds:
            first.setdefault(sound.digest, sound)
        return self.without(lambda sound: first[sound.digest] is not sound)

    def under(self, folder: str) -> "Material":
        """What of it lies below a folder."""
        errors = [e for e in self.errors if relative_to(os.fspath(e.path or ""), folder)]
        return replace(
            self.without(lambda sound: relative_to(sound.path, folder) is None), errors=errors
        )


def from_library(
    connection: Connection,
    network: Network,
    filters: Filters,
    layout: Layout,
    seed: int | None = None,
) -> Material:
    """The most probable samples of every class of a layout.

    Parameters
    ----------
    connection : Connection
        A transaction.
    network : Network
        Whose opinion counts.
    filters : Filters
        What has to hold; its `min_prob` is of the pad's class.
    layout : Layout
        What is needed.
    seed : int, optional
        Look at other samples of at least `min_prob` than the most probable ones, by chance.
    """
    rng = None if seed is None else np.random.default_rng([seed, 0])
    ids: list[int] = []
    for code in layout.classes:
        limit = _OF_A_CLASS if rng is None else _ALL
        found = best_of_class(connection, network, filters, code, limit)
        if rng is not None and len(found) > _OF_A_CLASS:
            found = rng.choice(np.array(found), _OF_A_CLASS, replace=False).tolist()
        ids += found
    return _material(network.classes, sounds(connection, network, filters, ids))


def like(
    connection: Connection,
    network: Network,
    index: "NeighbourIndex",
    embedding: FloatArray,
    filters: Filters,
    layout: Layout,
) -> Material:
    """Of every class of a layout the samples that sound most like something.

    Parameters
    ----------
    connection : Connection
        A transaction.
    network : Network
        Whose embeddings are compared.
    index : NeighbourIndex
        Of that network.
    embedding : ndarray of float32, shape (latent_size,)
        What they should sound like.
    filters : Filters
        What has to hold; its `min_prob` is of the pad's class.
    layout : Layout
        What is needed.
    """
    from libindex.neighbours import as_ids

    ids: set[int] = set()
    for code in layout.classes:
        of_class = best_of_class(connection, network, filters, code, _ALL)
        ids.update(i for i, _ in index.search(embedding, _LIKE, as_ids(of_class)))
    found = sounds(connection, network, filters, ids)
    likeness = np.array([s.embedding @ embedding for s in found], float).clip(0, 1)
    return Material(network.classes, found, _LEAST_WORTH + (1 - _LEAST_WORTH) * likeness, [])


def from_folder(
    connection: Connection | None, network: Network | None, settings: Settings, folder: str
) -> Material:
    """All audio files below a folder: as the library knows them, or heard on the spot.

    Parameters
    ----------
    connection : Connection or None
        A transaction; None where there is no library.
    network : Network or None
        The network that answers; None where there is none.
    settings : Settings
        How to analyse what is not known.
    folder : str
        Absolute.

    Raises
    ------
    LibindexError
        If it is no folder or can't be read.
    ModelError
        If something has to be heard, and the network at hand is not the library's.
    """
    paths = audio_files(folder, recursive=True)
    known: dict[str, int] = {}
    found: list[Sound] = []
    if connection is not None and network is not None:
        stored = known_under(connection, network, folder)
        known = {p: stored[p][1] for p in paths if p in stored and stored[p][0] == file_stamp(p)}
        here = Filters(under=folder)
        stored_sounds = sounds(connection, network, here, known.values()) if known else []
        found = [sound for sound in stored_sounds if sound.path in known]
    unknown = [path for path in paths if path not in known]
    results = list(analysed(network, settings, unknown)) if unknown else []
    found += [_sound(result) for result in results if isinstance(result, Analysis)]
    errors = [result for result in results if isinstance(result, SampleError)]
    classes = network.classes if network else ModelFile.read(settings.model).classes
    return _material(classes, found, errors)


def _material(
    classes: tuple[str, ...], found: Iterable[Sound], errors: Sequence[SampleError] = ()
) -> Material:
    ordered = sorted(found, key=lambda sound: sound.path)
    return Material(classes, ordered, np.ones(len(ordered)), list(errors))


def _sound(analysis: Analysis) -> Sound:
    return Sound(
        path=analysis.path,
        digest=analysis.digest,
        probabilities=analysis.probabilities,
        embedding=unit(analysis.latent),
        duration_s=analysis.facts.duration_s,
        centroid_hz=analysis.facts.centroid_hz,
    )


def chances(
    connection: Connection | None,
    network: Network | None,
    settings: Settings,
    paths: Iterable[str],
) -> dict[str, dict[str, float]]:
    """What the samples of a kit are: known by their bytes, or heard on the spot.

    Parameters
    ----------
    connection, network, settings
        As for `from_folder`.
    paths : iterable of str
        The samples; those that are not there or can't be decoded have no result.

    Returns
    -------
    dict of str to dict
        By path, probabilities by class, the most probable first.
    """
    found: dict[str, dict[str, float]] = {}
    unknown = []
    for path in paths:
        try:
            digest = digest_of(path)
        except OSError:
            continue
        known = probabilities_of(connection, network, digest) if connection and network else {}
        if known:
            found[path] = known
        else:
            unknown.append(path)
    # With nothing to compare, any network will do.
    classes = ModelFile.read(settings.model).classes if unknown else ()
    for result in analysed(None, settings, unknown) if unknown else ():
        if isinstance(result, Analysis):
            order = np.argsort(-result.probabilities, kind="stable")
            found[result.path] = {classes[i]: float(result.probabilities[i]) for i in order}
    return found
