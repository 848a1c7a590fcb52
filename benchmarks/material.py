"""Test data of the benchmarks: synthesised one-shots, big files, a library of random analyses."""

import os
import struct
import time
import uuid
from pathlib import Path

import numpy as np
import soundfile
from sqlalchemy import insert

from libindex.analysis.results import Analysis
from libindex.disk.comparing import compare
from libindex.indexing import records, sample_rows
from libindex.indexing.targets import add_or_find_target
from libindex.network.modelfile import ModelFile
from libindex.similarity.geography import Geography
from libindex.sound.facts import FACTS, Facts
from libindex.store.database import Database
from libindex.store.schema import samples
from libindex.training.synthesis import CODES, synthesise

RATE = 44_100
_FORMATS = ((".wav", "PCM_16"), (".wav", "PCM_24"), (".aiff", "PCM_16"), (".flac", "PCM_16"))


def one_shots(folder: Path, count: int) -> Path:
    """A folder of synthesised one-shots in packs; reused by the next run."""
    root = folder / f"one-shots-{count}"
    if root.exists():
        return root
    aside = folder / f"{root.name}.part"
    rng = np.random.default_rng(0)
    for number in range(count):
        code = CODES[number % len(CODES)]
        suffix, encoding = _FORMATS[number % len(_FORMATS)]
        path = aside / f"Pack {number % 17:02}" / code / f"{code} {number:05}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Real one-shots are 0.8 s long on average; long tails are cut to get close to that.
        sound = synthesise(code, rng, RATE)[: int(RATE * rng.gamma(2.0, 0.5))]
        soundfile.write(path, sound, RATE, subtype=encoding)
    aside.rename(root)
    return root


def big_files(folder: Path) -> Path:
    """A sparse WAV of 2 GB and an MP3 of three hours."""
    root = folder / "big"
    if root.exists():
        return root
    aside = folder / "big.part"
    aside.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    second = (rng.standard_normal((RATE, 2)) * 3000).astype("<i2").tobytes()
    size = 2_000_000_000
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        size + 36,
        b"WAVE",
        b"fmt ",
        16,
        1,
        2,
        RATE,
        RATE * 4,
        4,
        16,
        b"data",
        size,
    )
    with (aside / "two gigabytes.wav").open("wb") as file:
        file.write(header + second * 10)
        file.truncate(size + len(header))
    rate = 32_000  # mono: encoding takes half a minute
    minute = rng.standard_normal(rate * 60).astype(np.float32) * 0.1
    with soundfile.SoundFile(
        aside / "three hours.mp3", "w", rate, 1, format="MP3", subtype="MPEG_LAYER_III"
    ) as mp3:
        for _ in range(180):
            mp3.write(minute)
    aside.rename(root)
    return root


def tiny_files(folder: Path, count: int) -> Path:
    """Files with names of samples that are never read, for scans without changes."""
    root = folder / f"tiny-{count}"
    if root.exists():
        return root
    aside = folder / f"{root.name}.part"
    old = time.time() - 3600
    for number in range(count):
        pack = f"{number % 211:03} Some Sample Pack (24 bit)"
        path = aside / pack / f"Drum Hits {number % 7}" / f"Snare Hit {number:06} (dry).wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(4, "little"))
        os.utime(path, (old, old))
    aside.rename(root)
    return root


def filled_library(database: Path, root: Path, model_path: Path) -> None:
    """A library of everything under `root`, with random analyses near those of real sounds."""
    rng = np.random.default_rng(2)
    model = ModelFile.read(model_path)
    geography = Geography.beside(model_path, model.fingerprint)
    library = Database.open(str(database), create=True)
    with library.writing() as connection:
        target = add_or_find_target(connection, str(root))
        network = records.network_for(connection, model, model.fingerprint)
    found = compare(str(root), "", {}).new
    for start in range(0, len(found), 1000):
        part = found[start : start + 1000]
        made = [random_analysis(rng, model, geography) for _ in part]
        with library.writing() as connection:
            known = records.Results(made).record(connection, network)
            rows = [
                sample_rows.sample_values(file, target.root.id)
                | {"content_id": known[analysis.digest].id, "failure": None, "added_at": 0}
                | {"is_settled": True}
                for file, analysis in zip(part, made, strict=True)
            ]
            connection.execute(insert(samples), rows)


def random_analysis(
    rng: np.random.Generator, model: ModelFile, geography: Geography | None = None
) -> Analysis:
    """An analysis of nothing, with another digest every time."""
    logits = rng.standard_normal(len(model.classes)) * 3
    latent = rng.standard_normal(model.network.latent_size).astype(np.float32)
    if geography is not None:
        near = int(rng.integers(len(geography.vectors)))
        latent = geography.vectors[near] + 0.3 * latent / np.linalg.norm(latent)
        logits[geography.labels[near]] += 6
    probabilities = np.exp(logits) / np.exp(logits).sum()
    known = {
        "duration_s": float(rng.gamma(2, 0.4)),
        "peak": float(rng.uniform(0.1, 1)),
        "loudness_dbfs": float(rng.uniform(-40, -6)),
        "centroid_hz": float(rng.uniform(60, 12_000)),
        "sample_rate": RATE,
        "channels": 2,
        "container": "WAV",
        "encoding": "PCM_24",
    }
    values = {fact.key: fact.kind() for fact in FACTS} | known
    facts = Facts(size_bytes=int(rng.integers(10_000, 500_000)), warning=None, **values)
    return Analysis(
        "", uuid.uuid4().bytes + b"0000", facts, probabilities.astype(np.float32), latent
    )
