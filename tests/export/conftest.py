import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ear import Ear

from libindex.library import Library

NAMES = [
    "Pack A/Kick.wav",
    "Pack A/deep/kick.WAV",
    "Pack B/Kick.wav",
    "Pack B/\udcff broken.wav",
    "Pack B/new\nline.wav",
    "#1.wav",
    "🥁 ü.wav",
]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sounds of all kinds of names, two of the same content, and a bad one."""
    folder = tmp_path_factory.mktemp("export") / "Samples"
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound %d" % number)
    (folder / "copy.wav").write_bytes(b"sound 0")
    (folder / "bad.wav").write_bytes(b"bad")
    return folder


@pytest.fixture(scope="module")
def still(sounds: Path, small_model: Path) -> Iterator[Library]:
    """A library of them, for tests that change nothing."""
    ear = Ear(has_percussion_score=True)
    path = sounds.parent / "library.db"
    with Library.open(path, model=small_model, jobs=1, pipeline_factory=ear) as opened:
        opened.scan(sounds)
        yield opened


@pytest.fixture
def made(still: Library, tmp_path: Path) -> Callable[..., bytes]:
    """The bytes of an export: `made("json", "prob")`."""

    def export(*arguments: Any, **filters: Any) -> bytes:
        path = tmp_path / "export"
        still.export(path, *arguments, **filters)
        return path.read_bytes()

    return export


@pytest.fixture
def paths(sounds: Path) -> list[str]:
    """All samples that can be used, in order."""
    return sorted((str(sounds / name) for name in [*NAMES, "copy.wav"]), key=os.fsencode)
