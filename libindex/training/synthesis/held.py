"""Building blocks of sounds that last: timbres, vibrato, slow curves, moving resonances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal as dsp

from libindex.training.synthesis.voice import Signal, Voice, saw, square

_BLOCK_S = 0.005  # a resonance moves in steps of this


def timbre(voice: Voice) -> Callable[[Signal], Signal]:
    """An oscillator with overtones of its own; it turns a frequency curve [Hz] into a tone."""
    if voice.chance(0.4):
        shape = voice.choice((saw, square))
        return lambda curve_hz: voice.wave(curve_hz, shape)
    partials = np.arange(1.0, float(voice.rng.integers(2, 13)))
    levels = voice.scatter(np.power(partials, -voice.between(0.6, 3.0)), 0.6)

    def additive(curve_hz: Signal) -> Signal:
        phase = voice.wave(curve_hz, np.asarray)
        sound = np.zeros_like(phase)
        for partial, level in zip(partials, levels, strict=True):
            if partial * curve_hz.max() < 0.45 * voice.sample_rate:
                sound += level * np.sin(partial * phase)
        return sound

    return additive


def vibrato(voice: Voice, t: Signal, pitch_hz: float, depth: float) -> Signal:
    """A frequency curve [Hz] that wavers by at most that share, more as the note goes on."""
    waver = np.sin(2.0 * np.pi * (voice.between(4.0, 7.0) * t + voice.rng.random()))
    return pitch_hz * (1.0 + voice.between(0.02, 1.0) * depth * waver * np.minimum(t / 0.4, 1.0))


def held(t: Signal, attack_s: float, release_s: float) -> Signal:
    """Rises, stays and falls, shape of `t`."""
    rise = np.clip(t / attack_s, 0.0, 1.0)
    return np.asarray(np.minimum(rise, np.clip((t[-1] - t) / release_s, 0.0, 1.0)))


def wander(voice: Voice, t: Signal, rate_hz: float) -> Signal:
    """A random curve between -1 and 1 that turns about that often, shape of `t`."""
    knots = np.arange(0.0, t[-1] + 2.0 / rate_hz, 1.0 / rate_hz)
    return np.interp(t, knots, voice.rng.uniform(-1.0, 1.0, len(knots)))


def coloured(voice: Voice, t: Signal, slope: float) -> Signal:
    """Noise whose power falls with frequency to that power: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(voice.rng.standard_normal(len(t)))
    ratio = np.maximum(np.fft.rfftfreq(len(t), 1 / voice.sample_rate), 20.0) / 20.0
    return np.fft.irfft(spectrum * ratio ** (-slope / 2), len(t))


def resonance(voice: Voice, source: Signal, track_hz: Signal, width_hz: float) -> Signal:
    """The source through a resonance whose frequency follows a curve [Hz]."""
    block = round(_BLOCK_S * voice.sample_rate)
    radius = np.exp(-np.pi * width_hz / voice.sample_rate)
    turns = np.minimum(track_hz[::block] / voice.sample_rate, 0.45)
    poles = -2.0 * radius * np.cos(2.0 * np.pi * turns)
    sound, state = np.empty_like(source), np.zeros(2)
    for i, pole in enumerate(poles):
        part = slice(i * block, (i + 1) * block)
        sound[part], state = dsp.lfilter([1.0], [1.0, pole, radius**2], source[part], zi=state)
    return sound
