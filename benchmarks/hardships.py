"""A running watcher whose folders may not be looked into, or whose disks can't be written to.

Each time it must say so in one line, stay up, lose no row and recover by itself. File systems are
mounted where that is permitted, and left out where it is not. Ends with exit status 1 if one of
the promises was not kept.

    python -m benchmarks.hardships
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.soak import DEMO, stock_of
from libindex.library import Library
from libindex.watching import activity

_PATIENCE_S = 90.0  # a watcher in trouble tries again every minute, at last
_SETTLED_S = 3.0
_SOUNDS = 20

# A process without the superuser's right to pass over permissions: 24 is PR_CAPBSET_DROP, 1 and 2
# are CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
_AS_ANYBODY = """
import ctypes, os, sys
if sys.platform == "linux" and os.geteuid() == 0:
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "libindex", *sys.argv[1:]])
"""


class Trial:
    """A library with a watcher, and what it says.

    Parameters
    ----------
    home : Path
        For the log.
    folder, database : Path
        What is watched, and where it is recorded.
    """

    def __init__(self, home: Path, folder: Path, database: Path) -> None:
        self.folder, self.database, self._log = folder, database, home / "log"
        self._stock, self._made = stock_of(DEMO), 0
        self.broken: list[str] = []
        for number in range(_SOUNDS):
            self.put(folder / f"pack {number % 3}")

    def put(self, where: Path) -> Path:
        """Make a new sound."""
        self._made += 1
        path = where / f"{self._made}.ogg"
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = self._stock[self._made % len(self._stock)].read_bytes()
        path.write_bytes(sound + os.urandom(16))
        return path

    def rows(self) -> set[str]:
        """Paths of all samples that can be used."""
        with Library.open(self.database, create=False) as library:
            return {hit.path for hit in library.query(copies=True)}

    @contextmanager
    def watched(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a watcher meanwhile; it must not end by itself."""
        command = ["watch", self.folder, "--log-format", "json", "--db", self.database]
        with (
            self._log.open("wb") as log,
            subprocess.Popen([sys.executable, "-c", _AS_ANYBODY, *command], stderr=log) as process,
        ):
            try:
                yield process
                self.check(process.poll() is None, "the watcher ended")
            finally:
                process.terminate()

    def until_compared(self) -> None:
        """Wait for the first comparison."""
        self.until("the first comparison", lambda: self._is_idle() and bool(self.rows()))
        time.sleep(_SETTLED_S)  # what is this fresh would be read again

    def _is_idle(self) -> bool:
        now = activity.read(self.database)
        return bool(now and now.reconciled_at and now.doing == "idle" and not now.queue)

    def lines(self, part: str) -> list[str]:
        """What it said that has these words."""
        told = [json.loads(line)["message"] for line in self._log.read_text().splitlines()]
        return [line for line in told if part in line]

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for something that must happen."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() - started > _PATIENCE_S:
                self.check(False, f"not seen: {what}")
                return
            time.sleep(0.05)
        print(f"    {time.monotonic() - started:5.1f} s until {what}", flush=True)

    def until_told(self, part: str) -> None:
        """Wait for a line with these words; a moment later there must still be one only."""
        self.until(f"it said: {part}", lambda: bool(self.lines(part)))
        time.sleep(_SETTLED_S)
        self.check(len(self.lines(part)) == 1, f"said {len(self.lines(part))} times: {part}")
        for line in self.lines(part)[:1]:
            print(f"          {line}")

    def until_recorded(self, path: Path) -> None:
        """Wait until a sound can be queried."""
        self.until(f"{path.name} was recorded", lambda: str(path) in self.rows())

    def check(self, holds: bool, otherwise: str) -> None:
        """Note a promise that was not kept."""
        if not holds:
            self.broken.append(otherwise)
            print(f"    BROKEN: {otherwise}", flush=True)


def barred(trial: Trial, path: Path, told: str | None, inside: Path) -> None:
    """Take permission from a path and give it back, while sounds come elsewhere and inside."""
    before, mode = trial.rows(), path.stat().st_mode
    path.chmod(0)
    if told:
        trial.until_told(told)
    if path != trial.folder:
        trial.until_recorded(trial.put(trial.folder / "elsewhere"))
    kept = trial.rows() | ({str(path)} if path.is_file() else set())
    trial.check(before <= kept, f"{len(before - kept)} rows were lost")
    path.chmod(mode)
    trial.until("all is there again", lambda: before <= trial.rows())
    trial.until_recorded(trial.put(inside))


def permissions(trial: Trial) -> None:
    """A folder, a file and the whole root lose their permissions."""
    pack = trial.folder / "pack 0"
    with trial.watched():
        trial.until_compared()
        print("  a folder")
        barred(trial, pack, "pack 0: can't be read", pack)
        print("  a file")
        barred(trial, next(pack.iterdir()), None, pack)
        print("  the root")
        barred(trial, trial.folder, "Samples: can't be read", pack)
    pack.chmod(0)
    with trial.watched():
        print("  a folder that is barred from the start")
        trial.until_told("pack 0: can't be read")
        pack.chmod(0o755)
        trial.until_recorded(trial.put(pack))
        time.sleep(_SETTLED_S)
        trial.until_recorded(trial.put(pack))
    trial.folder.chmod(0)
    with trial.watched():
        print("  a root that is barred from the start")
        trial.until_told("Samples: can't be read")
        trial.folder.chmod(0o755)
        trial.until_recorded(trial.put(pack))


def read_only_root(trial: Trial) -> None:
    """The watched folder can only be read."""
    with trial.watched() as process:
        trial.until_compared()
        before = trial.rows()
        _remount(trial.folder.parent, "ro")
        process.send_signal(signal.SIGHUP)
        trial.until("it compared", lambda: len(trial.lines("compared ")) > 1)
        trial.check(trial.rows() == before, "rows were lost")
        _remount(trial.folder.parent, "rw")
        trial.until_recorded(trial.put(trial.folder))


def read_only_database(trial: Trial) -> None:
    """The library can only be read.

    A disk that is being written to is not remounted, so the folder is mounted over itself.
    """
    folder = str(trial.database.parent)
    with trial.watched():
        trial.until_compared()
        before = trial.rows()
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
            new = trial.put(trial.folder)
            trial.until_told("Read-only file system")
            trial.check(before <= trial.rows(), "rows were lost")
        finally:
            subprocess.run(["umount", folder], check=True)
        trial.until_recorded(new)
        trial.until("it said that it works again", lambda: bool(trial.lines("working again")))
        trial.check(before <= trial.rows(), "rows were lost")


def _remount(point: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", point], check=True)


@contextmanager
def _mounted(point: Path) -> Iterator[bool]:
    """A small file system; whether that was permitted."""
    point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(point)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        done = False
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", point], check=True)


def endure(home: Path) -> list[str]:
    """All of it; returns which promises were not kept."""
    broken = []
    for try_ in (permissions, read_only_root, read_only_database):
        name = try_.__name__.replace("_", " ")
        place = home / name
        place.mkdir()
        with ExitStack() as stack:
            folder, database = place / "Samples", place / "library.db"
            if try_ is not permissions:
                if not stack.enter_context(_mounted(place / "disk")):
                    print(f"{name}: left out, since to mount a file system is not permitted")
                    continue
                is_root = try_ is read_only_root
                folder = place / "disk" / "Samples" if is_root else folder
                database = database if is_root else place / "disk" / "library.db"
            print(f"{name}:", flush=True)
            trial = Trial(place, folder, database)
            try_(trial)
            broken += [f"{name}: {text}" for text in trial.broken]
    return broken


def main() -> None:
    """Run from the command line."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    home = Path(tempfile.mkdtemp(prefix="libindex-hardships-"))
    broken = endure(home)
    for line in broken:
        print(line)
    print(f"{len(broken)} promises were not kept")
    if not broken:
        shutil.rmtree(home)
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
