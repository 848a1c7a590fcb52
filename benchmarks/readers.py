"""Several processes query a library while it is being filled.

The exit status is 1 after an error, an incomplete result, or a count that decreases.

    python -m benchmarks.readers --library ~/Samples --files 5000 --readers 8
"""

import argparse
import itertools
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path

from libindex.instruments import CODES
from libindex.library import Library
from libindex.paths import is_audio

_FIRST = 500
_PAUSE_S = 0.2  # without it, the readers would take both cores from the scan
_CLASSES = ("kick", "snr", "hhc", "tom")


def ask(database: str, known: str, results: "Queue[tuple[str, float, str]]", stop: str) -> None:
    """Query until the file `stop` exists; reports the duration and any problem of each call."""
    with Library.open(database, create=False) as library:
        min_count = 0
        number = 0
        while not Path(stop).exists():
            number += 1
            code = _CLASSES[number % len(_CLASSES)]
            results.put(_timed("query", lambda: _query(library, code)))  # noqa: B023
            results.put(_timed("similar", lambda: _similar(library, known)))
            started = time.monotonic()
            count = library.select().count()
            results.put(
                (
                    "count",
                    time.monotonic() - started,
                    "" if count >= min_count else "the count decreased",
                )
            )
            min_count = count
            time.sleep(_PAUSE_S)


def _timed(name: str, call: Callable[[], str]) -> tuple[str, float, str]:
    started = time.monotonic()
    try:
        wrong = call()
    except Exception as error:  # noqa: BLE001 - any is a failure, and is reported
        wrong = f"{type(error).__name__}: {error}"
    return name, time.monotonic() - started, wrong


def _query(library: Library, code: str) -> str:
    hits = library.query(classes=[code], limit=50)
    is_whole = all(h.class_code in CODES and 0 < h.probability <= 1 for h in hits)
    return "" if hits and is_whole else f"{len(hits)} hits, whole: {is_whole}"


def _similar(library: Library, known: str) -> str:
    hits = library.similar(known, 10)
    return "" if len(hits) == 10 else f"{len(hits)} neighbours of 10"


def read(home: Path, source: Path, files: int, readers: int) -> int:
    """Run the test; returns the number of problems."""
    folder, database, stop = home / "Samples", home / "library.db", home / "stop"
    sounds = [p for p in sorted(source.rglob("*")) if is_audio(p) and p.is_file()]
    for number, path in enumerate(sounds[:_FIRST]):
        _place(path, folder / "first" / f"{number}{path.suffix}")
    with Library.open(database) as library:
        library.scan(folder)
        known = library.query(limit=1)[0].path
    for number, path in enumerate(itertools.islice(itertools.cycle(sounds), files)):
        # Changed, so that each has to be analysed.
        _place(path, folder / "then" / f"{number}{path.suffix}", os.urandom(16))
    spawn = multiprocessing.get_context("spawn")
    results: Queue[tuple[str, float, str]] = spawn.Queue()
    arguments = (str(database), known, results, str(stop))
    processes = [spawn.Process(target=ask, args=arguments) for _ in range(readers)]
    for process in processes:
        process.start()
    command = [sys.executable, "-m", "libindex", "scan", str(folder), "--db", str(database)]
    with subprocess.Popen(command) as scan:
        latencies, problems = _gather(results, scan)
    stop.touch()
    while any(process.is_alive() for process in processes):
        while not results.empty():
            results.get()
        time.sleep(0.05)
    for name, durations in sorted(latencies.items()):
        durations.sort()
        print(
            f"{name:<8} {len(durations):>6,} calls: median {statistics.median(durations):.3f} s,"
            f" 99th percentile {durations[int(0.99 * (len(durations) - 1))]:.3f} s,"
            f" maximum {durations[-1]:.3f} s"
        )
    for text in sorted(set(problems))[:10]:
        print(f"{problems.count(text)} times: {text}")
    print(f"{len(problems)} problems")
    return len(problems) + scan.returncode


def _gather(
    results: "Queue[tuple[str, float, str]]", scan: "subprocess.Popen[bytes]"
) -> tuple[dict[str, list[float]], list[str]]:
    latencies: dict[str, list[float]] = defaultdict(list)
    problems = []
    while scan.poll() is None:
        while not results.empty():
            name, seconds, text = results.get()
            latencies[name].append(seconds)
            problems += [f"{name}: {text}"] if text else []
        time.sleep(0.02)
    return latencies, problems


def _place(source: Path, target: Path, more: bytes = b"") -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes() + more)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, required=True, help="sounds to copy and scan")
    parser.add_argument("--files", type=int, default=5000, help="number of new files")
    parser.add_argument("--readers", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="libindex-readers-") as home:
        sys.exit(bool(read(Path(home), given.library, given.files, given.readers)))


if __name__ == "__main__":
    main()
