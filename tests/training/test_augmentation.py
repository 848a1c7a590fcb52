import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from libindex.audio import Signal
from libindex.training import augmentation
from libindex.training.augmentation import Step, mix_up, shifted_rate, vary, vary_mel

RATE = 44_100
STEPS = [step for _, step in augmentation._STEPS]


def hit(seconds: float = 0.3) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 300 * t) * np.exp(-t / 0.08)).astype(np.float32)


@given(seed=st.integers(0, 10_000), length=st.integers(45, 9_000))
def test_a_variation_is_a_sound(seed: int, length: int) -> None:
    samples = hit()[:length]
    before = samples.copy()
    varied = vary(Signal(samples, RATE), np.random.default_rng(seed))
    assert varied.samples.dtype == np.float32
    assert np.isfinite(varied.samples).all()
    assert 0 < np.abs(varied.samples).max() <= 1.000001
    assert len(varied.samples) >= 0.9 * length or len(varied.samples) >= RATE // 4
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


@given(seed=st.integers(0, 10_000), frames=st.integers(1, 120))
def test_a_varied_spectrogram_is_a_spectrogram(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    mel = rng.random((frames, 128)).astype(np.float32)
    before = mel.copy()
    varied = vary_mel(mel, rng)
    assert varied.shape == mel.shape
    assert varied.dtype == np.float32
    assert 0 <= varied.min() <= varied.max() <= 1
    np.testing.assert_array_equal(mel, before)


def test_masks_leave_the_attack() -> None:
    mel = np.ones((60, 128), np.float32)
    for seed in range(200):
        varied = vary_mel(mel, np.random.default_rng(seed))
        assert varied[:4].any(axis=1).all()
        assert (~varied.any(axis=1)).sum() <= 10
        assert (~varied.any(axis=0)).sum() <= 32


def test_mixtures_keep_lengths_and_targets_sum_to_one() -> None:
    mels = [torch.rand(n, 128) for n in (20, 50, 35)]
    targets = torch.eye(3)
    mixed, shares = mix_up(mels, targets, np.random.default_rng(0), alpha=0.5)
    assert [len(mel) for mel in mixed] == [20, 50, 35]
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(3))
    assert (shares.diagonal() >= 0.5).all()
    for i, mel in enumerate(mixed):
        expected = torch.zeros_like(mel)
        for j, other in enumerate(mels):
            frames = min(len(mel), len(other))
            expected[:frames] += shares[i, j] * other[:frames]
        torch.testing.assert_close(mel, expected)
