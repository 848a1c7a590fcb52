"""Sounds and networks that the tests share. Everything is made here; nothing is downloaded."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import soundfile
import torch
from support.ear import Ear
from support.sounds import SAMPLE_RATE, tone

from libindex.analysis import engine
from libindex.instruments import CODES
from libindex.library import Library
from libindex.network.analyser import save_network
from libindex.network.architecture import NetworkConfig
from libindex.network.modelfile import ModelFile
from libindex.network.original import CnnLstm
from libindex.store.database import Database

torch.set_num_threads(1)  # for small networks more are slower, and pytest-xdist has the cores
# A busy machine is no failure.
hypothesis.settings.register_profile("unhurried", deadline=None, max_examples=40)
hypothesis.settings.load_profile("unhurried")


# The original's shape with a thousandth of its work.
SMALL = NetworkConfig(num_filters_11=4, num_filters_12=6, num_filters_13=8, lstm_dim=8, fc1_dim=8)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own library and settings."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("LIBINDEX_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts the program as a process takes seconds."""
    for item in items:
        if "libindex" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small network with all 30 classes; random, but always the same."""
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    torch.manual_seed(0)
    network = CnnLstm(SMALL)
    for block in (network.convl11, network.convl12, network.convl13):
        norm = block[2]
        assert isinstance(norm, torch.nn.BatchNorm2d)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    # Large last weights, so that sounds differ in class and probability.
    torch.nn.init.normal_(network.fc2.weight, std=3.0)
    save_network(ModelFile(path, "small", CODES, network=SMALL), network)
    return path


@pytest.fixture(scope="session", name="tone")
def _tone() -> Callable[..., np.ndarray]:
    return tone


@pytest.fixture
def write_sound(tmp_path: Path) -> Callable[..., Path]:
    """Write a sound: `write_sound("kicks/a.wav", seed=1)`; returns its path below "Samples"."""

    def write(name: str, seed: int = 0, *, seconds: float = 0.2, **options: object) -> Path:
        path = tmp_path / "Samples" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rate = int(str(options.pop("rate", SAMPLE_RATE)))
        soundfile.write(os.fsencode(path), tone(seed, seconds, rate), rate, **options)
        return path

    return write


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without samples; to copy it is quicker than to make another one."""
    path = tmp_path_factory.mktemp("empty") / "library.db"
    Database.open(str(path), create=True)
    return path


@pytest.fixture
def library(tmp_path: Path, small_model: Path, empty_database: Path) -> Iterator[Library]:
    """An empty library in a file, with the small network and one decoding process."""
    shutil.copy(empty_database, tmp_path / "library.db")
    with Library.open(tmp_path / "library.db", model=str(small_model), jobs=1) as opened:
        yield opened


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    """What is analysed in this process may be any bytes; see `Ear`."""
    ear = Ear()
    monkeypatch.setattr(engine, "load_pipeline", ear)
    return ear


# A process without the superuser's right to ignore permissions, since tests may run as root:
# 24 is PR_CAPBSET_DROP, 1 and 2 are CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
_AS_ANYBODY = """
import ctypes, os, sys
if sys.platform == "linux" and os.geteuid() == 0:
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.fixture
def libindex(tmp_path: Path, small_model: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start `python -m libindex` in a process of its own, on the library of `library`.

    `libindex("scan", folder)`; `environment` is added to this process's, other keywords are those
    of `subprocess.Popen`, all three streams being pipes. Permissions count, even for root.
    """

    def start(
        *arguments: str | bytes | Path, environment: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _AS_ANYBODY, "-m", "libindex", *arguments]
        given: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        whole = {
            **os.environ,
            "LIBINDEX_DB": str(tmp_path / "library.db"),
            "LIBINDEX_MODEL": str(small_model),
            "LIBINDEX_JOBS": "1",
            **(environment or {}),
        }
        process = subprocess.Popen(command, **{**given, "env": whole, **options})
        ended.enter_context(process)
        ended.callback(process.kill)
        return process

    with ExitStack() as ended:
        yield start


@pytest.fixture
def golden() -> Path:
    """The original's own outputs, where they are at hand."""
    for folder in Path(__file__).resolve().parents:
        path = folder / "shared" / "seed" / "golden"
        if path.is_dir():
            return path
    pytest.skip("the original's outputs are not here")
