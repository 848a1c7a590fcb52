"""Sounds and networks that the tests share. Everything is made here; nothing is downloaded."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from libindex.analyser import save_network
from libindex.instruments import CODES
from libindex.library import Library
from libindex.modelfile import ModelFile, NetworkConfig
from libindex.network import CnnLstm

SAMPLE_RATE = 44_100

# The original's shape with a thousandth of its work.
SMALL = NetworkConfig(num_filters_11=4, num_filters_12=6, num_filters_13=8, lstm_dim=8, fc1_dim=8)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own library and settings."""
    home = tmp_path_factory.mktemp("home")
    for name in ("LIBINDEX_DB", "LIBINDEX_MODEL", "LIBINDEX_JOBS", "LIBINDEX_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small network with all 30 classes; random, but always the same."""
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    torch.manual_seed(0)
    network = CnnLstm(SMALL)
    for block in (network.convl11, network.convl12, network.convl13):
        block[2].running_mean.normal_()
        block[2].running_var.uniform_(0.5, 2)
    # Large last weights, so that sounds differ in class and probability.
    torch.nn.init.normal_(network.fc2.weight, std=3.0)
    save_network(ModelFile(path, "small", CODES, network=SMALL), network)
    return path


def tone(seed: int, seconds: float = 0.2, rate: int = SAMPLE_RATE) -> np.ndarray:
    """A decaying hit, shape (samples,), another one for every seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    pitch = rng.uniform(60, 6000)
    noise = rng.standard_normal(len(time)) * rng.uniform(0, 1)
    sound = (np.sin(2 * np.pi * pitch * time) + noise) * np.exp(-time / rng.uniform(0.02, 0.2))
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture
def write_sound(tmp_path: Path) -> Callable[..., Path]:
    """Write a sound: `write_sound("kicks/a.wav", seed=1)`; returns its path below "Samples"."""

    def write(name: str, seed: int = 0, *, seconds: float = 0.2, **options: object) -> Path:
        path = tmp_path / "Samples" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rate = int(str(options.pop("rate", SAMPLE_RATE)))
        soundfile.write(path, tone(seed, seconds, rate), rate, **options)
        return path

    return write


@pytest.fixture
def library(tmp_path: Path, small_model: Path) -> Iterator[Library]:
    """An empty library in a file, with the small network and one decoding process."""
    with Library.open(tmp_path / "library.db", model=str(small_model), jobs=1) as opened:
        yield opened


@pytest.fixture
def golden() -> Path:
    """The original's own outputs, where they are at hand."""
    for folder in Path(__file__).resolve().parents:
        path = folder / "shared" / "seed" / "golden"
        if path.is_dir():
            return path
    pytest.skip("the original's outputs are not here")
