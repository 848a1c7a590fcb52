"""How pads play their samples: levels that match, and variation at random."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from libindex.kits.checking import SampleCheck
from libindex.kits.kit import PadSettings

MAX_GAIN_DB = 12.0
PAN = 0.6
WIDTH = 0.5
TUNE_SEMITONES = 3.0
MIN_CUTOFF = 0.6
MAX_RESONANCE = 0.3
MAX_TREMOLO = 0.3
TREMOLO_HZ = (1.0, 8.0)
"""What `vary` reaches with the amount 1."""

_IN_THE_MIDDLE = {"kick", "bass"}


def matched_gains(sounds: Mapping[int, SampleCheck]) -> dict[int, float]:
    """Gains by key that bring every pad to the loudness of the median pad.

    Parameters
    ----------
    sounds : mapping of int to SampleCheck
        What each key plays.

    Returns
    -------
    dict of int to float
        At most 12 dB up or down, and never so much that the sample's peak passes full scale [dB].
    """
    loudness = {
        key: s.loudness_lufs
        for key, s in sounds.items()
        if s.loudness_lufs is not None and math.isfinite(s.loudness_lufs)
    }
    if not loudness:
        return {}
    middle = float(np.median(list(loudness.values())))
    return {
        key: round(_gain_db(middle - lufs, sounds[key].peak), 2) for key, lufs in loudness.items()
    }


def _gain_db(wanted: float, peak: float) -> float:
    room = max(0.0, -20 * math.log10(peak)) if peak > 0 else 0.0
    return max(-MAX_GAIN_DB, min(wanted, room, MAX_GAIN_DB))


def vary(
    settings: PadSettings, key: int, classes: Sequence[str], amount: float, seed: int
) -> PadSettings:
    """Settings varied at random, depending on nothing but the seed and the key.

    Parameters
    ----------
    settings : PadSettings
        Their gain is kept.
    key : int
        The pad's MIDI note.
    classes : sequence of str
        What the pad is for: kick drums and bass notes stay in the middle and as wide as they are.
    amount : float
        From 0 (none) to 1: pan to 0.6 on either side, width by 0.5, tuning by 3 semitones,
        cutoff down to 0.6 (1.3 kHz), resonance up to 0.3, a tremolo of 1 to 8 Hz that takes up
        to 0.3 of the level; uniformly distributed.
    seed : int
        Another seed, another variation.
    """
    if amount == 0:
        return settings
    rng = np.random.default_rng([seed, 2, key])
    side, width, tune, closed, resonance, depth, rate = rng.uniform(size=7).tolist()
    aside = 0.0 if _IN_THE_MIDDLE & set(classes) else amount
    return replace(
        settings,
        pan=round((2 * side - 1) * PAN * aside, 3),
        width=round((2 * width - 1) * WIDTH * aside, 3),
        tune_semitones=round((2 * tune - 1) * TUNE_SEMITONES * amount, 2),
        cutoff=round(1 - closed * (1 - MIN_CUTOFF) * amount, 3),
        resonance=round(resonance * MAX_RESONANCE * amount, 3),
        lfo_depth=round(depth * MAX_TREMOLO * amount, 3),
        lfo_rate_hz=round(TREMOLO_HZ[0] + rate * (TREMOLO_HZ[1] - TREMOLO_HZ[0]), 2),
    )
