"""Recipes for the rest: bass notes, explosions, distortion, effects, the whistle, the cuica."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from libindex.training.synthesis.voice import (
    Signal,
    Voice,
    decay,
    drive,
    fall,
    mix,
    saw,
    square,
    strike,
    unit,
)

_SHAPES: tuple[Callable[[Signal], Signal], ...] = (saw, square, np.sin)


def bass(voice: Voice) -> Signal:
    """A bass note: an oscillator with a closing filter, or two operators in FM."""
    pitch, t60 = voice.between(41.0, 110.0), voice.between(1.0, 5.0)
    t = voice.time(min(t60, 2.2))
    steady = np.full_like(t, pitch)
    envelope = strike(t, t60, voice.between(0.003, 0.02))
    if voice.chance(0.35):
        depth = voice.between(0.3, 2.0) * decay(t, voice.between(0.3, 1.0))
        modulator = voice.wave(voice.choice([1.0, 2.0, 3.0]) * steady)
        return envelope * voice.wave(steady, lambda phase: np.sin(phase + depth * modulator))
    rich = voice.wave(steady, voice.choice(_SHAPES))
    open_hz = pitch * voice.between(4.0, 20.0)
    dark = voice.band(rich, 0.0, pitch * voice.between(1.2, 4.0))
    bright = voice.band(rich, 0.0, open_hz) * decay(t, voice.between(0.3, 2.0))
    pluck = voice.burst(150.0, 2500.0, voice.between(0.02, 0.08), 0.002, 1)
    note = mix((1.0, dark), (voice.between(0.1, 0.8), bright)) * envelope
    return mix((1.0, note), (voice.between(0.02, 0.3), pluck))


def thud(voice: Voice) -> Signal:
    """A deep explosion: an overdriven falling tone in a rumble that outlives it."""
    pitch, t60 = voice.between(35.0, 90.0), voice.between(2.0, 5.0)
    t = voice.time(min(t60, 3.5))
    tone = voice.wave(pitch * fall(t, voice.between(1.2, 4.0), voice.between(0.05, 0.3)))
    rumble = voice.burst(25.0, voice.between(110.0, 700.0), t60, voice.between(0.01, 0.09), 1)
    blast = voice.burst(80.0, voice.between(800.0, 5000.0), 0.7 * t60, 0.01, 1)
    mass = mix(
        (voice.between(0.2, 0.7), tone * strike(t, t60, 0.005)),
        (voice.between(0.5, 1.2), rumble),
        (voice.between(0.3, 1.0), blast),
    )
    # Clipping squares the decay off; the envelope afterwards gives the explosion its end back.
    crushed = drive(mass, voice.between(2.0, 9.0)) * decay(voice.along(mass), 1.3 * t60)
    return voice.band(crushed, 0.0, voice.between(700.0, 6000.0), 1)


def industrial(voice: Voice) -> Signal:
    """Snare and clap layers, folded over and cut off: the sound of a gate on a distortion."""
    t60, pitch = voice.between(0.4, 1.0), voice.between(110.0, 450.0)
    t = voice.time(voice.between(0.14, 0.28))
    tone = voice.wave(pitch * fall(t, voice.between(1.0, 2.5), 0.03), square) * decay(t, t60)
    ring = voice.wave(np.full_like(t, pitch * voice.between(1.3, 6.0)))
    noise = voice.burst(voice.between(150.0, 500.0), 9e3, t60, 0.0005, 1)[: len(t)]
    crack = voice.burst(1500.0, 16e3, 0.03)
    layers = mix(
        (voice.between(0.2, 0.8), tone * ring),
        (voice.between(0.5, 1.0), noise),
        (voice.between(0.3, 0.9), crack),
    )
    folded = drive(np.sin(voice.between(1.5, 5.0) * unit(layers)), voice.between(1.0, 5.0))
    gate: Signal = np.clip((t[-1] - t) / 0.02, 0.0, 1.0)
    return folded * (gate * decay(t, voice.between(0.3, 0.6)))


def effect(voice: Voice) -> Signal:
    """Strange on purpose: a zap, a warble, a riser or a ring-modulated cloud."""
    return voice.choice([_zap, _warble, _riser, _cloud])(voice, voice.between(120.0, 1500.0))


def _zap(voice: Voice, pitch_hz: float) -> Signal:
    length = voice.between(0.3, 1.5)
    t = voice.time(length)
    sweep = pitch_hz * fall(t, voice.between(4.0, 20.0), length * voice.between(0.05, 0.25))
    return voice.wave(sweep, voice.choice(_SHAPES)) * decay(t, length)


def _warble(voice: Voice, pitch_hz: float) -> Signal:
    """Frequency modulation whose both operators wobble together."""
    length = voice.between(0.3, 2.5)
    t = voice.time(length)
    wobble = np.sin(2.0 * np.pi * voice.between(4.0, 40.0) * t)
    operator = voice.wave(pitch_hz * voice.between(0.5, 7.0) * (1.0 + 0.3 * wobble))
    depth = voice.between(1.0, 8.0) * np.linspace(1.0, voice.between(0.1, 2.0), len(t))
    curve = pitch_hz * (1.0 + voice.between(0.05, 0.6) * wobble)
    sound = voice.wave(curve, lambda phase: np.sin(phase + depth * operator))
    return sound * strike(t, 2.0 * length, 0.1 * length)


def _riser(voice: Voice, pitch_hz: float) -> Signal:
    t = voice.time(voice.between(0.5, 2.5))
    swell = np.linspace(0.0, 1.0, len(t)) ** 2
    tone = voice.wave(pitch_hz * 2.0 ** (voice.between(0.5, 3.0) * swell), saw)
    air = voice.band(voice.noise(len(t) / voice.sample_rate), pitch_hz, 6.0 * pitch_hz)
    return swell * mix((voice.between(0.2, 1.0), tone), (0.6, unit(air)))


def _cloud(voice: Voice, pitch_hz: float) -> Signal:
    length = voice.between(0.4, 2.5)
    t = voice.time(length)
    noise = unit(voice.band(voice.noise(length), pitch_hz, 1.3 * pitch_hz))
    sweep = voice.wave(pitch_hz * fall(t, voice.between(1.0, 6.0), length))
    grains = 0.5 + 0.5 * np.sin(2.0 * np.pi * voice.between(3.0, 25.0) * t)
    return voice.room(noise * sweep * grains * decay(t, 1.5 * length), 0.8, voice.between(0.3, 1.0))


def whistle(voice: Voice) -> Signal:
    """An air jet on a small cavity, wavering in pitch; in a pea whistle the pea chops it.

    Jet noise around the tone: Fletcher & Rossing, The Physics of Musical Instruments, chapter 16.
    """
    pitch, length = voice.between(900.0, 2900.0), voice.between(0.25, 1.3)
    t = voice.time(length)
    pea = voice.chance(0.5)
    rate = voice.between(20.0, 45.0) if pea else voice.between(4.0, 8.0)
    waver = np.sin(2.0 * np.pi * rate * t)
    scoop = fall(t, voice.between(0.75, 1.1), voice.between(0.02, 0.08))
    if voice.chance(0.4):
        scoop = scoop * np.linspace(1.0, voice.between(0.6, 1.6), len(t))
    tone = voice.wave(pitch * scoop * (1.0 + voice.between(0.003, 0.03) * waver))
    jet = unit(voice.band(voice.noise(length), 0.85 * pitch, 1.2 * pitch, 1))
    blown = mix((1.0, tone), (0.05, tone**3), (voice.between(0.03, 0.25), jet))
    chop = 1.0 + (0.4 if pea else 0.08) * waver
    ends = np.clip(t / voice.between(0.02, 0.08), 0.0, 1.0)
    ends *= np.clip((length - t) / voice.between(0.03, 0.2), 0.0, 1.0)
    return blown * chop * ends


def cuica(voice: Voice) -> Signal:
    """A skin driven by stick and slip of a rubbed reed: a voice-like tone that swoops.

    The friction cycle is asymmetric, hence a rounded sawtooth; the skin and body let its lowest
    partials through.
    """
    length, pitch = voice.between(0.15, 0.5), voice.between(230.0, 480.0)
    t = voice.time(length)
    x = np.linspace(0.0, 1.0, len(t))
    swoop = np.sin(np.pi * x ** voice.between(0.5, 1.5)) if voice.chance(0.5) else 1.0 - x
    direction = voice.choice([-1.0, 1.0])
    curve = pitch * 2.0 ** (direction * voice.between(0.15, 0.8) * swoop)
    rubbed = voice.wave(curve, saw) + voice.between(0.02, 0.1) * voice.noise(length)
    skin = voice.band(rubbed, 0.6 * pitch, voice.between(1.5, 3.5) * pitch)
    swell = strike(t, voice.between(0.3, 1.0), voice.between(0.02, 0.25) * length)
    grip = voice.burst(200.0, 5000.0, voice.between(0.03, 0.12), 0.01, 1)
    ended = unit(skin) * swell * np.clip((length - t) / 0.04, 0.0, 1.0)
    return mix((1.0, ended), (voice.between(0.05, 0.4), grip))
