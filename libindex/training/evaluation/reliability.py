"""Whether probabilities mean something: of the sounds with 0.8, eight in ten should be right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libindex.training.evaluation.figures import BoolArray, IntArray, mean

_BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Files whose best class has about the same probability.

    `n` is how many there are, `confidence` the mean of that probability, `right` the share of
    files that are of that class; both None of no files.
    """

    n: int
    confidence: float | None
    right: float | None


def calibration_error(confidence: NDArray[np.floating], right: BoolArray) -> float:
    """Expected calibration error over 15 bins of equal width.

    The mean distance between the probability of the best class and the share of files that are
    right, weighted by the files of each bin (Naeini, Cooper and Hauskrecht 2015, AAAI).
    """
    gap = np.bincount(_bins(confidence), right.astype(np.float64) - confidence, _BINS)
    return float(np.abs(gap).sum() / len(confidence))


def reliability(confidence: NDArray[np.floating], right: BoolArray) -> tuple[Bin, ...]:
    """What `calibration_error` compares, bin by bin."""
    bins = _bins(confidence)
    inside = (bins == number for number in range(_BINS))
    return tuple(Bin(int(i.sum()), mean(confidence[i]), mean(right[i])) for i in inside)


def _bins(confidence: NDArray[np.floating]) -> IntArray:
    return np.minimum((np.asarray(confidence, np.float64) * _BINS).astype(np.int64), _BINS - 1)
