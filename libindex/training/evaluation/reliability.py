"""Reliability of probabilities: of predictions with 0.8, eight in ten should be correct."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libindex.training.evaluation.figures import BoolArray, IntArray, mean

_BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Files whose most probable class has about the same probability.

    `n` is their number, `confidence` the mean of that probability, and `right` the share of files
    of that class; both are None if there are no files.
    """

    n: int
    confidence: float | None
    right: float | None


def calibration_error(confidence: NDArray[np.floating], right: BoolArray) -> float:
    """Expected calibration error over 15 bins of equal width.

    The mean distance between confidence and accuracy, weighted by the files of each bin
    (Naeini, Cooper and Hauskrecht 2015, AAAI).
    """
    gap = np.bincount(_bins(confidence), right.astype(np.float64) - confidence, _BINS)
    return float(np.abs(gap).sum() / len(confidence))


def reliability(confidence: NDArray[np.floating], right: BoolArray) -> tuple[Bin, ...]:
    """The bins that `calibration_error` compares."""
    bins = _bins(confidence)
    inside = (bins == number for number in range(_BINS))
    return tuple(Bin(int(i.sum()), mean(confidence[i]), mean(right[i])) for i in inside)


def _bins(confidence: NDArray[np.floating]) -> IntArray:
    return np.minimum((np.asarray(confidence, np.float64) * _BINS).astype(np.int64), _BINS - 1)
