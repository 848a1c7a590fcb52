import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server import Server, serving

from libindex.library import Library

DEMO = Path(__file__).resolve().parents[2] / "demo_sounds"


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo sounds, scanned with the network that comes with libindex."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(DEMO, folder / "Samples")
    with Library.open(folder / "library.db", jobs=1) as library:
        library.scan(folder / "Samples")
    return folder / "library.db"


@pytest.fixture
def demo(demo_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library of the demo sounds that may be changed; the files are shared."""
    shutil.copy(demo_database, tmp_path / "demo.db")
    monkeypatch.setenv("LIBINDEX_SHELF", str(tmp_path / "shelf"))
    monkeypatch.setenv("LIBINDEX_KITS", str(tmp_path / "kits"))
    with Library.open(tmp_path / "demo.db", jobs=1) as library:
        yield library


@pytest.fixture
def server(demo: Library) -> Iterator[Server]:
    """A server of that library."""
    with serving(demo) as running:
        yield running
