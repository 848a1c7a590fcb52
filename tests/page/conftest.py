"""A library for the tests of the page: many sounds, all formats, many levels, hostile names."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from libindex.library import Library

CHECKOUT = Path(__file__).resolve().parents[2]
DEMO = CHECKOUT / "demo_sounds"
VARIATIONS = 20  # of each demo sound
LEVELS_DBFS = np.linspace(-45, -3, 30)
# What some browser or other can't play, and what all can.
FORMATS = (
    *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("WAV", subtype) for subtype in ("ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM")),
    *(("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("W64", "PCM_24")),
    *(
        ("AIFF", "PCM_16"),
        ("AIFF", "FLOAT"),
        ("AU", "PCM_16"),
        ("CAF", "PCM_24"),
        ("CAF", "ALAC_16"),
    ),
    *(("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
)
ENDINGS = {"WAVEX": "wav", "RF64": "wav"}
HOSTILE = (
    b"<img src=x onerror=alert(1)>.wav",
    b'"><script>alert(1)</script>.wav',
    "\u202egnp.exe \u202d snare.wav".encode(),
    b"two\nlines.wav",
    b"not utf-8 \xff\xfe.wav",
    b"a" * 251 + b".wav",
    b"javascript:alert(1).wav",
    b"--option.wav",
    b"%2e%2e%2fetc.wav",
)


@pytest.fixture(scope="session")
def page_material(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Paths for the tests, by name: each test copies the database before it writes to it."""
    folder = tmp_path_factory.mktemp("page")
    root = folder / "Samples"
    _variations(root / "Drums")
    _formats(root / "Formats")
    _levels(root / "Levels")
    _hostile(root / "Hostile")
    database = folder / "library.db"
    with Library.open(database) as library:
        library.scan(root)
    return {"root": root, "db": database, "demo": DEMO}


def _variations(folder: Path) -> None:
    rng = np.random.default_rng(7)
    for path in sorted(DEMO.iterdir()):
        samples, rate = soundfile.read(path)
        kind = folder / path.stem.rstrip("0123456789")
        kind.mkdir(parents=True, exist_ok=True)
        for number in range(VARIATIONS):
            made = samples[: round(len(samples) * rng.uniform(0.4, 1))] * rng.uniform(0.1, 1)
            speed = round(rate * rng.uniform(0.8, 1.25))
            soundfile.write(kind / f"{path.stem} {number:02}.wav", made, speed)


def _formats(folder: Path) -> None:
    folder.mkdir(parents=True)
    samples, rate = soundfile.read(DEMO / "snare02.wav")
    samples = np.atleast_2d(samples.T).T[:, 0]
    for container, subtype in FORMATS:
        ending = ENDINGS.get(container, container.lower())
        path = folder / f"{container} {subtype}.{ending}"
        speed = 48_000 if subtype == "OPUS" else rate
        soundfile.write(path, samples, speed, format=container, subtype=subtype)
    soundfile.write(folder / "eight channels.wav", np.tile(samples[:, None], (1, 8)), rate)


def _levels(folder: Path) -> None:
    folder.mkdir(parents=True)
    time = np.arange(22_050) / 44_100
    for number, level in enumerate(LEVELS_DBFS):
        noise = np.random.default_rng(number).standard_normal(len(time)) * np.exp(-time / 0.1)
        samples = noise / np.abs(noise).max() * 10 ** (level / 20)
        soundfile.write(folder / f"level {number:02} {level:.1f}.wav", samples, 44_100, "FLOAT")


def _hostile(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, name in enumerate(HOSTILE):
        plain = folder / f"{number}.wav"
        samples, rate = soundfile.read(DEMO / "hihat_closed01.wav")
        soundfile.write(plain, samples[: len(samples) - 100 * number], rate)
        try:
            plain.rename(folder / os.fsdecode(name))
        except OSError:  # a file system that takes no such name
            plain.unlink()
