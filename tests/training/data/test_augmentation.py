import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.sound.decoding import Signal
from libindex.training.data import augmentation
from libindex.training.data.augmentation import Step, layer, shifted_rate, vary

RATE = 44_100
STEPS = [step for _, step in augmentation._STEPS]


def hit(seconds: float = 0.3) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 300 * t) * np.exp(-t / 0.08)).astype(np.float32)


OTHER = Signal(0.1 * np.random.default_rng(0).standard_normal(2_000).astype(np.float32), RATE)


@given(seed=st.integers(0, 10_000), length=st.integers(45, 9_000))
def test_a_variation_is_a_sound(seed: int, length: int) -> None:
    samples = hit()[:length]
    before = samples.copy()
    varied = vary(Signal(samples, RATE), np.random.default_rng(seed), lambda: OTHER)
    assert varied.samples.dtype == np.float32
    assert np.isfinite(varied.samples).all()
    assert 0 < np.abs(varied.samples).max() <= 1.000001
    assert len(varied.samples) >= 0.9 * length or len(varied.samples) >= RATE // 8
    assert 0.74 * RATE < varied.sample_rate < 1.34 * RATE
    np.testing.assert_array_equal(samples, before)


def test_the_same_state_gives_the_same_variation() -> None:
    one, same, other = (vary(Signal(hit(), RATE), np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.samples, same.samples)
    assert one.sample_rate == same.sample_rate
    assert not np.array_equal(one.samples, other.samples)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_every_step_changes_a_sound_and_not_its_input(step: Step) -> None:
    samples = hit()
    before = samples.copy()
    changed = step(samples, RATE, np.random.default_rng(3))
    assert changed.dtype == np.float32
    assert not np.array_equal(changed, before)
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_every_step_takes_silence(step: Step) -> None:
    assert np.isfinite(step(np.zeros(100, np.float32), RATE, np.random.default_rng(0))).all()


def test_pitch_shifts_are_within_five_semitones_and_often_none() -> None:
    rng = np.random.default_rng(0)
    rates = np.array([shifted_rate(RATE, rng) for _ in range(2000)])
    assert np.abs(12 * np.log2(rates / RATE)).max() <= 5.001
    assert 0.2 < (rates == RATE).mean() < 0.3


def test_noise_has_the_level_that_it_should_have() -> None:
    sound = hit()
    noise = augmentation.add_noise(sound, RATE, np.random.default_rng(0)) - sound
    level_db = 20 * np.log10(noise.std() / np.abs(sound).max())
    assert -65.5 < level_db < -29.5


def test_crushing_leaves_few_levels() -> None:
    crushed = augmentation.crush(hit(), RATE, np.random.default_rng(0))
    assert len(np.unique(crushed)) <= 2**12


def test_a_layer_is_soft_and_leaves_the_sound_in_front() -> None:
    sound = hit()
    for seed in range(20):
        both = layer(sound, OTHER.samples, np.random.default_rng(seed))
        added = np.abs(both[: len(sound)] - sound).max() / np.abs(sound).max()
        assert 10 ** (-24.1 / 20) < added < 10 ** (-8.9 / 20)
        assert len(both) >= len(sound)


def test_coding_keeps_the_sound() -> None:
    sound = hit(1.0)
    for seed in range(4):
        coded = augmentation.code(sound, RATE, np.random.default_rng(seed))
        spectra = [np.abs(np.fft.rfft(x, RATE)) for x in (sound, coded)]
        assert np.argmax(spectra[0]) == pytest.approx(np.argmax(spectra[1]), abs=2)
