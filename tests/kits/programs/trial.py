"""What trials of kits in programs share: the programs, sounds to play, and what is measured."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from kits.programs import drumkv1, hydrogen
from kits.programs.hits import RATE, level_db

from libindex.kits.formats.base import Format
from libindex.kits.formats.drumkv1 import DrumKV1
from libindex.kits.formats.hydrogen import Hydrogen
from libindex.kits.kit import Kit, PadSettings, Voice


@dataclass(frozen=True, slots=True)
class Program:
    """A program, the format of its kits, and at which level it plays a plain pad."""

    plays: ModuleType
    format: Format
    level: float

    def kit(self, folder: Path, *voices: Voice, name: str = "kit") -> Path:
        path = folder / f"{name}{self.format.suffix}"
        self.format.write(Kit(name, voices), path)
        return path


def _needs(program: ModuleType) -> pytest.MarkDecorator:
    return pytest.mark.skipif(bool(program.missing()), reason=program.missing())


in_hydrogen, in_drumkv1 = _needs(hydrogen), _needs(drumkv1)
PROGRAMS = {
    "hydrogen": Program(hydrogen, Hydrogen(), 1.0),
    "drumkv1": Program(drumkv1, DrumKV1(), 0.25),
}


def write(folder: Path, name: str, sound: np.ndarray, rate: int = RATE, **options: str) -> str:
    """Write a sound, shape (frames,) or (frames, channels); returns its path."""
    path = folder / "samples" / name
    path.parent.mkdir(exist_ok=True)
    soundfile.write(os.fsencode(path), sound, rate, **options)
    return str(path)


def noise(seed: int, seconds: float, *, fade_s: float = 0.1, channels: int = 1) -> np.ndarray:
    """Noise that fades by 1/e in `fade_s`, another one for every seed: (frames, channels)."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE)
    fade = np.exp(-np.arange(frames) / (fade_s * RATE))
    return np.clip(0.25 * rng.standard_normal((frames, channels)), -1, 1) * fade[:, None]


def sine(hertz: float, seconds: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def pitch_hz(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**20))
    return float(np.argmax(spectrum) * RATE / 2**20)


def gain_db(heard: np.ndarray, played: np.ndarray, program: Program) -> float:
    """How much louder something is than its sample at the program's level."""
    frames = min(len(heard), len(played))
    plain = 20 * np.log10(program.level)
    return level_db(heard[:frames]) - level_db(played[:frames]) - plain


def heard_with(
    program: Program, folder: Path, sample: str, *several: PadSettings
) -> list[np.ndarray]:
    """What one sample sounds like with some settings, for a second each."""
    voices = [Voice(36 + n, sample, settings=settings) for n, settings in enumerate(several)]
    kit = program.kit(folder, *voices)
    return list(
        program.plays.render(kit, dict.fromkeys(range(36, 36 + len(several)), 1.0)).values()
    )
