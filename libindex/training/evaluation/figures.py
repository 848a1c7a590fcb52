"""Shared by all evaluations: figures with bootstrap intervals, and embeddings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from libindex.sound.decoding import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Measure = Callable[[IntArray], float | None]
"""A value as a function of the indices of the sounds, which may repeat."""

SURE = 0.8
"""From this probability of a class on, a network is sure of it."""

MIN_PERCUSSION = 0.5
"""Sounds with a lower percussion score are detected as out of distribution."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with its 95 % interval; None if not available."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Bootstrap:
    """Figures over sounds; resamples whole groups, whose sounds resemble each other.

    Parameters
    ----------
    groups : ndarray of int64, shape (sounds,)
        Equal for sounds of one group.
    resamples : int
        Number of draws.
    seed : int
        Of the draws.
    """

    def __init__(self, groups: IntArray, resamples: int = 1000, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        self._everything = np.arange(len(groups))
        self._draws = [
            np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
            for _ in range(resamples if len(members) > 1 else 0)  # all draws of one group are equal
        ]

    def figure(self, measure: Measure) -> Figure:
        """A measure over all sounds, with the interval that holds 95 % of the draws."""
        value = measure(self._everything)
        known = [drawn for draw in self._draws if (drawn := measure(draw)) is not None]
        if value is None or not known:
            return Figure(value)
        low, high = np.percentile(known, [2.5, 97.5])
        return Figure(value, float(low), float(high))

    def mean(self, values: NDArray[Any]) -> Figure:
        """The mean of one value per sound, shape (sounds,)."""
        return self.figure(lambda of: mean(values[of]))


def independent_share(holds: BoolArray) -> Figure:
    """The share of independent sounds for which it holds, with Clopper and Pearson's interval.

    A bootstrap of 0 out of 200 would give an interval of 0 to 0, but the true share may well be
    one in a hundred.
    """
    value = mean(holds)
    if value is None:
        return Figure(None)
    interval = stats.binomtest(int(holds.sum()), len(holds)).proportion_ci(0.95, "exact")
    return Figure(value, float(interval.low), float(interval.high))


def mean(values: NDArray[Any]) -> float | None:
    """The mean; None if empty."""
    return float(values.mean()) if len(values) else None


def embeddings(latents: FloatArray) -> NDArray[np.float64]:
    """Latents normalised to length 1, shape (sounds, latent); not rounded, as the library's are."""
    exact = np.asarray(latents, np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return np.asarray(exact / np.maximum(lengths, 1e-12), np.float64)
