"""The sounds a kit can be made of: from the library, from a folder, or similar to a file."""

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
from libindex.disk.stamps import Stamp
from libindex.disk.walk import audio_files
from libindex.errors import LibindexError
from libindex.kits.kit import MANIFEST
from libindex.kits.recipe import Recipe
from libindex.queries import Filters, Network
from libindex.queries.sounds import Sound, best_of_class, known_under, sounds
from libindex.similarity.embeddings import normalised
from libindex.sound.decoding import FloatArray

if TYPE_CHECKING:
    from libindex.similarity.neighbours import NeighbourIndex

_MAX_PER_CLASS = 200  # sounds of each class to choose from
_MAX_SIMILAR = 40  # the same where similar ones are wanted
_MIN_WEIGHT = 0.3  # of a sound that is not similar at all
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
    weights : ndarray of float64, shape (sounds,)
        How much each is preferred, from 0 to 1.
    errors : list of LibindexError
        Files and folders that can't be used.
    """

    classes: tuple[str, ...]
    sounds: list[Sound]
    weights: NDArray[np.float64]
    errors: list[LibindexError]

    def without(self, unwanted: Callable[[Sound], bool]) -> "Material":
        """The rest of it."""
        kept = [i for i, sound in enumerate(self.sounds) if not unwanted(sound)]
        return replace(self, sounds=[self.sounds[i] for i in kept], weights=self.weights[kept])

    def distinct(self) -> "Material":
        """One of each group of byte-identical sounds: the first that is not part of a kit."""
        chosen: dict[bytes, Sound] = {}
        for sound in self.sounds:
            known = chosen.setdefault(sound.digest, sound)
            if known is not sound and _is_of_kit(known.path) and not _is_of_kit(sound.path):
                chosen[sound.digest] = sound
        return self.without(lambda sound: chosen[sound.digest] is not sound)


def from_library(
    connection: Connection, network: Network, filters: Filters, recipe: Recipe
) -> Material:
    """The most probable samples of every class of a layout, or a random choice of probable ones.

    Parameters
    ----------
    connection : Connection
        A transaction.
    network : Network
        Whose probabilities count.
    filters : Filters
        Conditions that all must match.
    recipe : Recipe
        Which classes are needed, with which probability.
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
    """For every class of a layout, the samples most similar to a sound.

    Parameters
    ----------
    connection : Connection
        A transaction.
    network : Network
        Whose embeddings are compared.
    index : NeighbourIndex
        Of that network.
    embedding : ndarray of float32, shape (latent_size,)
        Of that sound.
    filters : Filters
        Conditions that all must match.
    recipe : Recipe
        Which classes are needed. If pads are filled by force, other samples are added for those
        that nothing similar fits.
    """
    from libindex.similarity.neighbours import as_ids

    probable = replace(filters, min_prob=recipe.min_probability)
    ids: set[int] = set()
    for code in recipe.layout.classes:
        of_class = best_of_class(connection, network, probable, code, _ALL)
        ids.update(i for i, _ in index.search(embedding, _MAX_SIMILAR, as_ids(of_class)))
    if recipe.force:
        ids.update(_ids(connection, network, filters, recipe))
    found = _material(network.classes, sounds(connection, network, filters, ids))
    similarity = np.array([s.embedding @ embedding for s in found.sounds], float).clip(0, 1)
    return replace(found, weights=_MIN_WEIGHT + (1 - _MIN_WEIGHT) * similarity)


@dataclass(frozen=True, slots=True)
class Known:
    """Some folders: which of their files are in the library, and which are not.

    Attributes
    ----------
    network : Network or None
        The network that they were scanned with; None if none of them is in the library.
    folders : dict of str to list of str
        The audio files below each folder.
    sounds : dict of str to Sound
        Those in the library, by path.
    errors : dict of str to list of LibindexError
        Files that can't be read, by folder.
    """

    network: Network | None
    folders: dict[str, list[str]]
    sounds: dict[str, Sound]
    errors: dict[str, list[LibindexError]]

    @property
    def unknown(self) -> list[str]:
        """Files that have to be analysed."""
        every = dict.fromkeys(path for paths in self.folders.values() for path in paths)
        return [path for path in every if path not in self.sounds]


def known_of(
    connection: Connection | None, network: Network | None, folders: Sequence[str]
) -> Known:
    """Look folders up in the library.

    Parameters
    ----------
    connection : Connection or None
        A transaction; None where there is no library.
    network : Network or None
        The network in use; None where there is none.
    folders : sequence of str
        Absolute.

    Raises
    ------
    LibindexError
        If one of them is not a folder or can't be read; of files below them, that is only noted.
    """
    found = Known(network, {}, {}, {})
    for folder in folders:
        found.errors[folder] = []
        paths = audio_files(folder, recursive=True, errors=found.errors[folder])
        found.folders[folder] = paths
        if connection is not None and network is not None:
            stored = known_under(connection, network, folder)
            ids = {p: stored[p][1] for p in paths if p in stored and stored[p][0] == Stamp.of(p)}
            here = sounds(connection, network, Filters(under=folder), ids.values()) if ids else []
            found.sounds.update({sound.path: sound for sound in here if sound.path in ids})
    return found if found.sounds else replace(found, network=None)


def from_folders(
    known: Known, engine: Engine, on_analysis: Callable[[int], None]
) -> dict[str, Material]:
    """All audio files of some folders: as they are in the library, or analysed now.

    Parameters
    ----------
    known : Known
        What the library knows of them.
    engine : Engine
        For the files that are not in the library.
    on_analysis : callable
        Called with the number of files to analyse, if there are any.

    Returns
    -------
    dict of str to Material
        By folder.

    Raises
    ------
    ModelError
        If some files are in the library, others have to be analysed, and the network of the
        settings is not the library's.
    """
    unknown = known.unknown
    if unknown:
        if known.network:
            engine.require(known.network.fingerprint, known.network.name)
        on_analysis(len(unknown))
    results = engine.analyse(unknown)
    new = {result.path: _sound(result) for result in results if isinstance(result, Analysis)}
    failed = {os.fspath(e.path or ""): e for e in results if isinstance(e, LibindexError)}
    network = known.network
    classes = network.classes if network else engine.model.classes
    every = known.sounds | new
    return {
        folder: _material(
            classes,
            [every[path] for path in paths if path in every],
            [*known.errors[folder], *(failed[path] for path in paths if path in failed)],
        )
        for folder, paths in known.folders.items()
    }


def _ids(connection: Connection, network: Network, filters: Filters, recipe: Recipe) -> list[int]:
    """Analyses of sounds that fit some pad; if pads are filled by force, of the next best too."""
    rng = None if recipe.draw is None else np.random.default_rng([recipe.draw, 0])
    probable = replace(filters, min_prob=recipe.min_probability)
    anything = replace(filters, min_prob=None)
    ids: list[int] = []
    for code in recipe.layout.classes:
        if rng is not None:
            found = best_of_class(connection, network, probable, code, _ALL)
            if len(found) > _MAX_PER_CLASS:
                found = rng.choice(np.array(found), _MAX_PER_CLASS, replace=False).tolist()
            ids += found
        if rng is None or recipe.force:
            wanted = anything if recipe.accepts_all else probable
            ids += best_of_class(connection, network, wanted, code, _MAX_PER_CLASS)
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
    """Whether a file is part of a kit that libindex wrote."""
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
