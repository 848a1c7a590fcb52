"""The geography of a network's map: reference sounds with their places, which come beside it.

Every library is placed among the same references, so kicks are in the same corner for everybody.
A place depends on nothing but the sound's embedding. `tools/make_map.py` makes the file.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from libindex.sound.decoding import FloatArray

Places = NDArray[np.uint16]

SUFFIX = ".map.safetensors"
WIDTH = 65_535
"""Places go from 0 to this, from the left and from the top."""

_FORMAT = {"format": "libindex-map", "version": "1"}
_NEAREST = 8
_SHARPNESS = 50.0  # of the weights: a cosine that is higher by 0.02 counts e times as much
_CELLS_AT_ONCE = 2**23  # of sounds by references: 32 MB
_MARGIN = 0.03  # of the width, left empty
_GRID = 24  # cells across, to find where most sounds of a class are


@dataclass(frozen=True, slots=True)
class Region:
    """Where most sounds of a class are.

    Attributes
    ----------
    code : str
        The class.
    x, y : int
        Its middle.
    size : float
        Part of the map's width that it fills.
    """

    code: str
    x: int
    y: int
    size: float


@dataclass(frozen=True)
class Geography:
    """References, and where they lie.

    Attributes
    ----------
    vectors : ndarray of float32, shape (references, latent_size)
        Embeddings, of length 1.
    places : ndarray of uint16, shape (references, 2)
        From the left and from the top.
    labels : ndarray of uint8, shape (references,)
        Their classes, as indices of the network's.
    is_own : bool
        Whether the references are of the library itself; then nobody says what they are.
    """

    vectors: FloatArray
    places: Places
    labels: NDArray[np.uint8]
    is_own: bool = False

    @classmethod
    def beside(cls, model: Path, fingerprint: str) -> "Geography | None":
        """The geography that comes with a network.

        Parameters
        ----------
        model : Path
            The weights.
        fingerprint : str
            Of the network.

        Returns
        -------
        Geography or None
            None if there is no file, or it is damaged, or of another network.
        """
        try:
            with safe_open(model.with_suffix(SUFFIX), framework="numpy") as file:
                about = file.metadata() or {}
                if about != {**about, **_FORMAT, "fingerprint": fingerprint}:
                    return None
                vectors, places, labels = map(file.get_tensor, ("vectors", "places", "labels"))
        except (OSError, SafetensorError):
            return None
        found = cls(vectors.astype(np.float32), places, labels)
        return found if found._is_sound() else None

    @classmethod
    def own(cls, vectors: FloatArray, places: Places) -> "Geography":
        """Of sounds of the library itself."""
        return cls(vectors, places, np.zeros(len(vectors), np.uint8), is_own=True)

    def _is_sound(self) -> bool:
        count = len(self.vectors)
        return (
            count > 0
            and self.places.shape == (count, 2)
            and self.labels.shape == (count,)
            and self.places.dtype == np.uint16
            and bool(np.isfinite(self.vectors).all())
        )

    def save(self, model: Path, fingerprint: str) -> None:
        """Write it beside a network's weights."""
        from safetensors.numpy import save_file

        tensors: dict[str, NDArray[Any]] = {
            "vectors": self.vectors.astype(np.float16),
            "places": self.places,
            "labels": self.labels,
        }
        metadata = {**_FORMAT, "fingerprint": fingerprint}
        save_file(tensors, model.with_suffix(SUFFIX), metadata)

    @cached_property
    def _targets(self) -> NDArray[np.float64]:
        return self.places.astype(np.float64)

    def place(self, embeddings: FloatArray) -> Places:
        """Where sounds lie: at the mean of their nearest references, the nearer the weightier.

        Parameters
        ----------
        embeddings : ndarray of float32, shape (sounds, latent_size)
            Of length 1.

        Returns
        -------
        ndarray of uint16, shape (sounds, 2)
            From the left and from the top.
        """
        at_once = max(1, _CELLS_AT_ONCE // len(self.vectors))
        parts = [
            _weighted(self.vectors, self._targets, embeddings[start : start + at_once])
            for start in range(0, len(embeddings), at_once)
        ]
        return np.concatenate([np.zeros((0, 2), np.uint16), *parts])

    def regions(self, classes: tuple[str, ...]) -> list[Region]:
        """Where the classes are, those of the largest region first."""
        return regions_of(self.places, self.labels, classes)


def _weighted(
    references: FloatArray, targets: NDArray[np.float64], embeddings: FloatArray
) -> Places:
    cosines = np.where(np.isfinite(embeddings), embeddings, 0) @ references.T
    count = min(_NEAREST, len(references))
    nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    nearness = np.take_along_axis(cosines, nearest, axis=1).astype(np.float64)
    weights = np.exp((nearness - nearness.max(axis=1, keepdims=True)) * _SHARPNESS)
    places = (weights[:, :, None] * targets[nearest]).sum(axis=1) / weights.sum(axis=1)[:, None]
    found: Places = np.clip(np.rint(places), 0, WIDTH).astype(np.uint16)
    return found


def spread(points: NDArray[np.floating]) -> Places:
    """Points of a plane as places: half as they lie and half by rank.

    So no corner of the map is heaped, and none is empty.

    Parameters
    ----------
    points : ndarray of float, shape (sounds, 2)
        In any unit.

    Returns
    -------
    ndarray of uint16, shape (sounds, 2)
        Over the whole map.

    Examples
    --------
    >>> spread(np.array([[0.0, 1.0], [1.0, 2.0], [10.0, 3.0]])).tolist()
    [[1966, 1966], [20316, 32768], [63569, 63569]]
    """
    ranks = points.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return filling(_in_square(points) + ranks / max(1, len(points) - 1))


def filling(points: NDArray[np.floating]) -> Places:
    """Points of a plane as places, as they lie: stretched until they fill the map."""
    inside = _MARGIN + (1 - 2 * _MARGIN) * _in_square(points)
    found: Places = np.rint(inside * WIDTH).astype(np.uint16)
    return found


def _in_square(points: NDArray[np.floating]) -> NDArray[np.float64]:
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(high - low, np.finfo(np.float32).tiny)
    found: NDArray[np.float64] = (points - low) / size
    return found


def regions_of(
    places: Places, labels: NDArray[np.integer], classes: tuple[str, ...]
) -> list[Region]:
    """Where most sounds of each class are, by a coarse grid; the largest regions first."""
    found = []
    for number, code in enumerate(classes):
        own = places[labels == number].astype(np.float64)
        if not len(own):
            continue
        cells = np.minimum(own * _GRID // WIDTH, _GRID - 1).astype(np.int64)
        counts = np.zeros((_GRID + 2, _GRID + 2))
        np.add.at(counts, (cells[:, 0] + 1, cells[:, 1] + 1), 1)
        around = sum(
            counts[1 + dx : 1 + dx + _GRID, 1 + dy : 1 + dy + _GRID]
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
        )
        peak = np.array(np.unravel_index(np.argmax(around), (_GRID, _GRID)))
        core = own[(np.abs(cells - peak) <= 1).all(axis=1)]
        x, y = np.median(core, axis=0)
        size = float(np.sqrt(np.count_nonzero(counts)) / _GRID)
        found.append(Region(code, int(x), int(y), round(size, 3)))
    return sorted(found, key=lambda region: -region.size)
