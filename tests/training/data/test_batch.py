import numpy as np
import torch

from libindex.training.config import FitConfig
from libindex.training.data.batch import make_batch
from libindex.training.data.sampling import OOD


def test_a_batch_is_mixtures_then_single_sounds_then_ood_sounds() -> None:
    rng = np.random.default_rng(0)
    mels = [rng.random((20, 128)).astype(np.float16) for _ in range(8)]
    labels = np.array([0, OOD, 1, 2, 0, OOD, 1, 2])
    batch = make_batch(mels, labels, 3, FitConfig(mixup_share=0.5), np.random.default_rng(1))
    assert (batch.mixed, batch.known, len(batch.mels)) == (3, 6, 8)
    assert batch.labels.tolist() == [0, 1, 2, 0, 1, 2, OOD, OOD]
    torch.testing.assert_close(batch.targets.sum(dim=1), torch.ones(8))
    assert batch.targets[:6].argmax(dim=1).tolist() == [0, 1, 2, 0, 1, 2]
    torch.testing.assert_close(batch.targets[3:6].amax(dim=1), torch.ones(3))
    torch.testing.assert_close(batch.targets[6:], torch.full((2, 3), 1 / 3))
    assert all(0 <= mel.min() <= mel.max() <= 1 for mel in batch.mels)
