"""What all measurements share: a figure with its bootstrap interval, and embeddings."""

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
"""A value as a function of the sounds, with repetitions, that it is over."""

SURE = 0.8
"""A network that gives a class this probability, or more, is sure of it."""

LEAST_PERCUSSION = 0.5
"""What is less likely to be percussion is recognised as a stranger."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with its 95 % interval; None where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Bootstrap:
    """Figures over sounds; whole units are drawn, since the sounds of one resemble each other.

    Parameters
    ----------
    groups : ndarray of int64, shape (sounds,)
        Equal for sounds of one unit.
    resamples : int
        How many draws.
    seed : int
        Decides them.
    """

    def __init__(self, groups: IntArray, resamples: int = 1000, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        self._everything = np.arange(len(groups))
        self._draws = [
            np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
            for _ in range(resamples if len(members) > 1 else 0)  # one unit: all draws are the same
        ]

    def figure(self, measure: Measure) -> Figure:
        """The measure of all sounds, with the interval that holds 95 % of the draws."""
        value = measure(self._everything)
        known = [drawn for draw in self._draws if (drawn := measure(draw)) is not None]
        if value is None or not known:
            return Figure(value)
        low, high = np.percentile(known, [2.5, 97.5])
        return Figure(value, float(low), float(high))

    def mean(self, values: NDArray[Any]) -> Figure:
        """The mean of one value for each sound, shape (sounds,)."""
        return self.figure(lambda of: mean(values[of]))


def independent_share(holds: BoolArray) -> Figure:
    """The part of independent sounds for which it holds; the interval is Clopper and Pearson's.

    A bootstrap would call nothing out of 200 certain; it may well be one in a hundred.
    """
    value = mean(holds)
    if value is None:
        return Figure(None)
    interval = stats.binomtest(int(holds.sum()), len(holds)).proportion_ci(0.95, "exact")
    return Figure(value, float(interval.low), float(interval.high))


def mean(values: NDArray[Any]) -> float | None:
    """The mean, None of nothing."""
    return float(values.mean()) if len(values) else None


def embeddings(latents: FloatArray) -> NDArray[np.float64]:
    """Latents brought to length 1, shape (sounds, latent); exact, where the library rounds them."""
    exact = np.asarray(latents, np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return np.asarray(exact / np.maximum(lengths, 1e-12), np.float64)
