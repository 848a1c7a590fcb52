"""A folder of samples, and other libraries and networks to compare with."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.libraries import put

from libindex.library import Library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three kicks and a snare, all different."""
    folder = tmp_path / "Samples"
    for name in ("kicks/1.wav", "kicks/2.wav", "kicks/deep/3.wav", "snares/1.wav"):
        put(folder / name)
    return folder


@pytest.fixture
def fresh(tmp_path: Path, small_model: Path) -> Iterator[Callable[..., Library]]:
    """Make another library: `fresh(model=...)`."""
    with ExitStack() as stack:
        made: Counter[str] = Counter()

        def make(**options: Any) -> Library:
            made["libraries"] += 1
            path = tmp_path / f"fresh {made['libraries']}.db"
            given = {"model": str(small_model), "jobs": 1, **options}
            return stack.enter_context(Library.open(path, **given))

        yield make


@pytest.fixture
def other_model(small_model: Path, tmp_path: Path) -> Path:
    """The same network with another calibration, which is another network."""
    path = tmp_path / "other.safetensors"
    shutil.copy(small_model, path)
    text = small_model.with_suffix(".json").read_text()
    path.with_suffix(".json").write_text(text.replace('"temperature": 1.0', '"temperature": 2.0'))
    return path
