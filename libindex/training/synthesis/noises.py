"""Recipes for noise: cymbals and hats, claps, shakers and scrapers.

A cymbal has so many coupled modes that its spectrum is nearly continuous and its energy creeps
upwards for some tens of milliseconds after the stroke (Fletcher & Rossing, The Physics of Musical
Instruments, 2nd ed., 1998, chapter 20). Shakers and scrapers follow P. R. Cook's stochastic
particle model (Physically Informed Sonic Modeling, 1997): many small random collisions.
"""

from __future__ import annotations

import numpy as np

from libindex.training.synthesis.voice import (
    Signal,
    Voice,
    decay,
    delayed,
    mix,
    strike,
    unit,
)


def _sheet(voice: Voice, low_hz: float, high_hz: float, modes: int, t60_s: float) -> Signal:
    """The ringing modes of a thin bronze sheet, spread over octaves, shorter towards the top."""
    frequencies = np.exp(voice.rng.uniform(np.log(low_hz), np.log(high_hz), modes))
    decays = t60_s * voice.scatter((frequencies / low_hz) ** -0.25, 0.3)
    gains = voice.scatter(np.ones(modes), 0.6) * voice.rng.choice([-1.0, 1.0], modes)
    return voice.ring(1.1 * t60_s, frequencies, decays, gains)


def _machine_metal(voice: Voice, t60_s: float) -> Signal:
    """Six square waves beating against each other, as drum machines do metal; peak 1."""
    t = voice.time(t60_s)
    pitches = voice.scatter([205.0, 304.0, 370.0, 523.0, 540.0, 800.0], 0.08)
    pitches *= voice.between(0.9, 1.8)
    return unit(voice.band(voice.cluster(t60_s, pitches), 6500.0, np.inf, 3) * decay(t, t60_s))


def _hat(voice: Voice, t60_s: float) -> Signal:
    low = voice.between(2500.0, 8000.0)
    attack = voice.between(0.0005, 0.003)
    noise = voice.burst(low, voice.between(10e3, 20e3), t60_s, attack, voice.choice([1, 2]))
    if voice.chance(0.35):
        metal = _machine_metal(voice, t60_s)
    else:
        metal = _sheet(voice, voice.between(400.0, 5000.0), 15000.0, 40, t60_s)
    stick = voice.burst(voice.between(200.0, 2000.0), 10000.0, voice.between(0.01, 0.03))
    level = voice.between(0.02, 0.35)
    return mix((1.0, noise), (voice.between(0.2, 1.0), metal), (level, stick))


def closed_hat(voice: Voice) -> Signal:
    return _hat(voice, voice.between(0.1, 0.4))


def open_hat(voice: Voice) -> Signal:
    return _hat(voice, voice.between(0.7, 1.6))


def pedal_hat(voice: Voice) -> Signal:
    """The foot brings the cymbals together: a dull meeting, air, and a short chick."""
    t60 = voice.between(0.1, 0.22)
    chick = voice.burst(voice.between(5000.0, 9000.0), np.inf, t60, voice.between(0.008, 0.02), 1)
    metal = _sheet(voice, 300.0, 12000.0, 30, t60)
    pedal = voice.burst(150.0, voice.between(300.0, 600.0), voice.between(0.08, 0.2), 0.006)
    return mix((1.0, chick), (voice.between(0.1, 0.5), metal), (voice.between(0.2, 1.0), pedal))


def crash(voice: Voice) -> Signal:
    t60 = voice.between(1.8, 3.4)
    low = voice.between(400.0, 1500.0)
    wash = voice.burst(low, voice.between(9e3, 16e3), t60, voice.between(0.002, 0.02), 1)
    shimmer = voice.burst(voice.between(3500.0, 6000.0), 17e3, 0.7 * t60, voice.between(0.01, 0.06))
    sheet = _sheet(voice, low, 12000.0, 70, t60)
    stroke = voice.burst(voice.between(200.0, 1000.0), 8000.0, 0.08)
    return mix(
        (voice.between(0.5, 1.0), wash),
        (voice.between(0.4, 1.0), shimmer),
        (voice.between(0.2, 0.7), sheet),
        (voice.between(0.1, 0.5), stroke),
    )


def ride(voice: Voice) -> Signal:
    """The tip's ping over a wash that lasts; struck on the bell, a few partials stand out."""
    t60 = voice.between(2.0, 4.0)
    sheet = _sheet(voice, voice.between(300.0, 2500.0), 14000.0, 60, t60)
    wash = voice.burst(voice.between(2500.0, 4500.0), voice.between(11e3, 18e3), t60, 0.001)
    ping = _sheet(voice, voice.between(2000.0, 3500.0), 9000.0, 12, voice.between(0.3, 0.9))
    tip = voice.burst(voice.between(2500.0, 5000.0), 15000.0, voice.between(0.015, 0.05))
    bell = voice.between(0.3, 0.9) if voice.chance(0.3) else 0.05
    partials = voice.scatter([1.0, 1.57, 2.35, 3.3, 4.4, 5.6], 0.05)
    rung = voice.ring(2.0, voice.between(420.0, 900.0) * partials, np.full(6, 1.5), partials**-0.3)
    return mix(
        (voice.between(0.3, 0.8), sheet),
        (voice.between(0.15, 0.5), wash),
        (voice.between(0.4, 1.0), ping),
        (voice.between(0.5, 1.2), tip),
        (bell, rung),
    )


def clap(voice: Voice) -> Signal:
    """A few hands that are not quite together, then the room they stand in."""
    low, high = voice.between(600.0, 1100.0), voice.between(2500.0, 7000.0)
    centre = voice.between(900.0, 1700.0)
    hands = voice.rng.integers(1, 5)
    gaps = voice.scatter(np.full(hands, voice.between(0.007, 0.014)), 0.25)
    starts = np.concatenate([[0.0], np.cumsum(gaps)])
    layers = []
    for start in starts:
        palm = voice.burst(low, high, voice.between(0.02, 0.04), 0.0005, 1)
        cupped = voice.burst(0.8 * centre, 1.25 * centre, voice.between(0.02, 0.05))
        pair = mix((0.6, palm), (voice.between(0.2, 0.9), cupped))
        layers.append((voice.between(0.6, 1.0), delayed(pair, int(start * voice.sample_rate))))
    tail = voice.burst(0.8 * low, high, voice.between(0.15, 0.5), 0.002, 1)
    tail = delayed(tail, int(starts[-1] * voice.sample_rate))
    return mix(*layers, (voice.between(0.25, 0.9), tail))


def shaker(voice: Voice) -> Signal:
    """Beans in a gourd, or jingles on a hoop: collisions thicken and thin with the swing."""
    length, low = voice.between(0.1, 0.4), voice.between(3500.0, 7500.0)
    t = voice.time(length)
    crest = voice.between(0.1, 0.5)
    swing = np.where(t < crest * length, t / (crest * length), 1.0) ** 2
    swing *= decay(np.maximum(t - crest * length, 0.0), voice.between(0.08, 0.4))
    density = voice.between(0.02, 0.5)
    hits = voice.noise(length) * (voice.rng.random(len(t)) < density * swing + 0.002)
    grain = mix((1.0, hits), (0.05, voice.noise(length)))
    dry = unit(voice.band(grain * swing, low, voice.between(9e3, 19e3), voice.choice([1, 2])))
    if voice.chance(0.25):
        jingles = _sheet(voice, 4500.0, 14000.0, 12, voice.between(0.1, 0.3))
        dry = mix((1.0, dry), (voice.between(0.3, 1.0), jingles))
    return dry


def guiro(voice: Voice) -> Signal:
    """A stick drawn over notches: clicks at a rate that follows the hand, on a gourd's tone."""
    length = voice.between(0.15, 0.5)
    t = voice.time(length)
    rate = voice.between(40.0, 120.0) * np.linspace(1.0, voice.between(0.7, 2.2), len(t))
    notch = np.flatnonzero(np.diff(np.floor(np.cumsum(rate) / voice.sample_rate), prepend=0.0))
    clicks = np.zeros_like(t)
    clicks[notch] = voice.scatter(np.ones(len(notch)), 0.4)
    tooth = voice.burst(voice.between(1500.0, 3000.0), 11e3, voice.between(0.006, 0.02), 0.0002)
    pitch = voice.between(1700.0, 3200.0)
    gourd = voice.ring(0.02, pitch * np.array([1.0, 2.1]), np.full(2, 0.015), np.array([1.0, 0.5]))
    scrape = np.convolve(clicks, mix((1.0, tooth), (voice.between(0.2, 0.9), gourd)))
    pressure = strike(t, voice.between(0.6, 2.5), voice.between(0.01, 0.5) * length)
    return scrape[: len(t)] * pressure
