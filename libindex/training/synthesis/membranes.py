"""Recipes for drums with a skin.

The mode ratios of an ideal membrane, the nearly harmonic ones that a kettle's air makes of them,
and the fall of pitch as a hard-struck skin relaxes are those of Fletcher & Rossing, The Physics
of Musical Instruments (2nd ed., 1998), chapters 3 and 18; the tabla's loaded, harmonic skin is
that of C. V. Raman (1934), cited there.
"""

from __future__ import annotations

import numpy as np

from libindex.training.synthesis.voice import (
    Signal,
    Voice,
    drive,
    fall,
    mix,
    strike,
)

MEMBRANE = np.array([1.0, 1.593, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.600, 4.060])
# The last five continue the measured series, whose steps tend to a half.
KETTLE = np.array([1.0, 1.50, 1.98, 2.44, 2.94, 3.46, 3.95, 4.45, 4.95, 5.95, 6.95])
TABLA = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


def skin(
    voice: Voice,
    pitch_hz: float,
    t60_s: float,
    softness: float,
    *,
    bend: tuple[float, float] = (1.0, 0.02),
) -> Signal:
    """A struck skin: its lowest mode rings for `t60_s`, higher ones are weaker and shorter.

    `softness` is the exponent with which level falls over the mode ratios; `bend` is the starting
    pitch, as a multiple of the settled one, and the time constant [s] of its fall.
    """
    heights = voice.scatter(MEMBRANE, 0.015)
    glide = fall(voice.time(t60_s), *bend)
    gains = voice.scatter(heights**-softness, 0.4)
    decays = t60_s * voice.scatter(heights ** -voice.between(0.7, 1.4), 0.15)
    return voice.ring(t60_s, pitch_hz * heights, decays, gains, glide)


def contact(voice: Voice, low_hz: float, high_hz: float, t60_s: float) -> Signal:
    """Noise of the stick, hand or beater as it hits."""
    return voice.burst(low_hz, voice.between(0.7, 1.4) * high_hz, t60_s)


def kick(voice: Voice) -> Signal:
    pitch, t60 = voice.between(42.0, 75.0), voice.between(0.28, 0.8)
    t = voice.time(t60)
    # Machines sweep an oscillator far down in little time; a skin bends less and has overtones.
    sweep = fall(t, voice.between(1.5, 4.5), voice.between(0.01, 0.06))
    body = voice.wave(pitch * sweep) * strike(t, t60, 0.001)
    body = drive(body, voice.between(0.3, 3.0))
    if voice.chance(0.5):
        bend = (voice.between(1.1, 1.6), 0.03)
        shell = skin(voice, pitch * voice.between(1.0, 1.3), 0.6 * t60, 2.0, bend=bend)
        body = mix((0.8, body), (voice.between(0.15, 0.7), shell))
    beater = contact(voice, 500.0, 5000.0, voice.between(0.01, 0.05))
    thump = contact(voice, 60.0, 400.0, voice.between(0.05, 0.2))
    level = voice.between(0.03, 0.35)
    return mix((1.0, body), (level, beater), (voice.between(0.05, 0.4), thump))


def tom(voice: Voice) -> Signal:
    return _tom(voice, voice.between(112.0, 220.0), voice.between(0.4, 1.1))


def floor_tom(voice: Voice) -> Signal:
    return _tom(voice, voice.between(62.0, 98.0), voice.between(0.8, 1.9))


def _tom(voice: Voice, pitch_hz: float, t60_s: float) -> Signal:
    bend = (voice.between(1.03, 1.5), voice.between(0.03, 0.15))
    skins = skin(voice, pitch_hz, t60_s, voice.between(1.2, 2.4), bend=bend)
    stick = contact(voice, 250.0, 5000.0, voice.between(0.02, 0.09))
    breath = contact(voice, 0.8 * pitch_hz, 8.0 * pitch_hz, voice.between(0.2, 0.5) * t60_s)
    level = voice.between(0.08, 0.5)
    return mix((1.0, skins), (level, stick), (voice.between(0.05, 0.3), breath))


def snare(voice: Voice) -> Signal:
    """Two coupled heads and the rattle of the wires under them (Fletcher & Rossing, chapter 18)."""
    pitch = voice.between(150.0, 260.0)
    bend = (voice.between(1.05, 1.7), voice.between(0.005, 0.03))
    heads = skin(voice, pitch, voice.between(0.12, 0.4), voice.between(0.8, 1.8), bend=bend)
    t60 = voice.between(0.18, 0.55)
    attack = voice.between(0.0005, 0.004)
    wires = voice.burst(voice.between(600.0, 2500.0), voice.between(4e3, 12e3), t60, attack, 1)
    body = voice.burst(voice.between(150.0, 400.0), voice.between(1e3, 3e3), 0.6 * t60, attack, 1)
    stick = contact(voice, 800.0, 6000.0, voice.between(0.008, 0.03))
    struck = mix(
        (voice.between(0.35, 1.1), heads),
        (voice.between(0.35, 1.0), wires),
        (voice.between(0.05, 0.4), body),
        (voice.between(0.1, 0.5), stick),
    )
    return drive(struck, voice.between(0.3, 2.5))


def timpani(voice: Voice) -> Signal:
    pitch, t60 = voice.between(82.0, 190.0), voice.between(1.3, 3.0)
    # A mallet off the centre favours the kettle's near harmonics; the skin's others die sooner.
    gains = voice.scatter(KETTLE ** -voice.between(0.7, 1.5), 0.35)
    decays = voice.scatter(t60 * KETTLE**-0.3, 0.15)
    notes = voice.ring(t60, pitch * voice.scatter(KETTLE, 0.006), decays, gains)
    others = skin(voice, 0.85 * pitch, 0.5 * t60, 0.3)
    mallet = contact(voice, 80.0, 1400.0, voice.between(0.1, 0.4))
    dry = mix((1.0, notes), (voice.between(0.2, 0.6), others), (0.3, mallet))
    return voice.room(dry, voice.between(1.0, 2.0), voice.between(0.2, 0.6))


def tabla(voice: Voice) -> Signal:
    stroke = voice.choice(["open", "rim", "bass", "closed"])
    if stroke == "bass":
        pitch, t60 = voice.between(75.0, 130.0), voice.between(0.6, 1.6)
        t = voice.time(t60)
        # The heel of the hand slides inwards on the left drum and pulls its pitch up.
        slide = 1.0 + voice.between(0.05, 0.6) * np.clip(t / voice.between(0.1, 0.4), 0.0, 1.0)
        heights, softness = voice.scatter(TABLA, 0.02), voice.between(1.2, 2.2)
        decays = t60 * heights**-0.9
        tone = voice.ring(t60, pitch * heights, decays, heights**-softness, slide)
    else:
        pitch = voice.between(135.0, 420.0)
        t60 = voice.between(0.1, 0.25) if stroke == "closed" else voice.between(0.6, 2.4)
        gains = {"open": [1.0, 0.5, 0.25, 0.12, 0.05], "rim": [0.25, 0.7, 1.0, 0.35, 0.15]}
        levels = voice.scatter(gains.get(stroke, [0.6, 1.0, 0.8, 0.6, 0.4]), 0.4)
        decays = voice.scatter(t60 * TABLA**-0.5, 0.2)
        tone = voice.ring(t60, pitch * voice.scatter(TABLA, 0.008), decays, levels)
    finger = contact(voice, 150.0, 4000.0, voice.between(0.03, 0.09))
    return mix((1.0, tone), (voice.between(0.15, 0.8), finger))


def taiko(voice: Voice) -> Signal:
    pitch, t60 = voice.between(62.0, 260.0), voice.between(0.35, 1.0)
    bend = (voice.between(1.02, 1.2), voice.between(0.03, 0.1))
    skins = skin(voice, pitch, t60, voice.between(0.7, 1.6), bend=bend)
    # The bachi is a club: a woody knock, and a body of air that answers a moment later.
    knock = contact(voice, 300.0, 5000.0, voice.between(0.05, 0.2))
    barrel = voice.burst(0.8 * pitch, 3.5 * pitch, 0.5 * t60, 0.01)
    level = voice.between(0.4, 1.1)
    dry = drive(mix((1.0, skins), (level, knock), (0.3, barrel)), voice.between(0.5, 2.0))
    return voice.room(dry, voice.between(0.4, 1.2), voice.between(0.1, 0.4))


def conga(voice: Voice) -> Signal:
    """Congas, bongos and djembes: a hand on a tight skin over a deep wooden shell."""
    pitch, t60 = voice.between(130.0, 400.0), voice.between(0.25, 0.7)
    slap = voice.chance(0.3)
    bend = (voice.between(1.0, 1.06), 0.04)
    skins = skin(voice, pitch, (0.5 if slap else 1.0) * t60, 1.0 if slap else 2.4, bend=bend)
    shell = voice.ring(
        0.2, pitch * voice.scatter([2.0, 3.1, 4.3], 0.1), np.full(3, 0.1), np.ones(3)
    )
    hand = contact(voice, 250.0, 5000.0 if slap else 1800.0, voice.between(0.01, 0.04))
    level = voice.between(0.3, 0.8) if slap else voice.between(0.03, 0.2)
    return mix((1.0, skins), (voice.between(0.02, 0.15), shell), (level, hand))
