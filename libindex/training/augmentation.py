"""Variations of a sound that leave its class as it is: as audio, as spectrogram, as mixtures.

Every function takes its random choices from a generator, so that the same state of it gives the
same variation.
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.fft
import torch
from scipy import signal as dsp
from torch import Tensor

from libindex.audio import FloatArray, Signal

# A step gets samples, their rate [Hz] and a generator; not every one needs the rate.
Step = Callable[[FloatArray, int, np.random.Generator], FloatArray]

_FLOOR = 1e-9
_SEMITONES_SD, _SEMITONES_MAX = 1.8, 5.0


def vary(signal: Signal, rng: np.random.Generator) -> Signal:
    """A variation of a sound, as another pack, converter or editor might have it.

    Parameters
    ----------
    signal : Signal
        The sound.
    rng : numpy.random.Generator
        Source of all choices.

    Returns
    -------
    Signal
        Peak at most 1, at a sampling rate that stands for the shift in pitch and time.
    """
    samples, rate = signal.samples, signal.sample_rate
    for chance, step in _STEPS:
        if rng.random() < chance:
            samples = step(samples, rate, rng)
    samples = samples / max(float(np.abs(samples).max(initial=0.0)), _FLOOR)
    samples *= 10 ** (rng.uniform(-18.0, 0.0) / 20)
    return Signal(samples.astype(np.float32), shifted_rate(rate, rng))


def shifted_rate(rate: int, rng: np.random.Generator) -> int:
    """A rate near `rate` [Hz]: read at it, a sound changes in pitch and length.

    Three in four are shifted, by up to 5 semitones.
    """
    if rng.random() < 0.25:
        return rate
    semitones = np.clip(rng.normal(0.0, _SEMITONES_SD), -_SEMITONES_MAX, _SEMITONES_MAX)
    return round(rate * 2 ** (float(semitones) / 12))


def trim_end(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Cut between 0 and 60 % off the end, faded, but leave a quarter of a second."""
    end = max(round(len(samples) * rng.uniform(0.4, 1.0)), min(len(samples), rate // 4))
    fade = np.linspace(1.0, 0.0, max(1, end // 6), dtype=np.float32)
    cut = samples[:end].copy()
    cut[-len(fade) :] *= fade
    return cut


def damp(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Decay faster, by up to 15 dB at the end."""
    decibels = np.linspace(0.0, -rng.uniform(3.0, 15.0), len(samples))
    return np.asarray(samples * 10 ** (decibels / 20), np.float32)


def trim_start(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Cut up to 4 ms off the start, of sounds that are at least ten times as long."""
    cut = round(rate * rng.uniform(0.0, 0.004))
    return samples[cut:] if len(samples) > 10 * cut else samples


def saturate(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Clip softly, as tape or a valve does."""
    drive = np.exp(rng.uniform(np.log(0.7), np.log(6.0)))
    scale = max(float(np.abs(samples).max(initial=0.0)), _FLOOR)
    return np.asarray(np.tanh(drive * samples / scale), np.float32)


def room(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Add a diffuse tail: decaying noise of 0.1 to 0.7 s, 8 to 26 dB below the sound."""
    t60_s = rng.uniform(0.1, 0.7)
    t = np.arange(round(t60_s * rate)) / rate
    # 6.9 = ln 1000: 60 dB of amplitude.
    tail = rng.standard_normal(len(t)).astype(np.float32) * np.exp(-6.9 * t / t60_s)
    wet = dsp.fftconvolve(samples, tail.astype(np.float32))
    dry = np.pad(samples, (0, len(wet) - len(samples)))
    scale = np.abs(samples).max() / max(float(np.abs(wet).max()), _FLOOR)
    return np.asarray(dry + wet * scale * 10 ** (rng.uniform(-26.0, -8.0) / 20), np.float32)


def equalise(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Tilt the spectrum by up to 3 dB an octave and raise or lower a band by up to 8 dB."""
    size = scipy.fft.next_fast_len(len(samples) + rate // 100, real=True)
    octaves = np.log2(np.maximum(scipy.fft.rfftfreq(size, 1 / rate), 20.0) / 1_000.0)
    decibels = rng.uniform(-3.0, 3.0) * np.clip(octaves, -4.0, 4.0)
    centre, width = rng.uniform(-4.0, 3.5), rng.uniform(0.4, 1.5)
    decibels += rng.uniform(-8.0, 8.0) * np.exp(-0.5 * np.square((octaves - centre) / width))
    return _filtered(samples, size, 10 ** (decibels / 20))


def limit_band(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Lose what an old sampler or a small loudspeaker loses: highs, and sometimes lows."""
    size = scipy.fft.next_fast_len(len(samples) + rate // 100, real=True)
    frequency = scipy.fft.rfftfreq(size, 1 / rate)
    gain = _lowpass(frequency, np.exp(rng.uniform(np.log(4_000.0), np.log(14_000.0))), order=4)
    if rng.random() < 0.4:
        cut_hz = np.exp(rng.uniform(np.log(30.0), np.log(150.0)))
        gain *= 1.0 - _lowpass(frequency, cut_hz, order=2)
    return _filtered(samples, size, gain)


def crush(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Round to 6 to 12 bits; half of them also hold every second to fourth sample."""
    scale = max(float(np.abs(samples).max(initial=0.0)), _FLOOR)
    steps = 2.0 ** (rng.integers(6, 13) - 1)
    coarse = np.round(samples / scale * steps) / steps
    if rng.random() < 0.5:
        hold = int(rng.integers(2, 5))
        coarse = np.repeat(coarse[::hold], hold)[: len(coarse)]
    return np.asarray(coarse, np.float32)


def add_noise(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Add hiss (white) or rumble (brown) 30 to 65 dB below the peak."""
    noise = rng.standard_normal(len(samples)).astype(np.float32)
    if rng.random() < 0.4:
        noise = dsp.lfilter([1.0], [1.0, -0.97], noise).astype(np.float32)
    level = np.abs(samples).max(initial=0.0) * 10 ** (rng.uniform(-65.0, -30.0) / 20)
    return np.asarray(samples + noise * (level / max(float(noise.std()), _FLOOR)), np.float32)


def delay(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Put up to 40 ms of silence in front."""
    return np.pad(samples, (round(rate * rng.uniform(0.0, 0.04)), 0))


# In the order of a recording's life: played, amplified, recorded, edited.
_STEPS: tuple[tuple[float, Step], ...] = (
    (0.15, damp),
    (0.25, saturate),
    (0.20, room),
    (0.55, equalise),
    (0.25, limit_band),
    (0.15, crush),
    (0.40, trim_end),
    (0.15, trim_start),
    (0.25, delay),
    (0.25, add_noise),
)


def vary_mel(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A variation of a log-mel spectrogram: other dynamics, masked bands, masked frames.

    Masking is SpecAugment's (Park et al. 2019, Interspeech), without its time warp.

    Parameters
    ----------
    mel : ndarray of float32, shape (frames, n_mels)
        Values from 0 to 1.
    rng : numpy.random.Generator
        Source of all choices.

    Returns
    -------
    ndarray of float32, shape (frames, n_mels)
        A new array.
    """
    frames, bands = mel.shape
    varied = mel.copy()
    if rng.random() < 0.4:
        # 1 is the loudest point: what lies below it comes nearer or goes further down.
        varied = np.clip(1.0 - (1.0 - varied) * np.float32(rng.uniform(0.8, 1.25)), 0.0, 1.0)
    for _ in range(rng.integers(0, 3)):
        width = int(rng.integers(1, max(2, bands // 8)))
        start = int(rng.integers(0, bands - width + 1))
        varied[:, start : start + width] = 0.0
    if frames >= 16 and rng.random() < 0.3:
        width = int(rng.integers(1, max(2, frames // 6)))
        # The attack says most of what a sound is, so it is left alone.
        start = int(rng.integers(4, max(5, frames - width + 1)))
        varied[start : start + width] = 0.0
    return varied


def mix_up(
    mels: Sequence[Tensor], targets: Tensor, rng: np.random.Generator, alpha: float
) -> tuple[list[Tensor], Tensor]:
    """Mix every sound with another of the batch, spectrograms and targets alike.

    mixup of Zhang et al. (2018, ICLR), with one weight for each sound.

    Parameters
    ----------
    mels : sequence of Tensor of float32, shape (frames, n_mels) each
        Log-mel spectrograms.
    targets : Tensor of float32, shape (batch, classes)
        Probability of each class.
    rng : numpy.random.Generator
        Source of all choices.
    alpha : float
        Of the weights' distribution, Beta(alpha, alpha); the sound itself is always the larger
        part.

    Returns
    -------
    mels : list of Tensor of float32, shape (frames, n_mels) each
        As long as they were; a shorter partner is followed by silence.
    targets : Tensor of float32, shape (batch, classes)
    """
    partner = torch.from_numpy(rng.permutation(len(mels)))
    weight = rng.beta(alpha, alpha, len(mels)).astype(np.float32)
    share = torch.from_numpy(np.maximum(weight, 1 - weight))
    mixed = [mel * w for mel, w in zip(mels, share, strict=True)]
    for mel, w, other in zip(mixed, share, partner.tolist(), strict=True):
        frames = min(len(mel), len(mels[other]))
        mel[:frames] += (1 - w) * mels[other][:frames]
    return mixed, share[:, None] * targets + (1 - share)[:, None] * targets[partner]


def _lowpass(frequency: FloatArray, cut_hz: float, order: int) -> FloatArray:
    """Magnitude of a Butterworth low-pass."""
    return np.asarray(1.0 / np.sqrt(1.0 + (frequency / cut_hz) ** (2 * order)), np.float32)


def _filtered(samples: FloatArray, size: int, gain: FloatArray) -> FloatArray:
    """Zero-phase filter by magnitude, over a spectrum of `size` points."""
    spectrum = scipy.fft.rfft(samples, size) * gain.astype(np.float32)
    return np.asarray(scipy.fft.irfft(spectrum, size)[: len(samples)], np.float32)
