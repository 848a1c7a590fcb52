"""A watcher without permission to read folders, or on read-only disks.

Each time it must log one line, keep running, lose no row and recover by itself. Tests that mount
file systems are skipped if that is not permitted. The exit status is 1 if a check fails.

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

_TIMEOUT_S = 90.0  # a watcher with a problem retries every minute, eventually
_SETTLED_S = 3.0
_SOUNDS = 20

# A process without the superuser's right to ignore permissions: 24 is PR_CAPBSET_DROP, 1 and 2
# are CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
_UNPRIVILEGED = """
import ctypes, os, sys
if sys.platform == "linux" and os.geteuid() == 0:
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "libindex", *sys.argv[1:]])
"""


class Trial:
    """A library, its watcher and the watcher's log.

    Parameters
    ----------
    home : Path
        Folder of the log.
    folder, database : Path
        The watched folder and the database.
    """

    def __init__(self, home: Path, folder: Path, database: Path) -> None:
        self.folder, self.database, self._log = folder, database, home / "log"
        self._stock, self._made = stock_of(DEMO), 0
        self.failed: list[str] = []
        for number in range(_SOUNDS):
            self.put(folder / f"pack {number % 3}")

    def put(self, where: Path) -> Path:
        """Add a new sound."""
        self._made += 1
        path = where / f"{self._made}.ogg"
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = self._stock[self._made % len(self._stock)].read_bytes()
        path.write_bytes(sound + os.urandom(16))
        return path

    def rows(self) -> set[str]:
        """Paths of all usable samples."""
        with Library.open(self.database, create=False) as library:
            return {hit.path for hit in library.query(copies=True)}

    @contextmanager
    def watched(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a watcher during the block; it must not exit by itself."""
        command = ["watch", self.folder, "--log-format", "json", "--db", self.database]
        with (
            self._log.open("wb") as log,
            subprocess.Popen(
                [sys.executable, "-c", _UNPRIVILEGED, *command], stderr=log
            ) as process,
        ):
            try:
                yield process
                self.check(process.poll() is None, "the watcher exited")
            finally:
                process.terminate()

    def until_compared(self) -> None:
        """Wait for the first comparison."""
        self.until("the first comparison", lambda: self._is_idle() and bool(self.rows()))
        time.sleep(_SETTLED_S)  # fresh files would be read again

    def _is_idle(self) -> bool:
        now = activity.read(self.database)
        return bool(now and now.reconciled_at and now.doing == "idle" and not now.queue)

    def lines(self, part: str) -> list[str]:
        """Log messages that contain a text."""
        messages = [json.loads(line)["message"] for line in self._log.read_text().splitlines()]
        return [message for message in messages if part in message]

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() - started > _TIMEOUT_S:
                self.check(False, f"not seen: {what}")
                return
            time.sleep(0.05)
        print(f"    {time.monotonic() - started:5.1f} s until {what}", flush=True)

    def until_logged(self, part: str) -> None:
        """Wait for a message; a moment later it must still be the only one."""
        self.until(f"it logged: {part}", lambda: bool(self.lines(part)))
        time.sleep(_SETTLED_S)
        self.check(len(self.lines(part)) == 1, f"logged {len(self.lines(part))} times: {part}")
        for line in self.lines(part)[:1]:
            print(f"          {line}")

    def until_recorded(self, path: Path) -> None:
        """Wait until a sound can be queried."""
        self.until(f"{path.name} was recorded", lambda: str(path) in self.rows())

    def check(self, holds: bool, otherwise: str) -> None:
        """Record a failed check."""
        if not holds:
            self.failed.append(otherwise)
            print(f"    FAILED: {otherwise}", flush=True)


def deny_access(trial: Trial, path: Path, message: str | None, inside: Path) -> None:
    """Remove all permissions of a path and restore them, while sounds are added elsewhere."""
    before, mode = trial.rows(), path.stat().st_mode
    path.chmod(0)
    if message:
        trial.until_logged(message)
    if path != trial.folder:
        trial.until_recorded(trial.put(trial.folder / "elsewhere"))
    kept = trial.rows() | ({str(path)} if path.is_file() else set())
    trial.check(before <= kept, f"{len(before - kept)} rows were lost")
    path.chmod(mode)
    trial.until("all rows are back", lambda: before <= trial.rows())
    trial.until_recorded(trial.put(inside))


def permissions(trial: Trial) -> None:
    """A folder, a file and the whole root lose their permissions."""
    pack = trial.folder / "pack 0"
    with trial.watched():
        trial.until_compared()
        print("  a folder")
        deny_access(trial, pack, "pack 0: can't be read", pack)
        print("  a file")
        deny_access(trial, next(pack.iterdir()), None, pack)
        print("  the root")
        deny_access(trial, trial.folder, "Samples: can't be read", pack)
    pack.chmod(0)
    with trial.watched():
        print("  a folder without permissions from the start")
        trial.until_logged("pack 0: can't be read")
        pack.chmod(0o755)
        trial.until_recorded(trial.put(pack))
        time.sleep(_SETTLED_S)
        trial.until_recorded(trial.put(pack))
    trial.folder.chmod(0)
    with trial.watched():
        print("  a root without permissions from the start")
        trial.until_logged("Samples: can't be read")
        trial.folder.chmod(0o755)
        trial.until_recorded(trial.put(pack))


def read_only_root(trial: Trial) -> None:
    """The watched folder is read-only."""
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
    """The database is read-only.

    A disk that is being written to can't be remounted, so the folder is bind-mounted.
    """
    folder = str(trial.database.parent)
    with trial.watched():
        trial.until_compared()
        before = trial.rows()
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
            new = trial.put(trial.folder)
            trial.until_logged("Read-only file system")
            trial.check(before <= trial.rows(), "rows were lost")
        finally:
            subprocess.run(["umount", folder], check=True)
        trial.until_recorded(new)
        trial.until("it logged that it works again", lambda: bool(trial.lines("working again")))
        trial.check(before <= trial.rows(), "rows were lost")


def _remount(point: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", point], check=True)


@contextmanager
def _mounted(point: Path) -> Iterator[bool]:
    """Mount a small file system; yields whether that was permitted."""
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
    """Run all trials; returns the failed checks."""
    failed = []
    for try_ in (permissions, read_only_root, read_only_database):
        name = try_.__name__.replace("_", " ")
        place = home / name
        place.mkdir()
        with ExitStack() as stack:
            folder, database = place / "Samples", place / "library.db"
            if try_ is not permissions:
                if not stack.enter_context(_mounted(place / "disk")):
                    print(f"{name}: skipped, since mounting is not permitted")
                    continue
                is_root = try_ is read_only_root
                folder = place / "disk" / "Samples" if is_root else folder
                database = database if is_root else place / "disk" / "library.db"
            print(f"{name}:", flush=True)
            trial = Trial(place, folder, database)
            try_(trial)
            failed += [f"{name}: {text}" for text in trial.failed]
    return failed


def main() -> None:
    """Command line."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    home = Path(tempfile.mkdtemp(prefix="libindex-hardships-"))
    failed = endure(home)
    for line in failed:
        print(line)
    print(f"{len(failed)} checks failed")
    if not failed:
        shutil.rmtree(home)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
