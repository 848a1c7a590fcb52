"""Soak test of the page: an hour of use over 100,000 sounds, while files come and go.

A browser searches, listens, filters, fills pads and goes back, over and over. Prints a line a
minute. The exit status is 1 if the page reported an error, or anything grew from the second
quarter of the time to the last.

    python -m benchmarks.page_soak --minutes 60 [--work FOLDER]
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks import material
from benchmarks.page import HEARD, SOUNDS, WEB
from libindex import resources
from libindex.library import Library

MOST_MB = 350  # of the server's process, which has no network loaded
GROWTH = 1.1
SLACK = {"server_mb": 10.0, "heap": 5e6}  # what is there or not, as it happens to be collected
VOICES = 40  # that may still be fading, or wait to be collected


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--work", type=Path, default=Path("build/benchmarks"))
    arguments = parser.parse_args()
    work: Path = arguments.work.resolve()
    database, heard = _prepared(work)
    stop = threading.Event()
    changer = threading.Thread(target=_change, args=(heard, stop))
    changer.start()
    try:
        samples, last = _used(database, arguments.minutes)
    finally:
        stop.set()
        changer.join()
    wrong = _judged(samples, last)
    print("\n".join(wrong) or "nothing grew, and nothing went wrong")
    return 1 if wrong else 0


def _prepared(work: Path) -> tuple[Path, Path]:
    """A library of many sounds, and a folder in it of some that can be heard."""
    work.mkdir(parents=True, exist_ok=True)
    sounds = material.one_shots(work, HEARD)
    root = _many(work, sounds)
    filled = work / f"soak-{SOUNDS}.db"
    if not filled.exists():
        material.filled_library(filled, root, resources.default_model())
    database, heard = work / "soak.db", work / "Heard"
    for old in work.glob("soak.db*"):
        old.unlink()
    shutil.rmtree(heard, ignore_errors=True)
    shutil.copy(filled, database)
    shutil.copytree(sounds, heard)
    with Library.open(database) as library:
        library.scan(heard)
    return database, heard


def _many(work: Path, sounds: Path) -> Path:
    """A folder of links to a few sounds, so that every one of many can be heard."""
    root = work / f"links-{SOUNDS}"
    if root.exists():
        return root
    aside = work / f"{root.name}.part"
    stock = sorted(path for path in sounds.rglob("*") if path.is_file())
    for number in range(SOUNDS):
        to = aside / f"Pack {number % 211:03}" / f"Hit {number:06}{stock[number % HEARD].suffix}"
        to.parent.mkdir(parents=True, exist_ok=True)
        os.link(stock[number % HEARD], to)
    aside.rename(root)
    return root


def _change(heard: Path, stop: threading.Event) -> None:
    """Copy, change, rename and delete files until told to stop."""
    chosen = random.Random(1)
    stock = sorted(path for path in heard.rglob("*") if path.is_file())
    number = 0
    while not stop.wait(0.7):
        number += 1
        new = heard / "coming" / f"new {number % 50}.wav"
        new.parent.mkdir(exist_ok=True)
        data = bytearray(chosen.choice(stock).read_bytes())
        data[len(data) // 2] ^= number & 255 or 1
        new.write_bytes(data)
        if number % 5 == 0:
            new.rename(new.with_name(f"renamed {number % 20}.wav"))
        if number % 7 == 0:
            new.unlink(missing_ok=True)


def _used(database: Path, minutes: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What was measured each minute, and what was found in the end."""
    subprocess.run(["node", "build.mjs", "--e2e", "build/bench"], cwd=WEB, check=True)
    environment = {
        **os.environ,
        "LIBINDEX_TEST_PYTHON": sys.executable,
        "LIBINDEX_TEST_CHROMIUM": shutil.which("chromium") or "chromium",
    }
    process = subprocess.Popen(
        ["node", "build/bench/soak.bench.mjs", str(database), str(minutes)],
        cwd=WEB,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    server = psutil.Process(int(process.stderr.readline().split()[1]))
    samples: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    for line in process.stdout:
        last = json.loads(line)
        if "status" in last:
            break
        last["server_mb"] = server.memory_info().rss / 1e6
        samples.append(last)
        print(
            f"{time.strftime('%H:%M')} {last['habits']:6,} actions"
            f"  server {last['server_mb']:4.0f} MB  page {last['heap'] / 1e6:4.0f} MB"
            f"  {last['buffers']:,} buffers  {last['voices']} voices  {last['messages'] or ''}",
            flush=True,
        )
    if process.wait(60):
        with contextlib.suppress(psutil.Error):
            server.terminate()  # which the script did not live to do
        last["errors"] = [*last.get("errors", []), process.stderr.read()[-2000:]]
    return samples, last


def _judged(samples: list[dict[str, Any]], last: dict[str, Any]) -> list[str]:
    wrong = [*last.get("errors", []), *last.get("foreign", [])]
    if last.get("status") != 0:
        wrong.append(f"the server ended with {last.get('status')}")
    if not samples:
        return [*wrong, "nothing was measured"]
    for name, slack in SLACK.items():
        values = [sample[name] for sample in samples]
        quarter = max(1, len(values) // 4)
        before, after = max(values[quarter : 2 * quarter] or values), max(values[-quarter:])
        if after > GROWTH * before + slack:
            wrong.append(f"{name} grew from {before:,.0f} to {after:,.0f}")
    if (most := max(sample["server_mb"] for sample in samples)) > MOST_MB:
        wrong.append(f"the server took {most:.0f} MB")
    if (voices := max(sample["voices"] for sample in samples)) > VOICES:
        wrong.append(f"{voices} voices were never released")
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
