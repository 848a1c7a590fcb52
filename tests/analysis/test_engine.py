"""The engine that a process keeps."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support.ear import Ear
from support.libraries import put

from libindex import settings as settings_module
from libindex.analysis.engine import Engine
from libindex.analysis.results import Analysis
from libindex.errors import ModelError, SampleError
from libindex.library import Library
from libindex.settings import Settings


@pytest.fixture
def settings(small_model: Path) -> Settings:
    return settings_module.load({"model": small_model, "jobs": 2})


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def engine(settings: Settings, ear: Ear) -> Iterator[Engine]:
    with Engine(settings, ear) as engine:
        yield engine


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return [str(put(tmp_path / f"{number}.wav")) for number in range(4)]


def test_a_result_for_each_file(engine: Engine, files: list[str], tmp_path: Path) -> None:
    bad = str(put(tmp_path / "bad.wav", b"bad"))
    results = engine.analyse([*files, bad])
    assert sorted(str(result.path) for result in results) == sorted([*files, bad])
    assert [type(r) for r in results if r.path == bad] == [SampleError]


def test_no_files_take_no_pipeline(engine: Engine, ear: Ear) -> None:
    assert engine.analyse([]) == []
    assert ear.made == 0


def test_a_pipeline_is_lent_to_one_thread(engine: Engine, ear: Ear, files: list[str]) -> None:
    with engine.pipeline() as first, ThreadPoolExecutor(2) as pool:
        others = list(pool.map(lambda file: engine.analyse([file]), files))
        assert (len(others), ear.made) == (4, 2)
        with engine.pipeline() as second:
            assert second is not first
    assert (ear.made, ear.open) == (2, 1)


def test_one_that_is_lent_when_it_is_closed_is_closed_afterwards(engine: Engine, ear: Ear) -> None:
    with engine.pipeline():
        engine.close()
        assert ear.open == 1
    assert ear.open == 0


def test_files_are_analysed_in_turn(engine: Engine, ear: Ear, files: list[str]) -> None:
    active, most, lock = 0, [0], threading.Lock()

    def count(_: str) -> None:
        nonlocal active
        with lock:
            active += 1
            most.append(active)
        threading.Event().wait(0.005)
        with lock:
            active -= 1

    ear.before = count
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda file: engine.analyse([file]), files * 3))
    assert (max(most), ear.made) == (1, 1)


def test_only_the_network_of_the_library_will_do(engine: Engine) -> None:
    engine.require(engine.fingerprint, engine.model.name)
    with pytest.raises(ModelError, match=r"scanned with another network \(mine\)"):
        engine.require("another", "mine")


def test_a_network_that_is_not_there(tmp_path: Path, settings: Settings, ear: Ear) -> None:
    missing = settings_module.load({"model": tmp_path / "none.safetensors"})
    with Engine(missing, ear) as engine, pytest.raises(ModelError, match="no such network"):
        engine.analyse(["kick.wav"])
    assert ear.made == 0


# With real sounds and the real pipeline


def workers() -> list[psutil.Process]:
    """The processes that decode for this one."""
    found = psutil.Process().children()
    return [child for child in found if "libindex.analysis.workers" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_processes_are_kept_until_it_is_closed(
    settings: Settings, write_sound: Callable[..., Path]
) -> None:
    path = str(write_sound("kick.wav"))
    with Engine(settings) as engine:
        [first] = engine.analyse([path])
        (kept,) = workers()
        for _ in range(3):
            [second] = engine.analyse([path])
        assert workers() == [kept]
        assert isinstance(first, Analysis)
        assert isinstance(second, Analysis)
        assert (first.probabilities == second.probabilities).all()
    assert workers() == []


@pytest.mark.slow
def test_after_a_scan_the_network_is_kept_and_the_processes_are_not(
    library: Library, write_sound: Callable[..., Path]
) -> None:
    path = write_sound("kick.wav")
    library.scan(path.parent)
    assert workers() == []
    copy = write_sound("elsewhere/new.wav", 2)
    assert len(library.similar(copy)) == 1
    assert len(workers()) == 1
    library.close()
    assert workers() == []
