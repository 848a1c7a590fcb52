"""Building blocks of the synthesiser: modes, noise, envelopes, filters and a room.

Decays are given as T60, the time in which a level falls by 60 dB, as acousticians have it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import signal as dsp

Signal = npt.NDArray[np.float64]
_Option = TypeVar("_Option")


@dataclass(frozen=True)
class Voice:
    """A source of randomness at a sample rate [Hz]: all that a recipe needs to make a sound."""

    rng: np.random.Generator
    sample_rate: int

    def between(self, low: float, high: float) -> float:
        """Random number, log-uniform: pitch, time and level are heard as ratios."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def choice(self, options: Sequence[_Option]) -> _Option:
        return options[int(self.rng.integers(len(options)))]

    def scatter(self, values: Sequence[float] | Signal, spread: float) -> Signal:
        """The values, each multiplied by its own log-normal factor of that relative spread."""
        exact = np.asarray(values, dtype=np.float64)
        return exact * np.exp(self.rng.normal(0.0, spread, exact.shape))

    def time(self, duration_s: float) -> Signal:
        """Time axis [s], shape (samples,), at least one sample long."""
        return np.arange(max(1, round(duration_s * self.sample_rate))) / self.sample_rate

    def along(self, sound: Signal) -> Signal:
        """Time axis [s] of a sound, shape (samples,)."""
        return np.arange(len(sound)) / self.sample_rate

    def noise(self, duration_s: float) -> Signal:
        """White noise, shape (samples,)."""
        return self.rng.standard_normal(len(self.time(duration_s)))

    def band(self, sound: Signal, low_hz: float, high_hz: float, order: int = 2) -> Signal:
        """Butterworth band-pass; 0 or infinity leaves that side open."""
        ceiling = 0.47 * self.sample_rate
        low_hz = min(low_hz, 0.6 * ceiling)  # at low rates, keep what there is of a high sound
        if high_hz < ceiling:
            sections = dsp.butter(order, high_hz, "lowpass", fs=self.sample_rate, output="sos")
            sound = dsp.sosfilt(sections, sound)
        if low_hz > 0.0:
            sections = dsp.butter(order, low_hz, "highpass", fs=self.sample_rate, output="sos")
            sound = dsp.sosfilt(sections, sound)
        return sound

    def burst(
        self, low_hz: float, high_hz: float, t60_s: float, attack_s: float = 0.0005, order: int = 2
    ) -> Signal:
        """Band-passed noise that decays, peak 1, shape (samples,)."""
        t = self.time(attack_s + t60_s)
        noise = self.band(self.noise(attack_s + t60_s), low_hz, high_hz, order)
        return unit(noise * strike(t, t60_s, attack_s))

    def wave(self, curve_hz: Signal, shape: Callable[[Signal], Signal] = np.sin) -> Signal:
        """Oscillator that follows a frequency curve [Hz], shape (samples,)."""
        return shape(2.0 * np.pi * np.cumsum(curve_hz) / self.sample_rate)

    def cluster(self, duration_s: float, pitches_hz: Sequence[float] | Signal) -> Signal:
        """Square waves beating against each other, as drum machines make metal."""
        steady = np.ones_like(self.time(duration_s))
        return mix(*((1.0, self.wave(pitch * steady, square)) for pitch in pitches_hz))

    def ring(
        self,
        duration_s: float,
        frequencies_hz: Signal,
        t60_s: Signal,
        gains: Signal,
        bend: Signal | None = None,
    ) -> Signal:
        """Modes struck together: exponentially damped sines, peak 1.

        Parameters
        ----------
        duration_s
            Length of the result [s].
        frequencies_hz, t60_s, gains
            One value a mode, shape (modes,). Modes above the Nyquist frequency are left out.
        bend
            Relative pitch over time, common to all modes, shape (samples,).
        """
        t = self.time(duration_s)
        warped = t if bend is None else np.cumsum(bend) / self.sample_rate
        highest = 0.49 * self.sample_rate / (1.0 if bend is None else float(bend.max()))
        sound = np.zeros_like(t)
        for frequency, mode_t60, gain in zip(frequencies_hz, t60_s, gains, strict=True):
            if frequency < highest:
                end = 1 + int(1.4 * mode_t60 * self.sample_rate)  # below -80 dB from there on
                phase = 2.0 * np.pi * frequency * warped[:end]
                sound[:end] += gain * np.sin(phase) * decay(t[:end], mode_t60)
        return unit(sound)

    def room(self, sound: Signal, t60_s: float, level: float) -> Signal:
        """The sound with a diffuse, darkening tail of that level around it."""
        t = self.time(t60_s)
        echoes = self.band(self.noise(t60_s), 120.0, 6500.0, 1) * strike(t, t60_s, 0.004)
        return mix((1.0, sound), (level * peak(sound), unit(dsp.fftconvolve(sound, echoes))))


def peak(sound: Signal) -> float:
    return float(np.abs(sound).max(initial=0.0))


def unit(sound: Signal) -> Signal:
    """The sound scaled to peak 1; silence stays silence."""
    return sound / max(peak(sound), 1e-12)


def decay(t: Signal, t60_s: float) -> Signal:
    """Exponential decay from 1, by 60 dB in every `t60_s`, shape of `t`."""
    return np.exp(t * (-6.9078 / t60_s))


def strike(t: Signal, t60_s: float, attack_s: float) -> Signal:
    """Linear rise to 1, then exponential decay, shape of `t`."""
    rise = np.clip(t / max(attack_s, 1e-5), 0.0, 1.0)
    return rise * decay(np.maximum(t - attack_s, 0.0), t60_s)


def fall(t: Signal, ratio: float, time_s: float) -> Signal:
    """Relative pitch that starts at `ratio` and settles at 1 with time constant `time_s`."""
    return 1.0 + (ratio - 1.0) * np.exp(-t / time_s)


def drive(sound: Signal, amount: float) -> Signal:
    """Soft clipping of a peak-1 sound; the result has peak 1 too."""
    return np.asarray(np.tanh(amount * unit(sound)) / np.tanh(amount))


def mix(*layers: tuple[float, Signal]) -> Signal:
    """Sum of (level, sound) layers that start together; the shorter are padded."""
    total = np.zeros(max(len(sound) for _, sound in layers))
    for level, sound in layers:
        total[: len(sound)] += level * sound
    return total


def delayed(sound: Signal, samples: int) -> Signal:
    return np.concatenate([np.zeros(samples), sound])


def square(phase: Signal) -> Signal:
    return np.where(np.sin(phase) >= 0.0, 1.0, -1.0)


def saw(phase: Signal) -> Signal:
    return np.mod(phase / np.pi, 2.0) - 1.0
