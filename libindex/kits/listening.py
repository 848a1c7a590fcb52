"""Hearing the sounds that were chosen once more: are they there, are they loops, how loud are they.

What the library stores of a sound is enough to choose it, not to play it well.
"""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libindex.audio import Signal
from libindex.errors import SampleError
from libindex.preparation import read

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
    container : str
        As libsndfile names it.
    duration_s : float or None
        Length [s].
    loudness_lufs : float
        The loudest 400 ms, weighted as the ear hears (ITU-R BS.1770) [LUFS].
    peak : float
        Largest absolute value; full scale is 1.
    is_loop : bool
        Whether it has several separate hits of about the same strength.
    """

    container: str
    duration_s: float | None
    loudness_lufs: float
    peak: float
    is_loop: bool


def listen(path: str) -> Playing | None:
    """Hear a file; None if it is not there, or other programs could not play it."""
    import soundfile

    try:
        recording = read(path, MOST_S)[0]
        if soundfile.info(os.fsencode(path)).frames < 1:  # such as an Ogg file without its end
            return None
    except (SampleError, soundfile.LibsndfileError):
        return None
    return Playing(
        recording.container,
        recording.duration_s,
        loudness_lufs(recording.signal),
        recording.peak,
        is_loop(recording.signal),
    )


def loudness_lufs(signal: Signal) -> float:
    """The loudest 400 ms of a sound.

    Parameters
    ----------
    signal : Signal
        The sound; what is shorter counts as followed by silence.

    Returns
    -------
    float
        Momentary loudness after K-weighting (ITU-R BS.1770-4) [LUFS]; -inf for silence.
    """
    weighted = _k_weighted(signal)
    block = max(1, round(_BLOCK_S * signal.sample_rate))
    energy = np.concatenate([[0.0], np.cumsum(weighted**2)])
    loudest = energy[-1] if len(energy) <= block else (energy[block:] - energy[:-block]).max()
    power = loudest / block
    return float(-0.691 + 10 * np.log10(power)) if power > 0 else float("-inf")


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


def _k_weighted(signal: Signal) -> NDArray[np.float64]:
    """A shelf for the head and a high-pass, as analogue prototypes of BS.1770's two filters.

    Their frequencies, gains and qualities are those for which the bilinear transform gives the
    recommendation's coefficients at 48 kHz (De Man 2014, "Evaluation of implementations of the
    EBU R128 loudness measurement"). They are applied as a product of spectra.
    """
    # Room for the high-pass to ring, so that the end does not come round to the beginning.
    size = _fast_length(len(signal.samples) + signal.sample_rate // 4)
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    spectrum = np.fft.rfft(signal.samples, size)
    for numerator, denominator in (_shelf(signal.sample_rate), _high_pass(signal.sample_rate)):
        # Coefficients of z^-1 by rising power, as polyval has them by falling power.
        spectrum *= np.polyval(numerator[::-1], turn) / np.polyval(denominator[::-1], turn)
    return np.fft.irfft(spectrum, size)[: len(signal.samples)]


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
