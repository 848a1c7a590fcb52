"""Check the chosen samples: are they there, are they loops, how loud are they.

What the library stores of a sound is enough to choose it, but not to play it well.
"""

import os
from dataclasses import dataclass

import numpy as np
import soundfile

from libindex.kits.decoding import blocks
from libindex.sound.decoding import Signal
from libindex.sound.loudness import loudness_lufs

MAX_DURATION_S = 12.0
"""Longer sounds are not one-shots [s]."""

_STEP_S = 0.02
_ONSET_DB = 9.0  # a rise within 40 ms that is a hit
_BELOW_DB = 12.0  # hits that are softer than the loudest by more are rolls, flams, echoes
_APART_S = 0.1
_HITS = 4
_LOOP_S = 0.8


@dataclass(frozen=True, slots=True)
class SampleCheck:
    """What has to be known of a sample in order to play it.

    Attributes
    ----------
    duration_s : float
        Length [s].
    loudness_lufs : float or None
        See `loudness_lufs` [LUFS]; None where it was not measured.
    peak : float
        Largest absolute value; full scale is 1.
    is_loop : bool
        Whether it has several separate hits of about the same strength.
    is_damaged : bool
        Whether less of it could be decoded than its header says.
    """

    duration_s: float
    loudness_lufs: float | None
    peak: float
    is_loop: bool
    is_damaged: bool


def check(path: str, *, with_loudness: bool = False) -> SampleCheck | None:
    """Decode the beginning of a file, as samplers do; None if nothing of it can be played."""
    if not os.path.isfile(path):  # noqa: PTH113 - a pipe would be waited for
        return None
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            rate, frames = file.samplerate, file.frames
            wanted = min(frames, round(MAX_DURATION_S * rate))
            samples = np.concatenate(
                [np.zeros((0, file.channels), np.float32), *blocks(file, wanted)]
            )
    except soundfile.LibsndfileError:
        return None
    if not len(samples):
        return None
    return SampleCheck(
        frames / rate,
        loudness_lufs(samples, rate) if with_loudness else None,
        float(np.abs(samples).max()),
        is_loop(Signal(samples.mean(axis=1), rate)),
        is_damaged=len(samples) < wanted,
    )


def is_loop(signal: Signal) -> bool:
    """Whether a sound is several hits and not one.

    It is if it lasts 0.8 s, and four or more times its level rises by 9 dB within 40 ms, to no
    less than 12 dB below its loudest point, the last time after half of its length.
    """
    hits, length_s = _hits(signal), len(signal.samples) / signal.sample_rate
    return length_s >= _LOOP_S and len(hits) >= _HITS and hits[-1] >= 0.5 * length_s


def _hits(signal: Signal) -> list[float]:
    """When the level rises suddenly [s]."""
    step = max(1, round(_STEP_S * signal.sample_rate))
    count = len(signal.samples) // step
    if count < 3:
        return []
    blocks = signal.samples[: count * step].astype(np.float64).reshape(count, step)
    level = 10 * np.log10(np.square(blocks).mean(axis=1) + 1e-10)
    before = np.concatenate([[-100.0, -100.0], level])[: len(level)]  # 40 ms earlier
    strong = (level - before >= _ONSET_DB) & (level >= level.max() - _BELOW_DB)
    found: list[float] = []
    for at in np.flatnonzero(strong) * _STEP_S:
        if not found or at - found[-1] >= _APART_S:
            found.append(float(at))
    return found
