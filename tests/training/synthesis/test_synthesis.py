from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from libindex.training.synthesis import CODES, LONGEST_S, synthesise

SAMPLE_RATE = 44100
Sound = npt.NDArray[np.float32]


@cache
def make(code: str, seed: int = 0, sample_rate: int = SAMPLE_RATE) -> Sound:
    return synthesise(code, np.random.default_rng(seed), sample_rate)


def centroid_hz(sound: Sound) -> float:
    power = np.abs(np.fft.rfft(sound)) ** 2
    return float(power @ np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE) / power.sum())


def ring_s(sound: Sound) -> float:
    """Time from the peak until the last sample that is within 20 dB of it."""
    level = np.abs(sound)
    return float(np.flatnonzero(level > 0.1 * level.max())[-1] - level.argmax()) / SAMPLE_RATE


def dominant_hz(sound: Sound) -> float:
    padded = 4 * len(sound)
    return float(np.abs(np.fft.rfft(sound, padded)).argmax() * SAMPLE_RATE / padded)


def typical(measure: Callable[[Sound], float], code: str, seeds: int = 3) -> float:
    return float(np.median([measure(make(code, seed)) for seed in range(seeds)]))


def test_there_are_thirty_classes() -> None:
    assert len(CODES) == len(set(CODES)) == 30


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_sound_is_finite_in_range_and_of_sane_length(code: str, seed: int) -> None:
    sound = make(code, seed)
    assert sound.dtype == np.float32
    assert sound.ndim == 1
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-4)
    assert np.sqrt(np.mean(sound**2)) > 0.01
    assert 0.03 < len(sound) / SAMPLE_RATE <= LONGEST_S
    assert abs(sound.mean(dtype=np.float64)) < 1e-5
    assert abs(sound[-1]) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_the_generator_alone_decides(code: str) -> None:
    sound, other = make(code, 0), make(code, 1)
    np.testing.assert_array_equal(sound, synthesise(code, np.random.default_rng(0)))
    length = min(len(sound), len(other))
    assert np.abs(sound[:length] - other[:length]).max() > 0.05


def test_one_generator_gives_a_new_sound_each_time() -> None:
    rng = np.random.default_rng(0)
    first, second = synthesise("snr", rng), synthesise("snr", rng)
    assert first.shape != second.shape or not np.array_equal(first, second)


@pytest.mark.parametrize("code", ["kick", "hhc", "cow", "hho", "whis", "vib"])
@pytest.mark.parametrize("sample_rate", [8000, 22050, 96000])
def test_other_sample_rates(code: str, sample_rate: int) -> None:
    sound = make(code, 0, sample_rate)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-4)
    assert 0.03 < len(sound) / sample_rate <= LONGEST_S


def test_an_unknown_code_names_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"'kazoo'.*kick.*cym"):
        make("kazoo")


@pytest.mark.parametrize(
    ("lower", "higher"), [("kick", "hhc"), ("tomf", "tom"), ("tom", "snr"), ("thd", "shk")]
)
def test_the_lower_instrument_has_the_lower_centroid(lower: str, higher: str) -> None:
    assert typical(centroid_hz, lower) < typical(centroid_hz, higher)


@pytest.mark.parametrize(("shorter", "longer"), [("hhc", "hho"), ("rim", "tom"), ("clav", "vib")])
def test_the_freer_instrument_rings_longer(shorter: str, longer: str) -> None:
    assert 2 * typical(ring_s, shorter) < typical(ring_s, longer)


@pytest.mark.parametrize("seed", range(5))
def test_pitches_are_where_the_instruments_have_them(seed: int) -> None:
    assert 35 < dominant_hz(make("kick", seed)) < 150
    assert 1900 < dominant_hz(make("clav", seed)) < 2900
    assert 200 < dominant_hz(make("vib", seed)) < 1100
