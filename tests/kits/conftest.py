from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.kits import make_sound

from libindex.instruments import CODES
from libindex.kits.kit import Kit, PadSettings, Voice
from libindex.kits.material import Material
from libindex.queries.sounds import Sound


@pytest.fixture(name="make_sound")
def _make_sound() -> Callable[..., Sound]:
    return make_sound


@pytest.fixture
def make_material() -> Callable[..., Material]:
    def make(*sounds: Sound) -> Material:
        return Material(CODES, list(sounds), np.ones(len(sounds)), [])

    return make


@pytest.fixture
def hit(tmp_path: Path, tone: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Write a hit, stereo if it is asked for; returns its path."""

    def write(name: str, seed: int = 0, *, seconds: float = 0.3, channels: int = 1, **options):
        path = tmp_path / "hits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.stack([tone(seed + i, seconds) for i in range(channels)], axis=1)
        soundfile.write(path, samples, 44_100, **options)
        return path

    return write


@pytest.fixture
def kit(hit: Callable[..., Path]) -> Kit:
    """Four pads, each with something that a preset has to keep."""
    return Kit(
        "Dusty & <Bold>",
        (
            Voice(36, str(hit("kick one.wav", 1)), "kick", 0.9, duration_s=0.3),
            Voice(42, str(hit("ch.wav", 2)), "hhc", 0.8, duration_s=0.3, choke_group=1),
            Voice(
                46,
                str(hit("oh.wav", 3)),
                "hho",
                0.75,
                duration_s=0.3,
                choke_group=1,
                settings=PadSettings(gain_db=-3.5, pan=0.25, tune_semitones=-1.3),
            ),
            Voice(
                49,
                str(hit("crash.wav", 4)),
                "cym",
                0.7,
                duration_s=0.3,
                settings=PadSettings(
                    width=-0.5, cutoff=0.75, resonance=0.2, lfo_rate_hz=5.0, lfo_depth=0.25
                ),
            ),
        ),
    )
