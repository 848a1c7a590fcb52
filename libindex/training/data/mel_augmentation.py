"""Augmentation of spectrograms that keeps the class, and mixtures.

It is cheap enough to be done anew for every epoch, unlike that of `augmentation`.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from libindex.sound.decoding import FloatArray

Step = Callable[[FloatArray, np.random.Generator], FloatArray]

_MIN_FRAMES = 6


def vary_mel(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A variation of a log-mel spectrogram.

    Length, dynamics, balance of the bands, noise floor and end vary, each with some probability.
    Bands and frames are masked as in SpecAugment (Park et al. 2019, Interspeech).

    Parameters
    ----------
    mel : ndarray of float32, shape (frames, n_mels)
        Values from 0 to 1.
    rng : numpy.random.Generator
        Source of all random choices.

    Returns
    -------
    ndarray of float32, shape (frames', n_mels)
        A new array of 6 frames or more, if there were as many.
    """
    varied = mel.copy()
    for probability, step in _STEPS:
        if rng.random() < probability:
            varied = step(varied, rng)
    return _masked(varied, rng)


def stretch(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Stretch or compress by up to a quarter, at the same pitch."""
    frames = len(mel)
    wanted = max(min(frames, _MIN_FRAMES), round(frames * np.exp(rng.uniform(-0.25, 0.25))))
    bands_first = torch.from_numpy(mel.T.copy())[None]
    stretched = functional.interpolate(bands_first, wanted, mode="linear", align_corners=True)
    return np.ascontiguousarray(stretched[0].numpy().T)


def change_dynamics(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Compress or expand the levels below the loudest point, which is 1."""
    changed = np.clip(1.0 - (1.0 - mel) * np.float32(rng.uniform(0.75, 1.3)), 0.0, 1.0)
    return np.asarray(changed, np.float32)


def balance(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Change the levels of the bands by a smooth curve; silence stays silent."""
    bands, knots = mel.shape[1], int(rng.integers(3, 8))
    curve = np.interp(
        np.arange(bands), np.linspace(0, bands - 1, knots), rng.normal(0.0, 0.06, knots)
    )
    balanced = np.clip(mel + curve.astype(np.float32) * (mel > 0), 0.0, 1.0)
    return np.asarray(balanced, np.float32)


def raise_floor(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Add a noise floor."""
    noise = np.float32(rng.uniform(0.0, 0.35)) + rng.normal(0.0, 0.02, mel.shape)
    return np.asarray(np.clip(np.maximum(mel, noise), 0.0, 1.0), np.float32)


def end_early(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Keep the first 40 to 100 %."""
    return mel[: max(_MIN_FRAMES, round(len(mel) * rng.uniform(0.4, 1.0)))]


_STEPS: tuple[tuple[float, Step], ...] = (
    (0.50, stretch),
    (0.40, change_dynamics),
    (0.30, balance),
    (0.20, raise_floor),
    (0.25, end_early),
)


def _masked(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    frames, bands = mel.shape
    varied = mel.copy()
    for _ in range(rng.integers(0, 3)):
        width = int(rng.integers(1, max(2, bands // 8)))
        start = int(rng.integers(0, bands - width + 1))
        varied[:, start : start + width] = 0.0
    if frames >= 16 and rng.random() < 0.3:
        width = int(rng.integers(1, max(2, frames // 6)))
        # The attack matters most, so it is never masked.
        start = int(rng.integers(4, max(5, frames - width + 1)))
        varied[start : start + width] = 0.0
    return varied


def mix_up(
    mels: Sequence[Tensor], targets: Tensor, rng: np.random.Generator, alpha: float
) -> tuple[list[Tensor], Tensor]:
    """Mix every sound with another of the batch, spectrograms and targets alike.

    mixup of Zhang et al. (2018, ICLR), with one weight for each sound.

    Parameters
    ----------
    mels : sequence of Tensor of float32, shape (frames, n_mels) each
        Log-mel spectrograms.
    targets : Tensor of float32, shape (batch, classes)
        Probability of each class.
    rng : numpy.random.Generator
        Source of all random choices.
    alpha : float
        Of the weights' distribution, Beta(alpha, alpha); the sound itself always has the larger
        weight.

    Returns
    -------
    mels : list of Tensor of float32, shape (frames, n_mels) each
        Of unchanged lengths; a shorter partner is padded with silence.
    targets : Tensor of float32, shape (batch, classes)
    """
    partner = torch.from_numpy(rng.permutation(len(mels)))
    weight = rng.beta(alpha, alpha, len(mels)).astype(np.float32)
    share = torch.from_numpy(np.maximum(weight, 1 - weight))
    mixed = [mel * w for mel, w in zip(mels, share, strict=True)]
    for mel, w, other in zip(mixed, share, partner.tolist(), strict=True):
        frames = min(len(mel), len(mels[other]))
        mel[:frames] += (1 - w) * mels[other][:frames]
    return mixed, share[:, None] * targets + (1 - share)[:, None] * targets[partner]
