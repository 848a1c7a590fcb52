"""Batches: spectrograms that are augmented once more, and partly mixed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from libindex.training.config import FitConfig
from libindex.training.data.dataset import MelArray
from libindex.training.data.mel_augmentation import mix_up, vary_mel
from libindex.training.data.sampling import OOD


@dataclass(frozen=True, slots=True)
class Batch:
    """Augmented sounds: first mixtures, then single ones, then out-of-distribution ones.

    Attributes
    ----------
    mels : list of Tensor of float32, shape (frames, n_mels) each
        Log-mel spectrograms.
    targets : Tensor of float32, shape (batch, classes)
        Probability of each class.
    labels : Tensor of int64, shape (batch,)
        Classes; of a mixture, that of its larger part.
    mixed, known : int
        How many are mixtures, and how many are percussion.
    """

    mels: list[Tensor]
    targets: Tensor
    labels: Tensor
    mixed: int
    known: int


def make_batch(
    chosen: Sequence[MelArray],
    labels: NDArray[np.int64],
    classes: int,
    config: FitConfig,
    rng: np.random.Generator,
) -> Batch:
    """Augment and mix sounds.

    Parameters
    ----------
    chosen : sequence of ndarray of float16, shape (frames, n_mels) each
        Log-mel spectrograms.
    labels : ndarray of int64, shape (batch,)
        Their classes, or `sampling.OOD`.
    classes : int
        How many there are.
    config : FitConfig
        Share and strength of mixtures.
    rng : numpy.random.Generator
        Source of all random choices.
    """
    # Out-of-distribution sounds come last: they are neither mixed nor compared.
    order = np.argsort(labels == OOD, kind="stable")
    known = int((labels != OOD).sum())
    mels = [torch.from_numpy(vary_mel(chosen[i].astype(np.float32), rng)) for i in order]
    ordered = torch.from_numpy(labels[order])
    targets = torch.full((len(mels), classes), 1 / classes)
    targets[:known] = functional.one_hot(ordered[:known], classes).float()
    mixed = round(config.mixup_share * known)
    if mixed:
        mels[:mixed], targets[:mixed] = mix_up(
            mels[:mixed], targets[:mixed], rng, config.mixup_alpha
        )
    return Batch(mels, targets, ordered, mixed, known)
