"""A sound as a WAV file that every browser can decode, and how loud it is."""

import math
from dataclasses import dataclass

import numpy as np

from libindex.sound.decoding import FloatArray
from libindex.sound.loudness import loudness_lufs
from libindex.sound.stretch import Stretch

_FULL = 32_767
_RATES_HZ = (8_000, 192_000)  # that browsers take
_USUAL_HZ = 48_000


@dataclass(frozen=True, slots=True)
class Wave:
    """A file, and its levels.

    Attributes
    ----------
    data : bytes
        16-bit WAV.
    loudness_lufs : float
        Of its loudest 400 ms [LUFS]; -inf for silence.
    peak_dbfs : float
        [dBFS]; -inf for silence.
    """

    data: bytes
    loudness_lufs: float
    peak_dbfs: float


def wave(stretch: Stretch) -> Wave:
    """A stretch as a file. What goes beyond full scale is made softer as a whole, not clipped."""
    samples, rate = _at_usual_rate(stretch.samples, stretch.sample_rate)
    peak = float(np.abs(samples).max())
    if peak > 1:
        samples, peak = samples / peak, 1.0
    numbers = np.rint(samples * _FULL).astype("<i2").tobytes()
    return Wave(
        _header(len(numbers), rate, samples.shape[1]) + numbers,
        loudness_lufs(samples, rate),
        20 * math.log10(peak) if peak > 0 else -math.inf,
    )


def _at_usual_rate(samples: FloatArray, rate: int) -> tuple[FloatArray, int]:
    if _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        return samples, rate
    import soxr

    return soxr.resample(samples, rate, _USUAL_HZ, quality="HQ"), _USUAL_HZ


def _header(size: int, rate: int, channels: int) -> bytes:
    """Of a WAV file with so many bytes of 16-bit PCM."""
    numbers = np.array([16], "<u4").tobytes() + np.array([1, channels], "<u2").tobytes()
    numbers += np.array([rate, rate * channels * 2], "<u4").tobytes()
    numbers += np.array([channels * 2, 16], "<u2").tobytes()
    sizes = (np.array([one], "<u4").tobytes() for one in (36 + size, size))
    return b"RIFF" + next(sizes) + b"WAVEfmt " + numbers + b"data" + next(sizes)
