"""CPU and memory of an idle watcher, and how soon it records new files."""

import os
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil

from libindex.watching import activity

Row = tuple[str, str, str]

_DEMO = Path(__file__).parent.parent / "demo_sounds"
_IDLE_S = 60.0
_SETTLED_S = 35.0  # the neighbour index is written after 30 s
_COMPARED_S = 8.0
_PROBES = 25
_RECONCILED_EVERY_S = 900.0


def measure(filled: Path, root: Path, memory: Callable[[psutil.Process], int]) -> list[Row]:
    """Measure a copy of a filled library; adds files to its root temporarily."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "library.db"
        for path in filled.parent.glob(f"{filled.name}*"):
            shutil.copy(path, database.with_name(path.name.replace(filled.name, database.name)))
        command = [sys.executable, "-m", "libindex", "watch", "--quiet", "--db", str(database)]
        with psutil.Popen(command) as process:
            _until_idle(database, process)
            time.sleep(_SETTLED_S)
            idle = _cpu_s(process, lambda: time.sleep(_IDLE_S)) / _IDLE_S
            at_rest = memory(process)
            comparing = _cpu_s(process, lambda: _compare(process))
            first, *others = _latencies(database, root)
            busy = memory(process)
            asked = time.monotonic()
            process.terminate()
            process.wait()
            ended = time.monotonic() - asked
    share = idle + comparing / _RECONCILED_EVERY_S
    return [
        ("`watch`, idle", f"{100 * share:.2f} % of a core", "under 0.5 %"),
        ("its memory", f"{at_rest / 1e6:.0f} MB", "under 350 MB"),
        ("its memory after an analysis", f"{busy / 1e6:.0f} MB", ""),
        ("first new file, including loading the network", f"{first:.1f} s", ""),
        (
            "other new files (median, maximum)",
            f"{statistics.median(others):.2f} s, {max(others):.2f} s",
            "under 0.5 s",
        ),
        ("from SIGTERM to exit", f"{ended:.2f} s", "under 2 s"),
    ]


def _until_idle(database: Path, process: psutil.Process) -> None:
    while True:
        now = activity.read(database)
        if now and now.reconciled_at and now.doing == "idle" and not now.queue:
            return
        if not process.is_running():
            raise SystemExit("the watcher ended")
        time.sleep(0.1)


def _cpu_s(process: psutil.Process, during: Callable[[], object]) -> float:
    """CPU time of a process and its children during a call [s]."""

    def used() -> float:
        times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
        return sum(t.user + t.system for t in times)

    before = used()
    during()
    return used() - before


def _compare(process: psutil.Process) -> None:
    os.kill(process.pid, signal.SIGHUP)
    time.sleep(_COMPARED_S)


def _latencies(database: Path, root: Path) -> list[float]:
    """Times from closing new files until they can be queried [s]."""
    sounds = sorted(_DEMO.glob("*.ogg"))
    query = "SELECT 1 FROM samples JOIN analyses USING (content_id) WHERE samples.path = ?"
    latencies, paths = [], []
    with closing(sqlite3.connect(database)) as connection:
        for number in range(_PROBES):
            path = root / f"probe {number}.ogg"
            paths.append(path)
            path.write_bytes(sounds[number % len(sounds)].read_bytes() + os.urandom(8))
            closed = time.monotonic()
            while not connection.execute(query, (os.fsencode(path.name),)).fetchone():
                time.sleep(0.003)
            latencies.append(time.monotonic() - closed)
            time.sleep(1)
    for path in paths:
        path.unlink()
    return latencies
