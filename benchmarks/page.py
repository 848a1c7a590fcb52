"""The page in a real browser: first paint, frames, memory. Needs Node and Chromium."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import material
from libindex import resources
from libindex.library import Library

WEB = Path(__file__).resolve().parent.parent / "web"
SOUNDS = 100_000
HEARD = 600


def measure(work: Path) -> list[tuple[str, str, str]]:
    """Rows of the table of results; none where there is no browser."""
    chromium = shutil.which("chromium")
    if not (chromium and shutil.which("node") and (WEB / "node_modules").exists()):
        print("the page is not measured: it needs Node, Chromium, and make web", file=sys.stderr)
        return []
    database = work / f"page-{SOUNDS}.db"
    if not database.exists():
        root = material.tiny_files(work, SOUNDS)
        material.filled_library(database, root, resources.default_model())
    subprocess.run(["node", "build.mjs", "--e2e", "build/bench"], cwd=WEB, check=True)
    found = _run("bench", database, chromium) | _run("hearing.bench", _heard(work), chromium)
    return [
        (f"page of {SOUNDS:,} sounds: first points", f"{found['first'] / 1000:.2f} s", "1.0 s"),
        ("its list answers", f"{found['list'] / 1000:.2f} s", "1.2 s"),
        ("its points, sent", f"{found['bytes'] / 1e6:.2f} MB", "2.1 MB"),
        ("dragging the map, 95 % of frames", f"{found['pan']:.1f} ms", "20 ms"),
        ("zooming", f"{found['zoom']:.1f} ms", "20 ms"),
        ("pointing", f"{found['hover']:.1f} ms, {found['draws']} drawings", "20 ms, 0 drawings"),
        ("dragging a slider", f"{found['slider']:.1f} ms", "20 ms"),
        ("from an arrow key to the sound, 95 %", f"{found['key']:.0f} ms", "15 ms"),
        ("from pointing to the sound", f"{found['known']:.0f} ms", "15 ms"),
        ("to one that was not fetched yet", f"{found['fresh']:.0f} ms", "60 ms"),
        ("memory of the page's code", f"{found['heap'] / 1e6:.0f} MB", "-"),
        ("memory of the server", f"{found['rss'] / 1e6:.0f} MB", "350 MB"),
    ]


def _heard(work: Path) -> Path:
    """A library of sounds that can be heard."""
    database = work / f"page-heard-{HEARD}.db"
    with Library.open(database) as library:
        library.scan(material.one_shots(work, HEARD))
    return database


def _run(script: str, database: Path, chromium: str) -> dict[str, float]:
    environment = {
        **os.environ,
        "LIBINDEX_TEST_PYTHON": sys.executable,
        "LIBINDEX_TEST_CHROMIUM": chromium,
    }
    printed = subprocess.run(
        ["node", f"build/bench/{script}.mjs", str(database.resolve())],
        cwd=WEB,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    found: dict[str, float] = json.loads(printed)
    return found
