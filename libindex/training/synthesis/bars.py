"""Recipes for struck bars, blocks, tubes and bells: wood and tuned or untuned metal.

Bar ratios are those of Fletcher & Rossing, The Physics of Musical Instruments (2nd ed., 1998),
chapters 2, 3, 19 and 20: a free uniform bar 1 : 2.756 : 5.404 : 8.933, a vibraphone bar, undercut
so that its second mode is two octaves up, 1 : 4 : 9.9, and a free circular plate.
"""

from __future__ import annotations

import numpy as np

from libindex.training.synthesis.voice import (
    Signal,
    Voice,
    decay,
    mix,
    strike,
    unit,
)

BAR = np.array([1.0, 2.756, 5.404, 8.933, 13.344])
UNDERCUT_BAR = np.array([1.0, 4.0, 9.9, 17.0])
PLATE = np.array([1.0, 1.73, 2.328, 3.91, 4.11, 6.30, 6.71, 7.34, 8.92, 10.07])


def _struck(
    voice: Voice, pitch_hz: float, t60_s: float, softness: float, ratios: Signal, *, spread: float
) -> Signal:
    """Modes at `ratios`, each a little off by `spread`; level falls with the ratio."""
    heights = ratios * voice.scatter(np.ones_like(ratios), spread)
    gains = voice.scatter(heights**-softness, 0.4)
    decays = t60_s * voice.scatter(heights ** -voice.between(0.5, 1.1), 0.2)
    return voice.ring(t60_s, pitch_hz * heights, decays, gains)


def woodblock(voice: Voice) -> Signal:
    """A slit block: two close cavity modes and the quickly damped wood above them."""
    pitch, t60 = voice.between(520.0, 1900.0), voice.between(0.05, 0.22)
    ratios = np.array([1.0, voice.between(1.3, 1.7), 2.5, 4.1])
    block = _struck(voice, pitch, t60, voice.between(0.6, 2.4), ratios, spread=0.04)
    tap = voice.burst(800.0, 8000.0, voice.between(0.008, 0.03))
    dry = mix((1.0, block), (voice.between(0.05, 0.5), tap))
    return voice.room(dry, voice.between(0.1, 0.4), voice.between(0.01, 0.2))


def claves(voice: Voice) -> Signal:
    pitch, t60 = voice.between(1950.0, 2700.0), voice.between(0.08, 0.3)
    bar = _struck(voice, pitch, t60, voice.between(1.8, 3.5), BAR, spread=0.02)
    tap = voice.burst(2000.0, 9000.0, 0.008)
    return mix((1.0, bar), (voice.between(0.01, 0.1), tap))


def sticks(voice: Voice) -> Signal:
    """Two drum sticks on each other: a pair of bars that differ by a few per cent."""
    pitch, t60 = voice.between(1000.0, 2600.0), voice.between(0.06, 0.16)
    first = _struck(voice, pitch, t60, voice.between(0.05, 0.8), BAR, spread=0.1)
    second = _struck(voice, pitch * voice.between(1.05, 1.6), t60, 0.3, BAR, spread=0.1)
    clack = voice.burst(1500.0, 9000.0, voice.between(0.04, 0.1))
    dry = mix((1.0, first), (voice.between(0.4, 1.0), second), (voice.between(0.6, 1.5), clack))
    return voice.room(dry, voice.between(0.25, 0.7), voice.between(0.1, 0.4))


def rim(voice: Voice) -> Signal:
    """Side stick or rim shot: stick and rim ring as bars, the drum beneath answers."""
    pitch, t60 = voice.between(380.0, 900.0), voice.between(0.05, 0.14)
    ratios = np.append(1.0, voice.rng.uniform(1.5, 8.0, 9))
    wood = _struck(voice, pitch, t60, voice.between(0.05, 0.5), ratios, spread=0.1)
    drum = np.array([1.0, 1.6, 2.2])
    shell = _struck(voice, voice.between(180.0, 300.0), 0.12, 1.5, drum, spread=0.03)
    tap = voice.burst(700.0, 9000.0, voice.between(0.02, 0.06))
    dry = mix((1.0, wood), (voice.between(0.1, 0.7), shell), (voice.between(0.3, 1.0), tap))
    return voice.room(dry, voice.between(0.1, 0.35), voice.between(0.03, 0.2))


def triangle(voice: Voice) -> Signal:
    """A steel bar bent twice: partials dense enough to have no pitch, and lasting."""
    pitch, t60 = voice.between(1100.0, 1900.0), voice.between(0.9, 2.4)
    ratios = np.concatenate([BAR[1:3], np.sort(voice.rng.uniform(3.0, 10.0, 8))])
    heights = voice.scatter(ratios, 0.03)
    decays = t60 * voice.scatter(np.full(10, 0.8), 0.3)
    partials = voice.ring(t60, pitch * heights, decays, voice.scatter(np.ones(10), 0.6))
    tap = voice.burst(5000.0, 15000.0, voice.between(0.01, 0.04))
    return mix((1.0, partials), (voice.between(0.05, 0.4), tap))


def vibraphone(voice: Voice) -> Signal:
    pitch, t60 = voice.between(220.0, 1050.0), voice.between(1.8, 4.0)
    gains = voice.scatter(np.array([1.0, 0.25, 0.08, 0.03]), 0.5)
    decays = t60 * np.array([1.0, 0.35, 0.12, 0.06])
    bar = voice.ring(3.2, pitch * voice.scatter(UNDERCUT_BAR, 0.004), decays, gains)
    t = voice.time(3.2)
    # The rotating discs open and close the resonators.
    depth = voice.between(0.05, 0.5) if voice.chance(0.6) else 0.0
    motor = 1.0 - depth * (0.5 - 0.5 * np.cos(2.0 * np.pi * voice.between(3.5, 7.0) * t))
    mallet = voice.burst(300.0, 3000.0, voice.between(0.01, 0.03))
    return mix((1.0, bar * motor * strike(t, 30.0, 0.002)), (voice.between(0.01, 0.1), mallet))


def metal(voice: Voice) -> Signal:
    """Anything of metal that is struck: pipe, anvil, bell, sheet, brake drum."""
    pitch, t60 = voice.between(400.0, 2600.0), voice.between(0.4, 2.4)
    kind = voice.choice([BAR, PLATE, voice.rng.uniform(1.0, 9.0, 14)])
    body = _struck(voice, pitch, t60, voice.between(0.1, 1.0), kind, spread=0.03)
    hammer = voice.burst(400.0, 12000.0, voice.between(0.02, 0.08))
    dry = mix((1.0, body), (voice.between(0.1, 0.7), hammer))
    return voice.room(dry, voice.between(0.3, 0.9), voice.between(0.02, 0.2))


def cowbell(voice: Voice) -> Signal:
    """Two strong partials near a fifth apart: a folded bell, or a machine's two oscillators."""
    pitch, t60 = voice.between(450.0, 850.0), voice.between(0.25, 0.7)
    t = voice.time(t60)
    upper = pitch * voice.between(1.44, 1.55)
    if voice.chance(0.5):
        pair = voice.cluster(t60, [pitch, upper])
        clang = 0.6 * decay(t, 0.12) + 0.4 * decay(t, t60)
        tone = voice.band(pair * clang, 0.8 * pitch, voice.between(2500.0, 6000.0), 1)
    else:
        highs = voice.scatter([1.0, upper / pitch, 2.7, 3.9, 5.2, 6.6, 8.1], 0.03)
        gains = voice.scatter([1.0, 0.9, 0.4, 0.5, 0.35, 0.25, 0.15], 0.4)
        tone = voice.ring(t60, pitch * highs, t60 * highs**-0.5, gains)
    stick = voice.burst(1500.0, 9000.0, voice.between(0.008, 0.02))
    return mix((1.0, unit(tone)), (voice.between(0.05, 0.35), stick))
