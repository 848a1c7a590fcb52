"""Percussion one-shots made from physics: every instrument class, never twice the same.

The recipes stand by family in `membranes`, `bars`, `noises` and `tones`; here their raw sound is
recorded: coloured a little, freed of DC, trimmed, faded and brought to one peak level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from libindex.training.synthesis import bars, membranes, noises, tones
from libindex.training.synthesis.voice import Signal, Voice, drive, peak, unit

_RECIPES: Mapping[str, Callable[[Voice], Signal]] = MappingProxyType(
    {
        "kick": membranes.kick,
        "tomf": membranes.floor_tom,
        "thd": tones.thud,
        "tom": membranes.tom,
        "bass": tones.bass,
        "snr": membranes.snare,
        "tab": membranes.tabla,
        "taik": membranes.taiko,
        "cong": membranes.conga,
        "cah": tones.industrial,
        "rim": bars.rim,
        "fx": tones.effect,
        "wood": bars.woodblock,
        "ped": noises.pedal_hat,
        "clav": bars.claves,
        "stick": bars.sticks,
        "tim": membranes.timpani,
        "cui": tones.cuica,
        "tri": bars.triangle,
        "vib": bars.vibraphone,
        "met": bars.metal,
        "hhc": noises.closed_hat,
        "clp": noises.clap,
        "shk": noises.shaker,
        "gui": noises.guiro,
        "whis": tones.whistle,
        "cow": bars.cowbell,
        "hho": noises.open_hat,
        "rid": noises.ride,
        "cym": noises.crash,
    }
)

CODES: tuple[str, ...] = tuple(_RECIPES)
"""The instrument classes that can be synthesised: all 30."""

LONGEST_S = 3.5
_PEAK = 0.9


def synthesise(
    code: str, rng: np.random.Generator, sample_rate: int = 44100
) -> npt.NDArray[np.float32]:
    """A new one-shot of an instrument class.

    Parameters
    ----------
    code
        Instrument class, one of `CODES`.
    rng
        Source of every random choice: the same state gives the same sound.
    sample_rate
        Of the result [Hz], at least 8000.

    Returns
    -------
    Mono samples, shape (samples,), peak 0.9, at most 3.5 s long.

    Raises
    ------
    ValueError
        For a code that is not in `CODES`.
    """
    if code not in _RECIPES:
        raise ValueError(f"unknown instrument class {code!r}; valid codes: {', '.join(CODES)}")
    voice = Voice(rng, sample_rate)
    sound = _coloured(voice, unit(_RECIPES[code](voice)))
    return _finished(voice, sound).astype(np.float32)


def _coloured(voice: Voice, sound: Signal) -> Signal:
    """What microphone, room and converter add: now and then, and never much."""
    if voice.chance(0.3):
        sound = drive(sound, voice.between(0.3, 1.2))
    if voice.chance(0.3):
        sound = voice.band(sound, 0.0, voice.between(8e3, 18e3), 1)
    if voice.chance(0.3):
        sound = voice.room(sound, voice.between(0.1, 0.5), voice.between(0.01, 0.06))
    return sound


def _finished(voice: Voice, sound: Signal) -> Signal:
    """Without rumble, inaudible tail and DC; faded out; peak 0.9."""
    sound = voice.band(sound, 18.0, np.inf)
    audible = np.flatnonzero(np.abs(sound) > 0.0007 * peak(sound))
    end = min(int(audible[-1]) + 1, round(LONGEST_S * voice.sample_rate))
    fade = min(end, max(end // 8, round(0.005 * voice.sample_rate)))
    window = np.ones(end)
    window[end - fade :] = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, fade))
    sound = sound[:end] * window
    sound -= window * (sound.mean() / window.mean())  # so that the end stays at zero
    return _PEAK * unit(sound)
