"""Kill watchers and scans at random moments while files change.

After each kill the database must be consistent, and no committed analysis may be repeated. In the
end the library must equal a fresh scan. Otherwise the exit status is 1.

    python -m benchmarks.kills --times 50
"""

import argparse
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import psutil

from benchmarks.soak import DEMO, User, differences, stock_of

_SOUNDS = 400
_ENDED_S = 10.0
_SETTLED_S = 2.5


def committed(database: Path) -> dict[bytes, int]:
    """Ids of analyses by digest; a repeated analysis gets a new id."""
    if not database.exists():
        return {}
    with closing(sqlite3.connect(database)) as connection:
        for pragma, wanted in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
            if connection.execute(f"PRAGMA {pragma}").fetchall() != wanted:
                raise SystemExit(f"{database}: {pragma} fails")
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'analyses'")
        if not tables.fetchone():
            return {}
        query = "SELECT digest, analyses.id FROM analyses JOIN contents ON contents.id = content_id"
        return dict(connection.execute(query).fetchall())


def run_and_kill(command: list[str], environment: dict[str, str], after_s: float) -> None:
    """Run a command, kill it, and check that its children exit."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(after_s)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    left = psutil.wait_procs(children, timeout=_ENDED_S)[1]
    if left:
        raise SystemExit(f"{len(left)} processes outlived their parent: {left}")


def work(user: User, pause_s: float, done: threading.Event) -> None:
    """Act as a user until done."""
    while not done.wait(pause_s):
        user.act()


def kill(home: Path, times: int, seed: int) -> list[str]:
    """Run the test; returns the problems."""
    rng, stock = random.Random(seed), stock_of(DEMO)
    folder, database = home / "Samples", home / "library.db"
    for number in range(_SOUNDS):
        path = folder / "pack" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.choice(stock).read_bytes() + rng.randbytes(16))
    done = threading.Event()
    # No copies: bytes that were removed and came back would rightly be analysed again.
    user = User(home, stock, seed, copies=0.0)
    writer = threading.Thread(target=work, args=(user, 0.05, done))
    writer.start()
    environment = {**os.environ, "LIBINDEX_DB": str(database)}
    before: dict[bytes, int] = {}
    problems = []
    for number in range(times):
        verb = ("watch", "scan")[number % 2]
        command = [sys.executable, "-m", "libindex", verb, str(folder)]
        run_and_kill(command, environment, rng.uniform(0.3, 4.0))
        now = committed(database)
        again = [digest for digest, id_ in before.items() if now.get(digest, id_) != id_]
        problems += (
            [f"after {verb} {number}: {len(again)} sounds were analysed again"] if again else []
        )
        before = now
        print(f"{number + 1:>3} {verb:<5} {len(now):,} analyses", flush=True)
    done.set()
    writer.join()
    time.sleep(_SETTLED_S)
    last = [sys.executable, "-m", "libindex", "scan", str(folder)]
    for path in (database, database, home / "fresh.db"):
        subprocess.run(last, env={**environment, "LIBINDEX_DB": str(path)}, check=True)
    again = [d for d, id_ in before.items() if committed(database).get(d, id_) != id_]
    problems += [f"the last scan analysed {len(again)} sounds again"] if again else []
    return problems + differences(database, home / "fresh.db")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="libindex-kills-"))
    problems = kill(home, given.times, given.seed)
    for line in problems[:20]:
        print(line)
    print(f"killed {given.times} times: {len(problems)} differences")
    if not problems:
        shutil.rmtree(home)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
