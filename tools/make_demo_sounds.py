#!/usr/bin/env python3
"""Write the demo sounds that ship with libindex: the same sounds on each run.

    python tools/make_demo_sounds.py [FOLDER]

They are synthesised, so they are free to give away, and they stand in one flat folder in the
formats that sample packs come in. The seeds were chosen by how typical the sounds are. Ogg files
differ in their random stream number from run to run, never in their sound.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from libindex.training.synthesis import synthesise

SAMPLE_RATE = 44100
FADE_S = 0.25
LOSSY_LEVEL = 0.85  # a lossy decoder overshoots: leave room, so that nothing clips
SUBTYPES = {
    ".wav": "PCM_16",
    ".aiff": "PCM_16",
    ".flac": "PCM_16",
    ".ogg": "VORBIS",
    ".mp3": "MPEG_LAYER_III",
}

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Demo:
    """One file: a class and a seed, and what is done to the sound before it is written.

    `longest_s` cuts the tail [s], `speed` plays it higher and shorter, `drive` clips it softly
    (0: not at all).
    """

    name: str
    code: str
    seed: int
    longest_s: float = 2.5
    speed: float = 1.0
    drive: float = 0.0
    stereo: bool = False


DEMOS = (
    # One kick and two relatives of it, for "what else sounds like this kick?".
    Demo("kick01.ogg", "kick", 33),
    Demo("kick02.wav", "kick", 33, speed=1.07),
    Demo("kick03.flac", "kick", 33, speed=0.94, drive=1.2),
    Demo("snare01.flac", "snr", 59),
    Demo("snare02.wav", "snr", 48, stereo=True),
    Demo("snare03.ogg", "snr", 8),
    Demo("hihat_closed01.wav", "hhc", 8),
    Demo("hihat_closed02.ogg", "hhc", 12),
    Demo("hihat_open01.ogg", "hho", 12, stereo=True),
    Demo("crash01.mp3", "cym", 39, stereo=True),
    Demo("ride01.flac", "rid", 15),
    Demo("tom_low01.aiff", "tomf", 180, longest_s=1.2),
    Demo("tom_high01.wav", "tom", 135),
    Demo("clap01.aiff", "clp", 7, stereo=True),
    Demo("cowbell01.wav", "cow", 2),
    Demo("bass01.mp3", "bass", 34, longest_s=1.8),
)


def render(demo: Demo) -> Samples:
    """The sound of a demo, shape (samples,), or (samples, 2) in stereo."""
    sound = synthesise(demo.code, np.random.default_rng(demo.seed), SAMPLE_RATE).astype(np.float64)
    if demo.speed != 1.0:
        positions = np.arange(0.0, len(sound) - 1, demo.speed)
        sound = np.interp(positions, np.arange(len(sound)), sound)
    if demo.drive:
        sound = np.tanh(demo.drive * sound) * (0.9 / np.tanh(0.9 * demo.drive))
    sound = shortened(sound, demo.longest_s)
    return widened(sound) if demo.stereo else sound


def shortened(sound: Samples, longest_s: float) -> Samples:
    """At most that long [s]; a tail that is cut ends in a fade."""
    longest, fade = round(longest_s * SAMPLE_RATE), round(FADE_S * SAMPLE_RATE)
    if len(sound) <= longest:
        return sound
    cut = sound[:longest].copy()
    cut[-fade:] *= 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, fade))
    return cut


def widened(sound: Samples) -> Samples:
    """Stereo, shape (samples, 2), whose channels average to the mono sound they came from."""
    late = round(0.009 * SAMPLE_RATE)
    side = 0.25 * np.concatenate([np.zeros(late), sound])[: len(sound)]
    side *= min(1.0, (0.99 - np.abs(sound).max()) / max(float(np.abs(side).max()), 1e-9))
    return np.stack([sound + side, sound - side], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write libindex's demo sounds.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("demo_sounds"))
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for demo in DEMOS:
        path = folder / demo.name
        level = LOSSY_LEVEL if path.suffix in {".ogg", ".mp3"} else 1.0
        soundfile.write(path, level * render(demo), SAMPLE_RATE, subtype=SUBTYPES[path.suffix])
        print(f"{path}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
