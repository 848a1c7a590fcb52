"""How loud a short sound is: its loudest 400 ms."""

import numpy as np

from libindex.sound.decoding import FloatArray

_BLOCK_S = 0.4  # of momentary loudness


def loudness_lufs(samples: FloatArray, sample_rate: int) -> float:
    """The loudest 400 ms of a sound.

    Parameters
    ----------
    samples : ndarray of float32, shape (frames, channels)
        The sound; a shorter one counts as followed by silence.
    sample_rate : int
        [Hz].

    Returns
    -------
    float
        Momentary loudness after K-weighting (ITU-R BS.1770-4), of the mean of the channels' powers
        where the recommendation has their sum: so a mono file is as loud as the same sound in both
        channels [LUFS]; -inf for silence.
    """
    # It takes most of a second to import, and few commands need it.
    from scipy.signal import sosfilt

    block = max(1, round(_BLOCK_S * sample_rate))
    weighted = sosfilt([_shelf(sample_rate), _high_pass(sample_rate)], samples, axis=0)
    power = np.square(weighted).mean(axis=1)
    energy = np.concatenate([[0.0], np.cumsum(power)])
    loudest = energy[-1] if len(energy) <= block else (energy[block:] - energy[:-block]).max()
    return float(-0.691 + 10 * np.log10(loudest / block)) if loudest > 0 else float("-inf")


# BS.1770's two filters by the frequency, gain and quality of their analogue prototypes, for which
# the bilinear transform gives the recommendation's coefficients at 48 kHz (De Man 2014, "Evaluation
# of implementations of the EBU R128 loudness measurement").


def _shelf(rate: int) -> list[float]:
    """The shelf for the head, as a second-order section."""
    gain_db, quality, frequency = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    k = np.tan(np.pi * min(frequency, 0.45 * rate) / rate)
    high = 10 ** (gain_db / 20)
    middle = high**0.4996667741545416
    norm = 1 + k / quality + k * k
    return [
        (high + middle * k / quality + k * k) / norm,
        2 * (k * k - high) / norm,
        (high - middle * k / quality + k * k) / norm,
        1.0,
        2 * (k * k - 1) / norm,
        (1 - k / quality + k * k) / norm,
    ]


def _high_pass(rate: int) -> list[float]:
    """The high-pass, as a second-order section."""
    quality, frequency = 0.5003270373238773, 38.13547087602444
    k = np.tan(np.pi * frequency / rate)
    norm = 1 + k / quality + k * k
    return [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / norm, (1 - k / quality + k * k) / norm]
