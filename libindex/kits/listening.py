"""Hearing the sounds that were chosen once more: are they there, are they loops, how loud are they.

What the library stores of a sound is enough to choose it, not to play it well.
"""

import os
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from libindex.kits.decoding import blocks
from libindex.sound.decoding import FloatArray, Signal

MOST_S = 12.0
"""Longer sounds are no one-shots [s]."""

_STEP_S = 0.02
_BLOCK_S = 0.4  # of momentary loudness
_ONSET_DB = 9.0  # a rise within 40 ms that is a hit
_BELOW_DB = 12.0  # hits that are softer than the loudest by more are rolls, flams, echoes
_APART_S = 0.1
_HITS = 4
_LOOP_S = 0.8


@dataclass(frozen=True, slots=True)
class Playing:
    """What matters for playing a sound.

    Attributes
    ----------
    duration_s : float
        Length [s].
    loudness_lufs : float
        See `loudness_lufs` [LUFS].
    peak : float
        Largest absolute value; full scale is 1.
    is_loop : bool
        Whether it has several separate hits of about the same strength.
    is_damaged : bool
        Whether less of it could be decoded than its header promises.
    """

    duration_s: float
    loudness_lufs: float
    peak: float
    is_loop: bool
    is_damaged: bool


def listen(path: str) -> Playing | None:
    """Hear the beginning of a file, as samplers do; None if nothing of it can be played."""
    if not os.path.isfile(path):  # noqa: PTH113 - a pipe would be waited for
        return None
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            rate, frames = file.samplerate, file.frames
            wanted = min(frames, round(MOST_S * rate))
            samples = np.concatenate(
                [np.zeros((0, file.channels), np.float32), *blocks(file, wanted)]
            )
    except soundfile.LibsndfileError:
        return None
    if not len(samples):
        return None
    return Playing(
        frames / rate,
        loudness_lufs(samples, rate),
        float(np.abs(samples).max()),
        is_loop(Signal(samples.mean(axis=1), rate)),
        is_damaged=len(samples) < wanted,
    )


def loudness_lufs(samples: FloatArray, sample_rate: int) -> float:
    """The loudest 400 ms of a sound.

    Parameters
    ----------
    samples : ndarray of float32, shape (frames, channels)
        The sound; what is shorter counts as followed by silence.
    sample_rate : int
        [Hz].

    Returns
    -------
    float
        Momentary loudness after K-weighting (ITU-R BS.1770-4), of the mean of the channels' powers
        where the recommendation has their sum: so a mono file is as loud as the same sound in both
        channels [LUFS]; -inf for silence.
    """
    block = max(1, round(_BLOCK_S * sample_rate))
    power = np.square(_k_weighted(samples, sample_rate)).mean(axis=1)
    energy = np.concatenate([[0.0], np.cumsum(power)])
    loudest = energy[-1] if len(energy) <= block else (energy[block:] - energy[:-block]).max()
    return float(-0.691 + 10 * np.log10(loudest / block)) if loudest > 0 else float("-inf")


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


def _k_weighted(samples: FloatArray, rate: int) -> NDArray[np.float64]:
    """A shelf for the head and a high-pass, as analogue prototypes of BS.1770's two filters.

    Their frequencies, gains and qualities are those for which the bilinear transform gives the
    recommendation's coefficients at 48 kHz (De Man 2014, "Evaluation of implementations of the
    EBU R128 loudness measurement"). They are applied as a product of spectra.
    """
    # Room for the high-pass to ring, so that the end does not come round to the beginning.
    size = _fast_length(len(samples) + rate // 4)
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones(len(turn), complex)
    for numerator, denominator in (_shelf(rate), _high_pass(rate)):
        # Coefficients of z^-1 by rising power, as polyval has them by falling power.
        response *= np.polyval(numerator[::-1], turn) / np.polyval(denominator[::-1], turn)
    spectra = np.fft.rfft(samples, size, axis=0) * response[:, None]
    return np.fft.irfft(spectra, size, axis=0)[: len(samples)]


def _fast_length(length: int) -> int:
    """The next power of two, or three quarters of it: lengths whose transforms are quick."""
    power = 1 << max(2, (length - 1).bit_length())
    return power * 3 // 4 if power * 3 // 4 >= length else power


def _shelf(rate: int) -> tuple[list[float], list[float]]:
    gain_db, quality, frequency = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    k = np.tan(np.pi * min(frequency, 0.45 * rate) / rate)
    high = 10 ** (gain_db / 20)
    middle = high**0.4996667741545416
    norm = 1 + k / quality + k * k
    numerator = [
        (high + middle * k / quality + k * k) / norm,
        2 * (k * k - high) / norm,
        (high - middle * k / quality + k * k) / norm,
    ]
    return numerator, [1.0, 2 * (k * k - 1) / norm, (1 - k / quality + k * k) / norm]


def _high_pass(rate: int) -> tuple[list[float], list[float]]:
    quality, frequency = 0.5003270373238773, 38.13547087602444
    k = np.tan(np.pi * frequency / rate)
    norm = 1 + k / quality + k * k
    return [1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / norm, (1 - k / quality + k * k) / norm]
