import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from libindex.training.data import mel_augmentation
from libindex.training.data.mel_augmentation import Step, mix_up, vary_mel

STEPS = [step for _, step in mel_augmentation._STEPS]


@given(seed=st.integers(0, 10_000), frames=st.integers(1, 120))
def test_a_varied_spectrogram_is_a_spectrogram(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    mel = rng.random((frames, 128)).astype(np.float32)
    before = mel.copy()
    varied = vary_mel(mel, rng)
    assert varied.shape[1] == 128
    # A quarter (in octaves of e) slower or faster, rounded; the end at 40 % or later, or 6 frames.
    assert min(frames, 0.3 * frames - 1) <= len(varied) <= round(frames * np.exp(0.25))
    assert varied.dtype == np.float32
    assert 0 <= varied.min() <= varied.max() <= 1
    np.testing.assert_array_equal(mel, before)


def test_masks_leave_the_attack() -> None:
    mel = np.ones((60, 128), np.float32)
    for seed in range(200):
        varied = mel_augmentation._masked(mel, np.random.default_rng(seed))
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


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@given(seed=st.integers(0, 1000), frames=st.integers(1, 60))
def test_every_step_leaves_its_input_and_the_range(step: Step, seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    mel = rng.random((frames, 128)).astype(np.float32)
    before = mel.copy()
    changed = step(mel, rng)
    assert changed.dtype == np.float32
    assert 0 <= changed.min() <= changed.max() <= 1
    np.testing.assert_array_equal(mel, before)


def test_stretching_keeps_the_first_and_the_last_frame() -> None:
    mel = np.linspace(0, 1, 40, dtype=np.float32)[:, None].repeat(128, axis=1)
    lengths = set()
    for seed in range(20):
        stretched = mel_augmentation.stretch(mel, np.random.default_rng(seed))
        np.testing.assert_allclose(stretched[[0, -1], 0], [0, 1], atol=1e-6)
        assert (np.diff(stretched[:, 0]) > 0).all()
        lengths.add(len(stretched))
    assert min(lengths) < 36
    assert max(lengths) > 44
    assert min(lengths) >= 31
    assert max(lengths) <= 52


def test_silence_stays_silent_in_another_balance() -> None:
    mel = np.zeros((10, 128), np.float32)
    assert not mel_augmentation.balance(mel, np.random.default_rng(0)).any()
