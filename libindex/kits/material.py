"""What a kit can be made of: samples of the library, of a folder, or like a sound."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from libindex.analysis.engine import Engine
from libindex.analysis.results import Analysis
from libindex.disk.folders import audio_files
from libindex.errors import LibindexError
from libindex.kits.kit import MANIFEST
from libindex.kits.recipe import Recipe
from libindex.queries import Filters, Network
from libindex.queries.example import file_stamp
from libindex.queries.sounds import (
    Sound,
    best_of_class,
    known_under,
    probabilities_of,
    sounds,
)
from libindex.similarity.embeddings import normalised
from libindex.sound.decoding import FloatArray
from libindex.sound.digests import digest_of

if TYPE_CHECKING:
    from libindex.similarity.neighbours import NeighbourIndex

_OF_A_CLASS = 200  # sounds of each class that are looked at
_LIKE = 40  # and where those are wanted that sound like another
_LEAST_WORTH = 0.3  # of a sound that is not at all like it
_ALL = -1

Chances = dict[str, float]
"""Probabilities by class, the most probable first."""


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
    errors : list of LibindexError
        Files and folders that can't be used.
    """

    classes: tuple[str, ...]
    sounds: list[Sound]
    worth: NDArray[np.float64]
    errors: list[LibindexError]

    def without(self, unwanted: Callable[[Sound], bool]) -> "Material":
        """The same without some sounds."""
        kept = [i for i, sound in enumerate(self.sounds) if not unwanted(sound)]
        return replace(self, sounds=[self.sounds[i] for i in kept], worth=self.worth[kept])

    def distinct(self) -> "Material":
        """The same with one of all byte-identical sounds: the first that no kit of ours holds."""
        chosen: dict[bytes, Sound] = {}
        for sound in self.sounds:
            known = chosen.setdefault(sound.digest, sound)
            if known is not sound and _is_of_kit(known.path) and not _is_of_kit(sound.path):
                chosen[sound.digest] = sound
        return self.without(lambda sound: chosen[sound.digest] is not sound)


def from_library(
    connection: Connection, network: Network, filters: Filters, recipe: Recipe
) -> Material:
    """The most probable samples of every class of a layout, or by chance some that are probable.

    Parameters
    ----------
    connection : Connection
        A transaction.
    network : Network
        Whose opinion counts.
    filters : Filters
        What has to hold.
    recipe : Recipe
        What is needed.
    """
    return _material(
        network.classes,
        sounds(connection, network, filters, _ids(connection, network, filters, recipe)),
    )


def like(
    connection: Connection,
    network: Network,
    index: "NeighbourIndex",
    embedding: FloatArray,
    filters: Filters,
    recipe: Recipe,
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
        What has to hold.
    recipe : Recipe
        What is needed. Where it is forced, other samples are there too, should nothing fit.
    """
    from libindex.similarity.neighbours import as_ids

    probable = replace(filters, min_prob=recipe.least)
    ids: set[int] = set()
    for code in recipe.layout.classes:
        of_class = best_of_class(connection, network, probable, code, _ALL)
        ids.update(i for i, _ in index.search(embedding, _LIKE, as_ids(of_class)))
    if recipe.force:
        ids.update(_ids(connection, network, filters, recipe))
    found = _material(network.classes, sounds(connection, network, filters, ids))
    likeness = np.array([s.embedding @ embedding for s in found.sounds], float).clip(0, 1)
    return replace(found, worth=_LEAST_WORTH + (1 - _LEAST_WORTH) * likeness)


@dataclass(frozen=True, slots=True)
class Known:
    """What the library knows of some folders, and which of their files it does not.

    Attributes
    ----------
    network : Network or None
        The network that it was scanned with; None where it knows nothing of the folders.
    folders : dict of str to list of str
        The audio files below each folder.
    sounds : dict of str to Sound
        Those that are known, by path.
    errors : dict of str to list of LibindexError
        What can't be read, by folder.
    """

    network: Network | None
    folders: dict[str, list[str]]
    sounds: dict[str, Sound]
    errors: dict[str, list[LibindexError]]

    @property
    def unknown(self) -> list[str]:
        """Files that have to be heard."""
        every = dict.fromkeys(path for paths in self.folders.values() for path in paths)
        return [path for path in every if path not in self.sounds]


def known_of(
    connection: Connection | None, network: Network | None, folders: Sequence[str]
) -> Known:
    """Look folders up in the library.

    Parameters
    ----------
    connection : Connection
        A transaction.
    network : Network or None
        The network that answers; None where there is none.
    folders : sequence of str
        Absolute.

    Raises
    ------
    LibindexError
        If one of them is no folder or can't be read; what lies below is only noted.
    """
    found = Known(network, {}, {}, {})
    for folder in folders:
        found.errors[folder] = []
        paths = audio_files(folder, recursive=True, errors=found.errors[folder])
        found.folders[folder] = paths
        if connection is not None and network is not None:
            stored = known_under(connection, network, folder)
            ids = {p: stored[p][1] for p in paths if p in stored and stored[p][0] == file_stamp(p)}
            here = sounds(connection, network, Filters(under=folder), ids.values()) if ids else []
            found.sounds.update({sound.path: sound for sound in here if sound.path in ids})
    return found if found.sounds else replace(found, network=None)


def from_folders(
    known: Known, engine: Engine, hearing: Callable[[int], None]
) -> dict[str, Material]:
    """All audio files of some folders: as the library knows them, or heard on the spot.

    Parameters
    ----------
    known : Known
        What the library knows of them.
    engine : Engine
        For what it does not know.
    hearing : callable
        Called with the number of files that are to be heard, if there are any.

    Returns
    -------
    dict of str to Material
        By folder.

    Raises
    ------
    ModelError
        If something has to be heard besides what is known, and the network at hand is another one.
    """
    unknown = known.unknown
    if unknown:
        if known.network:
            engine.require(known.network.fingerprint, known.network.name)
        hearing(len(unknown))
    results = engine.analyse(unknown)
    heard = {result.path: _sound(result) for result in results if isinstance(result, Analysis)}
    failed = {os.fspath(e.path or ""): e for e in results if isinstance(e, LibindexError)}
    network = known.network
    classes = network.classes if network else engine.model.classes
    every = known.sounds | heard
    return {
        folder: _material(
            classes,
            [every[path] for path in paths if path in every],
            [*known.errors[folder], *(failed[path] for path in paths if path in failed)],
        )
        for folder, paths in known.folders.items()
    }


def _ids(connection: Connection, network: Network, filters: Filters, recipe: Recipe) -> list[int]:
    """Analyses of what fits some pad; where all is taken, of what fits least badly too."""
    rng = None if recipe.draw is None else np.random.default_rng([recipe.draw, 0])
    probable = replace(filters, min_prob=recipe.least)
    anything = replace(filters, min_prob=None)
    ids: list[int] = []
    for code in recipe.layout.classes:
        if rng is not None:
            found = best_of_class(connection, network, probable, code, _ALL)
            if len(found) > _OF_A_CLASS:
                found = rng.choice(np.array(found), _OF_A_CLASS, replace=False).tolist()
            ids += found
        if rng is None or recipe.force:
            wanted = anything if recipe.takes_all else probable
            ids += best_of_class(connection, network, wanted, code, _OF_A_CLASS)
    return ids


def _material(
    classes: tuple[str, ...], found: Iterable[Sound], errors: Sequence[LibindexError] = ()
) -> Material:
    usable = (
        s for s in found if np.isfinite(s.embedding).all() and np.isfinite(s.probabilities).all()
    )
    ordered = sorted(usable, key=lambda sound: sound.path)
    return Material(classes, ordered, np.ones(len(ordered)), list(errors))


def _is_of_kit(path: str) -> bool:
    """Whether a file lies in a kit that libindex wrote."""
    return (Path(path).parents[1] / MANIFEST).exists()


def _sound(analysis: Analysis) -> Sound:
    return Sound(
        path=analysis.path,
        digest=analysis.digest,
        probabilities=analysis.probabilities,
        embedding=normalised(analysis.latent),
        duration_s=analysis.facts.duration_s,
        centroid_hz=analysis.facts.centroid_hz,
    )


def known_chances(
    connection: Connection | None, network: Network | None, paths: Iterable[str]
) -> dict[str, Chances]:
    """What the library knows of files, wherever they lie: by their bytes.

    Returns
    -------
    dict of str to dict
        By path, probabilities by class, the most probable first; empty for unknown files.
        Those that are not there are left out.
    """
    found: dict[str, Chances] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            digest = digest_of(path)
            found[path] = {}
            if connection is not None and network is not None:
                found[path] = probabilities_of(connection, network, digest)
    return found


def heard_chances(engine: Engine, paths: Sequence[str]) -> dict[str, Chances]:
    """The same of files that are heard on the spot; of those that can be."""
    found: dict[str, Chances] = {}
    for result in engine.analyse(paths):
        if isinstance(result, Analysis):
            order = np.argsort(-result.probabilities, kind="stable")
            found[result.path] = {
                engine.model.classes[i]: float(result.probabilities[i]) for i in order
            }
    return found
