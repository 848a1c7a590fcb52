"""Augmentation of audio that keeps the class: what players, packs and editors do to a sound.

Random choices come from a generator: the same state gives the same result.
"""

import io
from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import signal as dsp

from libindex.sound.decoding import FloatArray, Signal

# A step takes samples, their rate [Hz], which not every one needs, and a generator.
Step = Callable[[FloatArray, int, np.random.Generator], FloatArray]

_FLOOR = 1e-9
_LAYERED_SHARE = 0.12
_MAX_TAIL_S, _MAX_S = 1.2, 4
_CODED_HZ = 44_100
_SEMITONES_SD, _SEMITONES_MAX = 1.8, 5.0


def vary(
    signal: Signal, rng: np.random.Generator, other: Callable[[], Signal] | None = None
) -> Signal:
    """A variation of a sound, as another pack, converter or editor might produce it.

    Parameters
    ----------
    signal : Signal
        The sound.
    rng : numpy.random.Generator
        Source of all random choices.
    other : callable, optional
        Returns a sound that is sometimes layered under this one.

    Returns
    -------
    Signal
        Peak at most 1; the sampling rate accounts for the shift in pitch and time.
    """
    samples, rate = signal.samples, signal.sample_rate
    if other is not None and rng.random() < _LAYERED_SHARE:
        samples = layer(samples, other().samples, rng)
    for probability, step in _STEPS:
        if rng.random() < probability:
            samples = step(samples, rate, rng)
    samples = samples * (10 ** (rng.uniform(-18.0, 0.0) / 20) / _peak(samples))
    return Signal(samples.astype(np.float32), shifted_rate(rate, rng))


def shifted_rate(rate: int, rng: np.random.Generator) -> int:
    """A rate near `rate` [Hz]; played at it, a sound changes in pitch and length.

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


def cut_off(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Stop after 25 to 90 %, within 20 ms, as slices and released keys do."""
    end = max(round(len(samples) * rng.uniform(0.25, 0.9)), min(len(samples), rate // 8))
    fade = np.linspace(1.0, 0.0, min(end, max(1, round(rng.uniform(0.002, 0.02) * rate))))
    cut = samples[:end].copy()
    cut[-len(fade) :] *= fade.astype(np.float32)
    return cut


def damp(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Decay faster, by up to 15 dB at the end."""
    return _gained(samples, np.linspace(0.0, -rng.uniform(3.0, 15.0), len(samples)))


def trim_start(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Cut up to 4 ms off the start, but at most a tenth of the sound."""
    cut = round(rate * rng.uniform(0.0, 0.004))
    return samples[cut:] if len(samples) > 10 * cut else samples


def saturate(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Clip softly, as tape or a valve does."""
    drive = np.exp(rng.uniform(np.log(0.7), np.log(6.0)))
    return np.asarray(np.tanh(drive * samples / _peak(samples)), np.float32)


def room(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Add a diffuse tail, darker than the sound: decaying noise of 0.1 to 1.8 s.

    Its energy lies 3 to 24 dB below the sound's.
    """
    t60_s = np.exp(rng.uniform(np.log(0.1), np.log(1.8)))
    t = np.arange(round(min(t60_s, _MAX_TAIL_S) * rate)) / rate
    # 6.9 = ln 1000: 60 dB of amplitude.
    noise = rng.standard_normal(len(t)) * np.exp(-6.9 * t / t60_s)
    keep = np.exp(-2 * np.pi * np.exp(rng.uniform(np.log(1_500.0), np.log(12_000.0))) / rate)
    tail = dsp.lfilter([1 - keep], [1, -keep], noise)
    tail = np.pad(tail, (round(rng.uniform(0.0, 0.02) * rate), 0)).astype(np.float32)
    wet = dsp.fftconvolve(samples, tail)[: max(len(samples), _MAX_S * rate)]
    dry = np.pad(samples, (0, len(wet) - len(samples)))
    scale = np.sqrt(np.square(dry).sum() / max(float(np.square(wet).sum()), _FLOOR))
    return np.asarray(dry + wet * scale * 10 ** (rng.uniform(-24.0, -3.0) / 20), np.float32)


def reflect(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Add one reflection after 0.5 to 12 ms, as from a wall or a flanger: a comb filter."""
    late = samples.copy()
    lag = round(rng.uniform(0.0005, 0.012) * rate)
    gain = np.float32(rng.choice([-1, 1]) * rng.uniform(0.2, 0.7))
    late[lag:] += gain * samples[: max(0, len(samples) - lag)]
    return late


def shape_attack(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Raise or lower the first 4 to 50 ms by up to 9 dB."""
    t = np.arange(len(samples)) / rate
    time_s = np.exp(rng.uniform(np.log(0.004), np.log(0.05)))
    return _gained(samples, rng.uniform(-9.0, 9.0) * np.exp(-t / time_s))


def compress(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Make quiet parts louder or quieter: a compressor without a threshold, or an expander."""
    time_s = np.exp(rng.uniform(np.log(0.002), np.log(0.03)))
    keep = np.exp(-1 / (rate * time_s))
    envelope = dsp.lfilter([1 - keep], [1, -keep], np.abs(samples))
    loudest = max(float(envelope.max(initial=0.0)), _FLOOR)
    relative = np.maximum(envelope / loudest, 1e-4)
    return np.asarray(samples * relative ** rng.uniform(-0.5, 0.25), np.float32)


def equalise(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Tilt the spectrum by up to 3 dB an octave and raise or lower a band by up to 8 dB."""
    size = _spectrum_size(samples, rate)
    octaves = np.log2(np.maximum(scipy.fft.rfftfreq(size, 1 / rate), 20.0) / 1_000.0)
    decibels = rng.uniform(-3.0, 3.0) * np.clip(octaves, -4.0, 4.0)
    centre, width = rng.uniform(-4.0, 3.5), rng.uniform(0.4, 1.5)
    decibels += rng.uniform(-8.0, 8.0) * np.exp(-0.5 * np.square((octaves - centre) / width))
    return _filtered(samples, size, 10 ** (decibels / 20))


def limit_band(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Cut highs, and sometimes lows, as an old sampler or a small loudspeaker does."""
    size = _spectrum_size(samples, rate)
    frequency = scipy.fft.rfftfreq(size, 1 / rate)
    gain = _lowpass(frequency, np.exp(rng.uniform(np.log(4_000.0), np.log(14_000.0))), order=4)
    if rng.random() < 0.4:
        cut_hz = np.exp(rng.uniform(np.log(30.0), np.log(150.0)))
        gain *= 1.0 - _lowpass(frequency, cut_hz, order=2)
    return _filtered(samples, size, gain)


def clip(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Clip hard, 3 to 18 dB too loud."""
    gain = 10 ** (rng.uniform(3.0, 18.0) / 20) / _peak(samples)
    return np.asarray(np.clip(samples * gain, -1.0, 1.0), np.float32)


def crush(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Round to 6 to 12 bits; half of them also repeat every second to fourth sample."""
    coarse = _rounded(samples, int(rng.integers(6, 13)))
    if rng.random() < 0.5:
        hold = int(rng.integers(2, 5))
        coarse = np.repeat(coarse[::hold], hold)[: len(coarse)]
    return coarse


def sample_coarsely(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """As a sampler of the eighties: 6 to 9 bits at 7 to 20 kHz.

    Half of them alias, half of them interpolate on playback.
    """
    low_rate = np.exp(rng.uniform(np.log(7_000.0), np.log(20_000.0)))
    if rng.random() < 0.5:
        size = _spectrum_size(samples, rate)
        frequency = scipy.fft.rfftfreq(size, 1 / rate)
        samples = _filtered(samples, size, _lowpass(frequency, 0.45 * low_rate, order=8))
    count = max(2, round(len(samples) * low_rate / rate))
    taken = np.linspace(0, len(samples) - 1, count).astype(np.int64)
    coarse = _rounded(samples[taken], int(rng.integers(6, 10)))
    if rng.random() < 0.5:
        return np.interp(np.arange(len(samples)), taken, coarse).astype(np.float32)
    return np.repeat(coarse, np.diff(taken, append=len(samples)))


def code(samples: FloatArray, _rate: int, rng: np.random.Generator) -> FloatArray:
    """Encode as MP3 or Ogg Vorbis and decode, as if sampled at 44.1 kHz."""
    import soundfile

    kind, encoding = rng.choice([("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS")])
    if kind not in soundfile.available_formats():  # some builds of libsndfile can't write MP3
        return samples
    buffer = io.BytesIO()
    level = rng.uniform(0.4, 0.95)
    scaled = samples * (0.85 / _peak(samples))
    with soundfile.SoundFile(
        buffer, "w", _CODED_HZ, 1, encoding, format=kind, compression_level=level
    ) as file:
        file.write(scaled)
    buffer.seek(0)
    coded: FloatArray = soundfile.read(buffer, dtype="float32")[0]
    # An encoder may drop a very short sound altogether.
    return coded if np.abs(coded).max(initial=0.0) > 0.01 else samples


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


def layer(samples: FloatArray, other: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Add another sound, 9 to 24 dB softer; half of them end with the louder one."""
    softer = other * (_peak(samples) / _peak(other) * 10 ** (rng.uniform(-24.0, -9.0) / 20))
    length = len(samples) if rng.random() < 0.5 else max(len(samples), len(other))
    both = np.zeros(length, np.float32)
    both[: len(samples)] = samples
    both[: len(softer)] += softer[:length]
    return both


# Probabilities and steps in signal order: played, amplified, recorded, edited, encoded.
_STEPS: tuple[tuple[float, Step], ...] = (
    (0.12, damp),
    (0.15, shape_attack),
    (0.15, compress),
    (0.20, saturate),
    (0.06, clip),
    (0.08, reflect),
    (0.25, room),
    (0.55, equalise),
    (0.22, limit_band),
    (0.10, crush),
    (0.10, sample_coarsely),
    (0.25, trim_end),
    (0.12, cut_off),
    (0.15, trim_start),
    (0.25, delay),
    (0.25, add_noise),
    (0.10, code),
)


def _peak(samples: FloatArray) -> float:
    return max(float(np.abs(samples).max(initial=0.0)), _FLOOR)


def _gained(samples: FloatArray, decibels: NDArray[np.floating]) -> FloatArray:
    return np.asarray(samples * 10 ** (decibels / 20), np.float32)


def _rounded(samples: FloatArray, bits: int) -> FloatArray:
    steps = 2.0 ** (bits - 1)
    return np.asarray(np.round(samples / _peak(samples) * steps) / steps, np.float32)


def _spectrum_size(samples: FloatArray, rate: int) -> int:
    """A fast FFT length with 10 ms of silence after the sound, for the filter's ringing."""
    return int(scipy.fft.next_fast_len(len(samples) + rate // 100, real=True))


def _lowpass(frequency: FloatArray, cut_hz: float, order: int) -> FloatArray:
    """Magnitude of a Butterworth low-pass."""
    return np.asarray(1.0 / np.sqrt(1.0 + (frequency / cut_hz) ** (2 * order)), np.float32)


def _filtered(samples: FloatArray, size: int, gain: FloatArray) -> FloatArray:
    """Zero-phase filter by magnitude, over a spectrum of `size` points."""
    spectrum = scipy.fft.rfft(samples, size) * gain.astype(np.float32)
    return np.asarray(scipy.fft.irfft(spectrum, size)[: len(samples)], np.float32)
