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
from libindex.serve.points import PointsCache
from libindex.similarity.geography import Geography
from libindex.similarity.places import place_missing

WEB = Path(__file__).resolve().parent.parent / "web"
SOUNDS = 100_000
HEARD = 600
# By the number of sounds, at least: first points and list [s], points [MB], a frame [ms].
TARGETS = {1_000_000: (3.0, None, 21, 34), 0: (1.0, 1.2, 2.1, 20)}


def measure(work: Path, sounds: int = SOUNDS) -> list[tuple[str, str, str]]:
    """Rows of the table of results; none where there is no browser."""
    chromium = shutil.which("chromium")
    if not (chromium and shutil.which("node") and (WEB / "node_modules").exists()):
        print("the page is not measured: it needs Node, Chromium, and make web", file=sys.stderr)
        return []
    subprocess.run(["node", "build.mjs", "--e2e", "build/bench"], cwd=WEB, check=True)
    found = _run("bench", _many(work, sounds), chromium)
    found |= _run("hearing.bench", _heard(work), chromium)
    first, listed, size, frame = next(TARGETS[least] for least in TARGETS if sounds >= least)
    return [
        (
            f"page of {sounds:,} sounds: first points",
            f"{found['first'] / 1000:.2f} s",
            f"{first} s",
        ),
        ("its list answers", f"{found['list'] / 1000:.2f} s", f"{listed} s" if listed else "-"),
        ("its points, sent", f"{found['bytes'] / 1e6:.2f} MB", f"{size} MB"),
        ("dragging the map, 95 % of frames", f"{found['pan']:.1f} ms", f"{frame} ms"),
        ("zooming", f"{found['zoom']:.1f} ms", f"{frame} ms"),
        ("pointing", f"{found['hover']:.1f} ms, {found['draws']} drawings", "20 ms, 0 drawings"),
        ("dragging a slider", f"{found['slider']:.1f} ms", "20 ms" if listed else "-"),
        ("from an arrow key to the sound, 95 %", f"{found['key']:.0f} ms", "15 ms"),
        ("from pointing to the sound", f"{found['known']:.0f} ms", "15 ms"),
        ("to one that was not fetched yet", f"{found['fresh']:.0f} ms", "60 ms"),
        ("memory of the page's code", f"{found['heap'] / 1e6:.0f} MB", "250 MB"),
        ("memory of the server", f"{found['rss'] / 1e6:.0f} MB", "350 MB"),
    ]


def _many(work: Path, sounds: int) -> Path:
    """A library of so many sounds, each with its place, that was served before."""
    database = work / f"page-{sounds}.db"
    if not database.exists():
        root = material.tiny_files(work, sounds)
        model = resources.default_model()
        material.filled_library(database, root, model)
        with Library.open(database) as library:
            with library.reading() as (_, network):
                assert network is not None
            geography = Geography.beside(model, network.fingerprint)
            place_missing(library.database, network.id, geography)
            PointsCache(library).keep()
    return database


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
