"""Short writes of another process while a scan runs.

Scans made-up files that cost nothing to analyse, so that the database is all that is busy, and
updates a row every few milliseconds from another process. The exit status is 1 where more than
one write of a hundred takes longer than 0.2 s; run it on a machine that does nothing else.

    python -m benchmarks.writes --files 5000
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.material import random_analysis
from libindex.analysis.engine import Engine
from libindex.analysis.results import Analysis
from libindex.indexing import Indexer
from libindex.network.modelfile import ModelFile
from libindex.settings import Settings, load
from libindex.sound.digests import digest_of
from libindex.store.database import Database

_WANTED_S = 0.2
_WRITER = """
import sys, threading, time
from libindex.store.database import Database
database, ended = Database.open(sys.argv[1]), threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
print("ready", flush=True)
while not ended.wait(0.005):
    begun = time.perf_counter()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE roots SET added_at = added_at + 1")
    print(time.perf_counter() - begun, flush=True)
"""


class MadeUp:
    """A pipeline that makes its results up."""

    def __init__(self, model: ModelFile, _settings: Settings) -> None:
        self._model = model
        self._rng = np.random.default_rng(0)
        self._waiting: list[str] = []

    def submit(self, paths: Sequence[str]) -> None:
        self._waiting += paths

    def results(self) -> list[Analysis]:
        part, self._waiting = self._waiting[:256], self._waiting[256:]
        return [
            replace(random_analysis(self._rng, self._model), path=path, digest=digest_of(path))
            for path in part
        ]

    def cancel(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self.cancel()


def measure(home: Path, files: int) -> list[float]:
    """How long each write took while the files were scanned [s]."""
    folder, database = home / "Samples", home / "library.db"
    for number in range(files):
        path = folder / str(number % 50) / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    library, settings = Database.open(str(database), create=True), load({"db": str(database)})
    with (
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        ) as writer,
        Engine(settings, MadeUp) as engine,
        Indexer(library, engine) as indexer,
    ):
        assert writer.stdout is not None
        writer.stdout.readline()
        begun = time.perf_counter()
        indexer.scan([str(folder)])
        print(f"scanned {files:,} files in {time.perf_counter() - begun:.1f} s")
        return sorted(float(line) for line in writer.communicate("")[0].split())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--files", type=int, default=5000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        waits = measure(Path(home), arguments.files)
    late = sum(wait > _WANTED_S for wait in waits)
    print(
        f"{len(waits):,} writes: median {1e3 * waits[len(waits) // 2]:.1f} ms,"
        f" 99 of 100 within {1e3 * waits[int(0.99 * len(waits))]:.0f} ms,"
        f" slowest {1e3 * waits[-1]:.0f} ms; {late:,} took longer than {_WANTED_S} s"
    )
    return int(late > len(waits) / 100)


if __name__ == "__main__":
    sys.exit(main())
