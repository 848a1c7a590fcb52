import math
import pickle
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.errors import ModelError
from libindex.sound.decoding import FloatArray, Signal, decode
from libindex.sound.mel import LogMel, MelConfig

DEFAULT = MelConfig()
TINY = MelConfig(
    sample_rate=8_000, n_fft=64, hop_length=16, n_mels=8, max_frames=20, loaded_frames=40
)
TINY_LOG_MEL = LogMel(TINY)


def log_mel(signal: Signal, config: MelConfig = DEFAULT) -> FloatArray:
    return LogMel(config)(signal)


def librosas(samples: FloatArray, config: MelConfig = DEFAULT) -> FloatArray:
    """The original's features, with the library that it used."""
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=config.sample_rate,
        n_fft=config.n_fft,
        hop_length=config.hop_length,
        n_mels=config.n_mels,
    )[:, : config.loaded_frames]
    return ((librosa.amplitude_to_db(mel, ref=np.max) + 80) / 80).T


@pytest.mark.filterwarnings("ignore:n_fft=2048 is too large for input signal")
@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_as_librosa_computes_it(tone: Callable[..., FloatArray], seed: int, seconds: float) -> None:
    sound = tone(seed, seconds, DEFAULT.sample_rate)
    np.testing.assert_allclose(
        log_mel(Signal(sound, DEFAULT.sample_rate)), librosas(sound), atol=1e-4
    )


def test_quiet_sounds_have_librosas_floor(tone: Callable[..., FloatArray]) -> None:
    sound = tone(1, 0.3, DEFAULT.sample_rate) * np.float32(1e-3)
    mel = log_mel(Signal(sound, DEFAULT.sample_rate))
    np.testing.assert_allclose(mel, librosas(sound), atol=1e-4)
    assert mel.min() > 0


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_at_any_rate(tone: Callable[..., FloatArray], rate: int) -> None:
    sound = tone(1, 0.3, rate)
    resampled = librosa.resample(sound, orig_sr=rate, target_sr=DEFAULT.sample_rate)
    np.testing.assert_allclose(log_mel(Signal(sound, rate)), librosas(resampled), atol=1e-4)


def test_with_other_parameters(tone: Callable[..., FloatArray]) -> None:
    config = MelConfig(sample_rate=32_000, n_fft=1_024, hop_length=300, n_mels=40)
    sound = tone(1, 0.3, 32_000)
    mel = log_mel(Signal(sound, 32_000), config)
    assert mel.shape == (33, 40)
    np.testing.assert_allclose(mel, librosas(sound, config), atol=1e-4)


@given(
    samples=st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=700),
)
def test_between_zero_and_one(samples: list[float]) -> None:
    mel = TINY_LOG_MEL(Signal(np.array(samples, np.float32), TINY.sample_rate))
    assert mel.dtype == np.float32
    assert mel.min() >= 0
    assert mel.max() == 1


@given(length=st.integers(1, 1000))
def test_frame_count(length: int) -> None:
    mel = TINY_LOG_MEL(Signal(np.ones(length, np.float32), TINY.sample_rate))
    assert mel.shape == (min(1 + length // TINY.hop_length, TINY.loaded_frames), TINY.n_mels)


def test_default_shape(tone: Callable[..., FloatArray]) -> None:
    rate = DEFAULT.sample_rate
    assert log_mel(Signal(tone(0, 200 / rate, rate), rate)).shape == (1, 128)
    assert log_mel(Signal(tone(0, 1.0, rate), rate)).shape == (1 + rate // 256, 128)
    assert log_mel(Signal(tone(0, 8.0, rate), rate)).shape == (600, 128)


def test_silence_gives_ones() -> None:
    assert (log_mel(Signal(np.zeros(5000, np.float32), DEFAULT.sample_rate)) == 1).all()


def test_loaded_seconds_are_enough() -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, 2 * 44_100).astype(np.float32)
    config = MelConfig(max_frames=30, loaded_frames=60)
    whole = log_mel(Signal(sound, 44_100), config)
    beginning = sound[: int(np.ceil(config.loaded_seconds * 44_100))]
    assert len(beginning) < len(sound)
    assert whole.shape == (60, 128)
    np.testing.assert_allclose(log_mel(Signal(beginning, 44_100), config), whole, atol=1e-6)


def test_the_loudest_point_is_looked_for_in_all_loaded_frames() -> None:
    sound = np.full(TINY.loaded_frames * TINY.hop_length, 0.001, np.float32)
    sound[30 * TINY.hop_length] = 1  # after max_frames
    mel = TINY_LOG_MEL(Signal(sound, TINY.sample_rate))
    assert mel[: TINY.max_frames].max() < 0.9
    sound[50 * TINY.hop_length :] = 1  # after loaded_frames
    np.testing.assert_array_equal(TINY_LOG_MEL(Signal(sound, TINY.sample_rate))[:25], mel[:25])


def test_filters_travel(tone: Callable[..., FloatArray]) -> None:
    signal = Signal(tone(0), 44_100)
    copy = pickle.loads(pickle.dumps(TINY_LOG_MEL))
    np.testing.assert_array_equal(copy(signal), TINY_LOG_MEL(signal))


@pytest.mark.parametrize("name", [f.name for f in fields(MelConfig) if f.type is int])
@pytest.mark.parametrize("value", [0, -1, 1.5, "8", None])
def test_parameters_are_positive_integers(name: str, value: Any) -> None:
    with pytest.raises(ModelError, match=f"mel parameter {name} is {value!r}"):
        MelConfig(**{name: value})


@pytest.mark.parametrize("name", ["range_db", "power_floor"])
@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan, "8", None])
def test_levels_are_above_zero(name: str, value: Any) -> None:
    with pytest.raises(ModelError, match=f"mel parameter {name} is {value!r}"):
        MelConfig(**{name: value})


@pytest.mark.parametrize("range_db", [40.0, 60.0, 80.0])
def test_the_range_is_what_it_says(range_db: float) -> None:
    config = MelConfig(range_db=range_db, power_floor=1e-12)
    rate, t = DEFAULT.sample_rate, np.arange(DEFAULT.sample_rate) / DEFAULT.sample_rate
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    tone[rate // 2 :] *= 10 ** (-30 / 20)
    mel = log_mel(Signal(tone, rate), config)
    band = int(mel[20].argmax())
    assert mel[20, band] - mel[70, band] == pytest.approx(30 / range_db, abs=1e-3)


def test_as_the_original(golden: Path) -> None:
    features = np.load(golden / "features_and_latents.npz")
    names = [key.removeprefix("mel/") for key in features if key.startswith("mel/")]
    assert len(names) == 12
    compute = LogMel(DEFAULT)
    for name in names:
        mel = compute(decode(str(golden / name), DEFAULT.loaded_seconds).signal)
        np.testing.assert_allclose(mel, features[f"mel/{name}"].T, atol=1e-4, err_msg=name)
