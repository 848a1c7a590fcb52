"""Out-of-distribution sounds: random, and not percussion, as any sample library holds some.

They measure false alarms, and training on them prevents some. None of them is struck: they are
spoken, held, blown, or sustained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import signal as dsp

from libindex.training.synthesis.held import coloured, held, resonance, timbre, vibrato, wander
from libindex.training.synthesis.voice import (
    Signal,
    Voice,
    drive,
    mix,
    peak,
    saw,
    strike,
    unit,
)

SHORTEST_S, LONGEST_S = 1.0, 4.0
_PEAK = 0.9
# First three formants [Hz] of men's vowels (Peterson and Barney 1952, JASA 24).
_VOWELS_HZ = (
    (270.0, 2290.0, 3010.0),
    (390.0, 1990.0, 2550.0),
    (530.0, 1840.0, 2480.0),
    (660.0, 1720.0, 2410.0),
    (730.0, 1090.0, 2440.0),
    (570.0, 840.0, 2410.0),
    (440.0, 1020.0, 2240.0),
    (300.0, 870.0, 2240.0),
    (490.0, 1350.0, 1690.0),
)
_BANDWIDTHS_HZ = (80.0, 100.0, 160.0)
_CHORDS = ((0, 7), (0, 4, 7), (0, 3, 7), (0, 4, 7, 11), (0, 3, 7, 10), (0, 5, 7), (0, 3, 6, 9))
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))


def synthesise_ood(
    kind: str, rng: np.random.Generator, sample_rate: int = 44100
) -> npt.NDArray[np.float32]:
    """A new sound of a kind.

    Parameters
    ----------
    kind
        One of `KINDS`.
    rng
        Source of every random choice: the same state gives the same sound.
    sample_rate
        Of the result [Hz], at least 8000.

    Returns
    -------
    Mono samples, shape (samples,), peak 0.9, 1 to 4 s long.

    Raises
    ------
    ValueError
        For a kind that is not in `KINDS`.
    """
    if kind not in _RECIPES:
        raise ValueError(f"unknown kind {kind!r}; valid kinds: {', '.join(KINDS)}")
    voice = Voice(rng, sample_rate)
    length = voice.between(SHORTEST_S, LONGEST_S)
    # Some are cut out of the middle of something longer: they begin without their attack.
    skipped = voice.between(0.2, 1.0) if voice.chance(0.3) else 0.0
    sound = unit(_RECIPES[kind](voice, voice.time(length + skipped)))
    if voice.chance(0.2):
        sound = drive(sound, voice.between(0.3, 3.0))
    if voice.chance(0.3):
        sound = voice.band(sound, voice.between(20.0, 300.0), voice.between(3e3, 18e3), 1)
    if voice.chance(0.4):
        sound = voice.room(sound, voice.between(0.2, 1.5), voice.between(0.02, 0.3))
    samples = round(length * sample_rate)
    start = round(skipped * sample_rate)
    return _finished(voice, sound[start : start + samples]).astype(np.float32)


def _finished(voice: Voice, sound: Signal) -> Signal:
    """Without rumble and silence in front; faded at both ends; peak 0.9."""
    sound = voice.band(sound, 18.0, np.inf)
    first = int(np.argmax(np.abs(sound) > 0.003 * peak(sound)))
    sound = sound[min(first, max(0, len(sound) - round(SHORTEST_S * voice.sample_rate))) :]
    ends = held(voice.along(sound), voice.between(0.003, 0.03), voice.between(0.005, 0.3))
    return _PEAK * unit(sound * ends)


def _speech(voice: Voice, t: Signal) -> Signal:
    """Glottal pulses, or breath, through moving formants, in syllables with hisses between."""
    syllables = max(2, round(t[-1] * voice.between(1.5, 6.0)))
    marks = t[-1] * (np.arange(syllables) + voice.rng.uniform(0.2, 0.8, syllables)) / syllables
    pitch = voice.between(80.0, 280.0) * (1.0 + 0.25 * wander(voice, t, 3.0))
    breath = voice.rng.standard_normal(len(t))
    glottis = np.maximum(voice.wave(pitch, saw), voice.between(0.1, 0.8)) - 0.5
    source = breath if voice.chance(0.12) else mix((1.0, glottis), (0.03, breath))
    # Formants of women and children lie higher.
    vowels = voice.between(0.9, 1.35) * np.array([voice.choice(_VOWELS_HZ) for _ in marks])
    spoken = np.zeros_like(t)
    for formant, width_hz in enumerate(_BANDWIDTHS_HZ):
        track = np.interp(t, marks, voice.scatter(vowels[:, formant], 0.05))
        spoken += 0.6**formant * unit(resonance(voice, source, track, width_hz))
    # Loud at the marks, soft between them; between some of them a consonant.
    opened = np.abs(np.cos(np.pi * np.interp(t, marks, np.arange(syllables)))) ** 0.8
    stressed = np.interp(t, marks, voice.rng.uniform(0.2, 1.0, syllables))
    hissed = np.interp(t, marks, voice.rng.random(syllables)) > 0.5
    hiss = unit(voice.band(breath, voice.between(2e3, 4e3), voice.between(5e3, 12e3)))
    consonants = hiss * hissed * (1.0 - opened) ** 2
    return mix((1.0, unit(spoken * opened * stressed)), (voice.between(0.02, 0.4), consonants))


def _chord(voice: Voice, t: Signal) -> Signal:
    """A chord or pad: several notes of one timbre, slightly out of tune, swelling slowly."""
    root, played = voice.between(65.0, 330.0), timbre(voice)
    sound = np.zeros_like(t)
    for step in voice.choice(_CHORDS):
        octave = voice.choice((0.5, 1.0, 1.0, 2.0))
        pitch = float(voice.scatter([octave * root * 2 ** (step / 12)], 0.002)[0])
        sound += voice.between(0.5, 1.0) * played(vibrato(voice, t, pitch, 0.004))
    sound = voice.band(sound, 0.0, root * voice.between(4.0, 40.0), voice.choice((1, 2)))
    return sound * held(t, voice.between(0.05, 0.8), voice.between(0.1, 1.0))


def _note(voice: Voice, t: Signal) -> Signal:
    """One held note: organ, strings, flute, brass or reed, with vibrato and the noise of air."""
    played, pitch = timbre(voice), voice.between(110.0, 900.0)
    scoop = 1.0 - voice.between(0.001, 0.08) * np.exp(-t / voice.between(0.02, 0.15))
    tone = unit(played(vibrato(voice, t, pitch, 0.02) * scoop))
    air = unit(voice.band(voice.rng.standard_normal(len(t)), 0.7 * pitch, 8.0 * pitch, 1))
    bright = voice.band(tone, 0.0, pitch * voice.between(3.0, 30.0))
    swell = held(t, voice.between(0.02, 0.4), voice.between(0.05, 0.5))
    tremolo = 1.0 + voice.between(0.01, 0.3) * wander(voice, t, voice.between(2.0, 8.0))
    return mix((1.0, bright), (voice.between(0.003, 0.2), air)) * swell * tremolo


def _field(voice: Voice, t: Signal) -> Signal:
    """Field recordings: weather, traffic, mains hum."""
    return voice.choice((_wind, _rain, _hum, _traffic))(voice, t)


def _wind(voice: Voice, t: Signal) -> Signal:
    centre = voice.between(150.0, 900.0) * 2.0 ** (1.2 * wander(voice, t, 1.5))
    howl = resonance(voice, voice.rng.standard_normal(len(t)), centre, voice.between(30.0, 400.0))
    gusts = 1.0 + 0.8 * wander(voice, t, 1.0)
    return mix((1.0, unit(howl) * gusts), (voice.between(0.1, 0.8), unit(coloured(voice, t, 1.0))))


def _rain(voice: Voice, t: Signal) -> Signal:
    drops = voice.rng.random(len(t)) < voice.between(30.0, 2000.0) / voice.sample_rate
    splash = voice.burst(voice.between(500.0, 4e3), 12e3, voice.between(0.003, 0.02), 0.0005, 1)
    fall = dsp.fftconvolve(drops * voice.rng.exponential(1.0, len(t)), splash)[: len(t)]
    hiss = voice.band(coloured(voice, t, 0.5), voice.between(300.0, 2e3), np.inf, 1)
    return mix((voice.between(0.2, 1.0), unit(fall)), (voice.between(0.2, 1.0), unit(hiss)))


def _hum(voice: Voice, t: Signal) -> Signal:
    mains = voice.choice((50.0, 60.0))
    sound = np.zeros_like(t)
    for harmonic in range(1, 20):
        level = float(voice.scatter([harmonic**-1.0], 1.0)[0])
        sound += level * np.sin(2.0 * np.pi * (mains * harmonic * t + voice.rng.random()))
    return mix((1.0, unit(sound)), (voice.between(0.01, 0.5), unit(coloured(voice, t, 1.0))))


def _traffic(voice: Voice, t: Signal) -> Signal:
    road = voice.band(coloured(voice, t, 1.5), 30.0, voice.between(300.0, 2e3), 1)
    passing: Signal = np.exp(
        -0.5 * ((t / t[-1] - voice.between(0.2, 0.9)) / voice.between(0.1, 0.6)) ** 2
    )
    motor = voice.wave(voice.between(30.0, 120.0) * (1.0 + 0.1 * wander(voice, t, 1.0)), saw)
    motor = voice.band(motor, 0.0, voice.between(200.0, 1500.0))
    return mix((1.0, unit(road)), (voice.between(0.05, 1.0), unit(motor))) * (0.2 + passing)


def _drone(voice: Voice, t: Signal) -> Signal:
    """A few low oscillators beating against each other behind a filter that never rests."""
    root, played = voice.between(35.0, 220.0), timbre(voice)
    sound = np.zeros_like(t)
    for ratio in voice.rng.choice((0.5, 1.0, 1.0, 1.5, 2.0, 2.76, 3.0, 5.4), 4):
        sound += played(float(voice.scatter([root * ratio], 0.004)[0]) * np.ones_like(t))
    track = root * voice.between(2.0, 15.0) * 2.0 ** wander(voice, t, voice.between(0.5, 3.0))
    swept = resonance(voice, sound, track, voice.between(50.0, 600.0))
    level = 1.0 + voice.between(0.02, 0.5) * wander(voice, t, 2.0)
    return level * mix((1.0, unit(swept)), (voice.between(0.05, 1.0), unit(sound)))


def _tone(voice: Voice, t: Signal) -> Signal:
    """A test signal: a sine that stays, sweeps slowly, or alternates; or two at once."""
    low, high = voice.between(60.0, 500.0), voice.between(300.0, 8000.0)
    x = t / t[-1]
    curves: tuple[Callable[[], Signal], ...] = (
        lambda: np.full_like(t, voice.between(60.0, 6000.0)),
        lambda: low * (high / low) ** x,
        lambda: high + (low - high) * x,
        lambda: high * 2.0 ** (0.5 * np.sign(np.sin(2.0 * np.pi * voice.between(0.5, 4.0) * t))),
        lambda: high * 2.0 ** (0.5 * np.sin(2.0 * np.pi * voice.between(0.3, 3.0) * t)),
    )
    tones = [voice.wave(voice.choice(curves)()) for _ in range(2 if voice.chance(0.3) else 1)]
    shape = drive(sum(tones, np.zeros_like(t)), voice.between(0.1, 3.0))
    return shape * held(t, voice.between(0.005, 0.5), voice.between(0.005, 0.5))


def _noise(voice: Voice, t: Signal) -> Signal:
    """White, pink, brown or blue noise that goes on, whole or as a band of its own."""
    noise = coloured(voice, t, voice.choice((-1.0, 0.0, 0.0, 1.0, 1.0, 2.0)))
    if voice.chance(0.4):
        low = voice.between(50.0, 3000.0)
        noise = voice.band(noise, low, low * voice.between(2.0, 12.0), voice.choice((1, 2, 4)))
    level = 1.0 + voice.between(0.005, 0.8) * wander(voice, t, voice.between(0.5, 4.0))
    return noise * level * held(t, voice.between(0.005, 0.5), voice.between(0.005, 0.5))


def _melody(voice: Voice, t: Signal) -> Signal:
    """A phrase: the notes of a scale one after another, held or dying away."""
    played, scale = timbre(voice), voice.choice(_SCALES)
    root, beat, ring = voice.between(90.0, 450.0), voice.between(0.12, 0.5), voice.between(0.3, 4.0)
    sustained, sound = voice.chance(0.5), np.zeros_like(t)
    start = degree = 0
    while start < len(t):
        note_s = beat * voice.choice((1, 1, 1, 2))
        along = voice.time(note_s)[: len(t) - start]
        degree += int(voice.rng.integers(-3, 4))
        octave, step = divmod(degree, len(scale))
        pitch = root * 2 ** (np.clip(octave, -1, 2) + scale[step] / 12)
        tone = played(vibrato(voice, along, float(pitch), 0.008))
        tone *= 1.0 if sustained else strike(along, ring, 0.005)
        level = voice.between(0.5, 1.0) * held(along, voice.between(0.005, 0.05), 0.02)
        sound[start : start + len(along)] += level * tone
        start += round(note_s * voice.sample_rate)
    return voice.band(sound, 0.0, root * voice.between(4.0, 30.0), 1)


_RECIPES: Mapping[str, Callable[[Voice, Signal], Signal]] = MappingProxyType(
    {
        "speech": _speech,
        "chord": _chord,
        "note": _note,
        "field": _field,
        "drone": _drone,
        "tone": _tone,
        "noise": _noise,
        "melody": _melody,
    }
)

KINDS: tuple[str, ...] = tuple(_RECIPES)
"""What `synthesise_ood` can make."""

TRAINED_KINDS: tuple[str, ...] = tuple(kind for kind in KINDS if kind not in ("field", "note"))
"""Networks are trained on these; the others measure how well that generalises."""
