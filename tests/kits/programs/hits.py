"""What is struck when, and what is heard: shared by the programs that kits are tried in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from scipy.signal import correlate

RATE = 44_100
LEAD_S = 0.1
"""Silence before the first hit [s]."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A key struck at a time; `velocity` is from 1 to 127."""

    time_s: float
    key: int
    velocity: int = 127


Record = Callable[[Sequence[Hit], float], np.ndarray]
"""Plays hits for some seconds; gives what is heard, shape (frames, 2)."""


def each_alone(seconds: Mapping[int, float], record: Record) -> dict[int, np.ndarray]:
    """What each key sounds like, listening to it for so many seconds: by key, (frames, 2)."""
    hits, at = [], LEAD_S
    for key, length in seconds.items():
        hits.append(Hit(round(at, 2), key))
        at += length
    whole = record(hits, at)
    heard = {}
    for hit, length in zip(hits, seconds.values(), strict=True):
        first = round(hit.time_s * RATE)
        heard[hit.key] = whole[first : first + round(length * RATE)]
    return heard


def source(path: str) -> np.ndarray:
    """The sample itself, as two channels at `RATE`: shape (frames, 2)."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(np.repeat(samples, 2, axis=1)[:, [0, -1]], rate, RATE)


def correlation(heard: np.ndarray, played: np.ndarray) -> float:
    """How alike two sounds are, each (frames, 2): the highest of their normalised correlations.

    The shorter one counts as followed by silence; a shift in time and another level change nothing.
    """
    energy = np.sqrt((heard**2).sum() * (played**2).sum())
    if energy == 0:
        return 0.0
    sums = sum(correlate(heard[:, c], played[:, c], method="fft") for c in (0, 1))
    return float(np.max(sums) / energy)


def level_db(sound: np.ndarray) -> float:
    """Its mean power, in decibels."""
    return float(10 * np.log10(np.mean(sound**2) + 1e-20))
