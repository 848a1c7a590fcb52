"""Watchers and scans that are killed at random moments, while somebody works in their folder.

Each time the database must be whole, and no analysis that was committed may be done again; at the
end the library must hold what a fresh scan gives. Ends with exit status 1 if not.

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
    """Ids of analyses by digest; an analysis that is done again gets another."""
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


def killed(command: list[str], environment: dict[str, str], after_s: float) -> None:
    """Run a command, kill it, and see its children end by themselves."""
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
    """Be a busy user until it is enough."""
    while not done.wait(pause_s):
        user.act()


def kill(home: Path, times: int, seed: int) -> list[str]:
    """The whole run; returns what went wrong."""
    chance, stock = random.Random(seed), stock_of(DEMO)
    folder, database = home / "Samples", home / "library.db"
    for number in range(_SOUNDS):
        path = folder / "pack" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.choice(stock).read_bytes() + chance.randbytes(16))
    done = threading.Event()
    # Bytes that went and came back are rightly heard again: there are none here.
    user = User(home, stock, seed, copies=0.0)
    writer = threading.Thread(target=work, args=(user, 0.05, done))
    writer.start()
    environment = {**os.environ, "LIBINDEX_DB": str(database)}
    before: dict[bytes, int] = {}
    told = []
    for number in range(times):
        verb = ("watch", "scan")[number % 2]
        command = [sys.executable, "-m", "libindex", verb, str(folder)]
        killed(command, environment, chance.uniform(0.3, 4.0))
        now = committed(database)
        again = [digest for digest, id_ in before.items() if now.get(digest, id_) != id_]
        told += [f"after {verb} {number}: {len(again)} sounds were heard again"] if again else []
        before = now
        print(f"{number + 1:>3} {verb:<5} {len(now):,} analyses", flush=True)
    done.set()
    writer.join()
    time.sleep(_SETTLED_S)
    last = [sys.executable, "-m", "libindex", "scan", str(folder)]
    for path in (database, database, home / "fresh.db"):
        subprocess.run(last, env={**environment, "LIBINDEX_DB": str(path)}, check=True)
    again = [d for d, id_ in before.items() if committed(database).get(d, id_) != id_]
    told += [f"the last scan heard {len(again)} sounds again"] if again else []
    return told + differences(database, home / "fresh.db")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="libindex-kills-"))
    told = kill(home, given.times, given.seed)
    for line in told[:20]:
        print(line)
    print(f"killed {given.times} times: {len(told)} differences")
    if not told:
        shutil.rmtree(home)
    sys.exit(bool(told))


if __name__ == "__main__":
    main()
