"""Soak test of the watcher: correctness, latency and cost under load.

Several processes copy, write, rename, move, link and delete files below one folder while
``libindex watch`` runs. Probes measure how soon new files can be queried. In the end the library
must equal, row for row, a fresh scan of the folder, and the neighbour index must match the
stored embeddings. Otherwise the exit status is 1.

    python -m benchmarks.soak --minutes 10 --operations 20000 [--library FOLDER]
"""

import argparse
import multiprocessing
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import psutil

from libindex.library import Library
from libindex.similarity.embeddings import index_path, neighbour_index, unpacked
from libindex.watching import activity

_PROBE_EVERY_S = 2.0
_SAMPLE_EVERY_S = 2.0
_QUIET_S = 4.0
_USERS = 4
DEMO = Path(__file__).parent.parent / "demo_sounds"


class User:
    """A user who works in a folder; ignores errors of the operating system.

    Parameters
    ----------
    home : Path
        Contains the watched folder "Samples" and the folder "outside".
    stock : list of Path
        Sounds to copy from.
    seed : int
        Of the random actions.
    copies : float
        Share of new files that are byte-identical to others.
    """

    def __init__(self, home: Path, stock: list[Path], seed: int, copies: float = 0.3) -> None:
        self._random, self._copies = random.Random(seed), copies
        self._stock, self._seed = stock, seed
        self._mine = home / "Samples" / f"user {seed}"
        self._outside = home / "outside" / f"user {seed}"
        self._mine.mkdir(parents=True, exist_ok=True)
        self._outside.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def act(self) -> None:
        """Do one random action."""
        actions: list[tuple[Callable[[], object], int]] = [
            (self._copy_sound, 30),
            (self._write_slowly, 5),
            (self._overwrite, 10),
            (self._append, 5),
            (self._truncate, 3),
            (self._rename, 12),
            (self._save_through_temporary, 8),
            (self._delete, 14),
            (self._touch, 4),
            (self._hard_link, 3),
            (self._link_folder, 1),
            (self._copy_tree, 1),
            (self._move_tree, 2),
            (self._move_out_or_in, 2),
            (self._delete_tree, 1),
        ]
        action = self._random.choices([a for a, _ in actions], [w for _, w in actions])[0]
        with suppress(OSError, shutil.Error):
            action()

    def _new_name(self) -> Path:
        self._count += 1
        folders = ["", "kicks", "snares/dry", "Émile 鼓", "deep/er/still"]
        folder = self._mine / self._random.choice(folders)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self._count}.wav"

    def _one(self) -> Path:
        files = [Path(folder, name) for folder, _, names in os.walk(self._mine) for name in names]
        return self._random.choice(files) if files else self._mine / "none.wav"

    def _folder(self) -> Path:
        folders = [Path(folder) for folder, _, _ in os.walk(self._mine)][1:]
        return self._random.choice(folders) if folders else self._mine / "none"

    def _bytes(self) -> bytes:
        """A new sound, or sometimes a copy."""
        sound = self._random.choice(self._stock).read_bytes()
        return sound if self._random.random() < self._copies else sound + self._random.randbytes(16)

    def _copy_sound(self) -> None:
        self._new_name().write_bytes(self._bytes())

    def _write_slowly(self) -> None:
        data = self._bytes()
        with self._new_name().open("wb") as stream:
            for start in range(0, len(data), len(data) // 5 + 1):
                stream.write(data[start : start + len(data) // 5 + 1])
                stream.flush()
                time.sleep(self._random.uniform(0, 0.2))

    def _overwrite(self) -> None:
        self._one().write_bytes(self._bytes())

    def _append(self) -> None:
        with self._one().open("ab") as stream:
            stream.write(self._random.randbytes(100))

    def _truncate(self) -> None:
        os.truncate(self._one(), self._random.choice([0, 20, 5000]))

    def _rename(self) -> None:
        self._one().rename(self._new_name())

    def _save_through_temporary(self) -> None:
        path = self._one()
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(self._bytes())
        temporary.replace(path)

    def _delete(self) -> None:
        self._one().unlink()

    def _touch(self) -> None:
        path = self._one()
        path.chmod(self._random.choice([0o600, 0o644]))
        os.utime(path)

    def _hard_link(self) -> None:
        os.link(self._one(), self._new_name())

    def _link_folder(self) -> None:
        self._new_name().with_suffix("").symlink_to(self._outside)

    def _copy_tree(self) -> None:
        self._count += 1
        shutil.copytree(self._folder(), self._mine / f"copy {self._count}", symlinks=True)

    def _move_tree(self) -> None:
        self._count += 1
        self._folder().rename(self._mine / f"moved {self._count}")

    def _move_out_or_in(self) -> None:
        self._count += 1
        away = sorted(self._outside.iterdir())
        if away and self._random.random() < 0.6:
            self._random.choice(away).rename(self._mine / f"back {self._count}")
        else:
            self._folder().rename(self._outside / f"away {self._count}")

    def _delete_tree(self) -> None:
        shutil.rmtree(self._folder())


def stock_of(folder: Path) -> list[Path]:
    """The sounds that users copy."""
    return sorted(p for p in folder.rglob("*") if p.suffix in {".wav", ".flac", ".ogg"})


def work(home: Path, stock: list[Path], seed: int, operations: int, seconds: float) -> None:
    """Act as a user: operations spread evenly over a time."""
    user, started = User(home, stock, seed), time.monotonic()
    for number in range(operations):
        time.sleep(max(0.0, started + seconds * number / operations - time.monotonic()))
        user.act()


class Probe(threading.Thread):
    """Measures the time from closing a new file until it can be queried."""

    def __init__(self, home: Path, database: Path, stock: list[Path]) -> None:
        super().__init__()
        self.latencies: list[float] = []
        self.missed = 0
        self._folder, self._database, self._stock = home / "Samples" / "probes", database, stock
        self._folder.mkdir()
        self._done = threading.Event()

    def run(self) -> None:
        query = (
            "SELECT 1 FROM samples JOIN analyses USING (content_id) WHERE samples.path = ?"
            " AND root_id = (SELECT min(id) FROM roots)"
        )
        number = 0
        with closing(sqlite3.connect(self._database)) as connection:
            while not self._done.wait(_PROBE_EVERY_S):
                number += 1
                path = self._folder / f"{number}.wav"
                sound = self._stock[number % len(self._stock)].read_bytes()
                path.write_bytes(sound + os.urandom(16))
                closed = time.monotonic()
                name = os.fsencode(path.relative_to(self._folder.parent))
                while not connection.execute(query, (name,)).fetchone():
                    if time.monotonic() - closed > 60:
                        self.missed += 1
                        break
                    time.sleep(0.005)
                else:
                    self.latencies.append(time.monotonic() - closed)

    def stop(self) -> None:
        self._done.set()
        self.join()


class Meter(threading.Thread):
    """Records memory and CPU time of a process and its children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._ended_s = 0.0
        self._seen: dict[int, float] = {}
        self.memory_mb: list[float] = []

    def run(self) -> None:
        with suppress(psutil.Error):
            while True:
                self.memory_mb.append(self.measure())
                time.sleep(_SAMPLE_EVERY_S)

    def measure(self) -> float:
        """Memory now [MB], shared pages being divided among their processes."""
        total = 0.0
        for process in [self._process, *self._process.children(recursive=True)]:
            with suppress(psutil.Error):
                total += process.memory_full_info().pss / 1e6
                times = process.cpu_times()
                self._seen[process.pid] = times.user + times.system
        return total

    def cpu_s(self) -> float:
        """CPU time so far, as of the last sample [s]."""
        self.measure()
        return sum(self._seen.values())


def wait_until_quiet(database: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the watcher has been idle for a while."""
    since = time.monotonic()
    while time.monotonic() - since < _QUIET_S:
        if process.poll() is not None:
            raise SystemExit("the watcher ended")
        now = activity.read(database)
        if now is None or now.doing != "idle" or now.queue or not now.reconciled_at:
            since = time.monotonic()
        time.sleep(0.05)


def rows(database: Path) -> dict[str, dict[bytes, tuple[object, ...]]]:
    """Content of a library, without ids and timestamps of libindex."""
    with closing(sqlite3.connect(database)) as connection:
        samples = connection.execute(
            "SELECT samples.path, samples.size_bytes, mtime_ns, ctime_ns, digest,"
            " samples.failure, contents.failure, duration_s, codes.code, probability"
            " FROM samples LEFT JOIN contents ON contents.id = samples.content_id"
            " LEFT JOIN analyses ON analyses.content_id = contents.id"
            " LEFT JOIN classes AS codes ON codes.id = analyses.class_id"
        ).fetchall()
        contents = connection.execute("SELECT digest, size_bytes, failure FROM contents").fetchall()
        for pragma, wanted in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
            if connection.execute(f"PRAGMA {pragma}").fetchall() != wanted:
                raise SystemExit(f"{database}: {pragma} fails")
    return {
        "samples": {
            row[0]: (*row[1:-1], None if row[-1] is None else round(row[-1], 3)) for row in samples
        },
        "contents": {row[0]: row[1:] for row in contents},
    }


def differences(mine: Path, fresh: Path) -> list[str]:
    """Differences between a library and a fresh one."""
    problems = []
    ours, theirs = rows(mine), rows(fresh)
    for table, expected in theirs.items():
        found = ours[table]
        problems += [f"{table}: {key!r} is missing" for key in expected.keys() - found.keys()]
        problems += [f"{table}: {key!r} is extra" for key in found.keys() - expected.keys()]
        problems += [
            f"{table}: {key!r} is {found[key]}, not {expected[key]}"
            for key in expected.keys() & found.keys()
            if found[key] != expected[key]
        ]
    return problems


def index_differences(library: Library) -> list[str]:
    """Differences between the neighbour index and a comparison with every embedding."""
    network = library.network()
    if network is None:
        return ["there is no network"]
    path = index_path(library.database.path, network.fingerprint)
    with library.database.reading() as connection:
        index = neighbour_index(connection, path, network.id, network.latent_size, save=False)
        stored = connection.exec_driver_sql("SELECT analysis_id, vector FROM embeddings").all()
    ids = np.array([row[0] for row in stored])
    vectors = np.stack([unpacked(row[1]) for row in stored])
    if sorted(index.ids.tolist()) != sorted(ids.tolist()):
        return ["the neighbour index does not match the database"]
    problems = []
    for number in range(0, len(ids), max(1, len(ids) // 50)):
        best = np.sort(vectors @ vectors[number])[::-1][:10]
        found = np.array([similarity for _, similarity in index.search(vectors[number], 10)])
        if not np.allclose(best[: len(found)], found, atol=2e-3):
            problems.append(f"neighbours of {ids[number]} differ: {best} {found}")
    return problems


def soak(home: Path, source: Path, operations: int, seconds: float, idle_s: float) -> int:
    """Run the test; returns the number of differences."""
    database = home / "library.db"
    (home / "outside").mkdir()
    shutil.copytree(source, home / "Samples", symlinks=True)
    stock = stock_of(DEMO)
    command = [sys.executable, "-m", "libindex", "watch", str(home / "Samples")]
    environment = {**os.environ, "LIBINDEX_DB": str(database)}
    log = (home / "log").open("wb")
    with subprocess.Popen(command, env=environment, stderr=log) as process:
        started = time.monotonic()
        wait_until_quiet(database, process)
        print(f"first comparison took {time.monotonic() - started - _QUIET_S:.1f} s", flush=True)
        meter = Meter(process.pid)
        meter.start()
        probe = Probe(home, database, stock)
        probe.start()
        spawn = multiprocessing.get_context("spawn")
        users = [
            spawn.Process(target=work, args=(home, stock, n, operations // _USERS, seconds))
            for n in range(_USERS)
        ]
        at_start, cpu = meter.measure(), meter.cpu_s()
        for user in users:
            user.start()
        for user in users:
            user.join()
        probe.stop()
        ended = time.monotonic()
        wait_until_quiet(database, process)
        print(f"quiet {time.monotonic() - ended - _QUIET_S:.1f} s after the last operation")
        problems = _report(probe, meter, at_start, cpu, seconds)
        if idle_s:
            before = meter.cpu_s()
            time.sleep(idle_s)
            used = meter.cpu_s() - before
            print(
                f"idle for {idle_s:.0f} s: {100 * used / idle_s:.2f} % of a core,"
                f" {meter.measure():.0f} MB"
            )
        problems += _compared(home, database, process)
        process.terminate()
        asked = time.monotonic()
        process.wait()
        print(f"ended {time.monotonic() - asked:.2f} s after SIGTERM, status {process.returncode}")
    for line in problems[:20]:
        print(line)
    print(f"{len(problems)} differences")
    return len(problems)


def _report(
    probe: Probe, meter: Meter, memory_at_start: float, cpu_before: float, seconds: float
) -> list[str]:
    found = sorted(probe.latencies)
    print(
        f"latency of {len(found)} probes: median {statistics.median(found):.2f} s,"
        f" 99th percentile {found[int(0.99 * (len(found) - 1))]:.2f} s, maximum {found[-1]:.2f} s"
    )
    print(
        f"memory: {memory_at_start:.0f} MB at the start, {max(meter.memory_mb):.0f} MB peak,"
        f" {meter.measure():.0f} MB at the end"
    )
    print(f"CPU: {100 * (meter.cpu_s() - cpu_before) / seconds:.0f} % of a core while busy")
    return [f"{probe.missed} probes were never found"] if probe.missed else []


def _compared(home: Path, database: Path, process: "subprocess.Popen[bytes]") -> list[str]:
    """Compare with a fresh scan, before and after a full comparison on SIGHUP."""
    with Library.open(home / "fresh.db") as fresh:
        fresh.scan(home / "Samples")
    by_events = [d for d in differences(database, home / "fresh.db") if d.startswith("samples")]
    print(f"{len(by_events)} differences before the full comparison")
    for line in by_events[:10]:
        print("  " + line)
    process.send_signal(1)
    time.sleep(0.5)
    wait_until_quiet(database, process)
    with Library.open(database) as library:
        return differences(database, home / "fresh.db") + index_differences(library)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--library", type=Path, default=DEMO, help="folder to copy")
    parser.add_argument("--idle", type=float, default=0, metavar="S", help="then measure it idle")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="libindex-soak-"))
    print(f"in {home}", flush=True)
    found = soak(home, given.library, given.operations, 60 * given.minutes, given.idle)
    if not found:
        shutil.rmtree(home)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
