"""Fuzz the scan: thousands of damaged files must each be analysed or fail with a reason.

Flips bits, truncates, corrupts headers, moves and inserts blocks, in every format. The exit
status is 1 if a file is lost, the scan fails, or memory grows.

    python -m benchmarks.mutations --files 5000
"""

import argparse
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import soundfile

from libindex.library import Library

_FORMATS = (
    ("wav", "WAV", "PCM_16"), ("wav", "WAV", "PCM_24"), ("wav", "WAV", "FLOAT"),
    ("wav", "WAV", "ULAW"), ("wav", "WAV", "IMA_ADPCM"), ("wav", "WAVEX", "PCM_24"),
    ("aiff", "AIFF", "PCM_16"), ("flac", "FLAC", "PCM_16"), ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"), ("mp3", "MP3", "MPEG_LAYER_III"), ("caf", "CAF", "PCM_16"),
    ("w64", "W64", "PCM_16"), ("rf64", "RF64", "PCM_16"), ("au", "AU", "PCM_16"),
)  # fmt: skip
_NUMBERS = (0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1)
_TIMEOUT_S = 10.0
_WARM = 0.2  # share of the files after which the reference memory is taken
_GROWTH = 1.25


def originals(folder: Path) -> list[Path]:
    """A short sound in every format."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    paths = []
    for number, (suffix, container, encoding) in enumerate(_FORMATS):
        time_s = np.arange(12_000) / 48_000
        sound = np.sin(2 * np.pi * 200 * time_s) * np.exp(-20 * time_s)
        sound = np.stack([sound, 0.1 * rng.standard_normal(len(sound)) * sound], axis=1)
        path = folder / f"{number}.{suffix}"
        soundfile.write(path, sound, 48_000, format=container, subtype=encoding)
        paths.append(path)
    return paths


def mutate(data: bytearray, rng: random.Random) -> bytes:
    """Damage the bytes of a file in one to three ways."""
    ways = (_flip, _cut, _corrupt_header, _move, _insert, _blank)
    for _ in range(rng.randint(1, 3)):
        if len(data) > 16:
            rng.choice(ways)(data, rng)
    return bytes(data)


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 10, 200])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _corrupt_header(data: bytearray, rng: random.Random) -> None:
    """Another number somewhere in the header."""
    at = rng.randrange(min(len(data), 200) - 4)
    order = rng.choice(["little", "big"])
    data[at : at + 4] = rng.choice(_NUMBERS).to_bytes(4, order)


def _move(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    block = data[start : start + rng.randrange(1, 2000)]
    at = rng.randrange(len(data))
    data[at : at + len(block)] = block


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.randbytes(rng.randrange(1, 3000))


def _blank(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    length = min(rng.randrange(1, 3000), len(data) - start)
    data[start : start + length] = bytes(length)


class Memory(threading.Thread):
    """Records the memory of this process and its children."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.done = 0
        self.seen: list[tuple[int, float]] = []

    def run(self) -> None:
        while True:
            total = 0.0
            me = psutil.Process()
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss / 1e6
                except psutil.Error:
                    continue
            self.seen.append((self.done, total))
            time.sleep(0.5)


def run(home: Path, count: int, seed: int) -> int:
    """Run the test; returns the number of problems."""
    rng = random.Random(seed)
    sources = [(path.suffix, path.read_bytes()) for path in originals(home / "originals")]
    folder = home / "Samples"
    folder.mkdir()
    for number in range(count):
        suffix, data = sources[number % len(sources)]
        (folder / f"{number}{suffix}").write_bytes(mutate(bytearray(data), rng))
    memory = Memory()
    memory.start()
    with Library.open(home / "library.db", jobs=2, file_timeout_s=_TIMEOUT_S) as library:
        summary = library.scan(folder, on_progress=lambda p: setattr(memory, "done", p.done))
    return _report(home / "library.db", count, summary.seconds, memory)


def _report(database: Path, count: int, seconds: float, memory: Memory) -> int:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT coalesce(samples.failure, contents.failure), analyses.id FROM samples"
            " LEFT JOIN contents ON contents.id = samples.content_id"
            " LEFT JOIN analyses ON analyses.content_id = contents.id"
        ).fetchall()
    reasons = Counter(reason.partition("(")[0] for reason, _ in rows if reason)
    lost = count - len(rows) + sum(reason is None and id_ is None for reason, id_ in rows)
    used = sum(id_ is not None for _, id_ in rows)
    print(f"{count:,} files in {seconds:.1f} s: {used:,} analysed, {count - used:,} failed")
    for reason, number in reasons.most_common(12):
        print(f"  {number:>6,}  {reason}")
    early = max(mb for done, mb in memory.seen if done <= max(_WARM * count, 1000))
    late = memory.seen[-1][1]
    print(f"memory: {early:.0f} MB peak among the first, {late:.0f} MB at the end")
    print(f"{lost} files were lost")
    return lost + (late > _GROWTH * early)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="libindex-mutations-") as home:
        sys.exit(bool(run(Path(home), given.files, given.seed)))


if __name__ == "__main__":
    main()
