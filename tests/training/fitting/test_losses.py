import numpy as np
import pytest
import torch

from libindex.training.fitting.losses import ProxyLoss, contrastive_loss, energy_loss, smoothed


def test_smoothed_labels_are_probabilities() -> None:
    labels = smoothed(torch.eye(4), 0.2)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(4))
    torch.testing.assert_close(labels.diagonal(), torch.full((4,), 0.85))


def test_contrastive_loss_by_hand() -> None:
    latents = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    loss = contrastive_loss(latents, torch.tensor([0, 0, 1]), temperature=0.5)
    # Similarities of the first two: 1 to each other, 0 to the third, which has no fellow.
    expected = -(2.0 - np.log(np.exp(2.0) + 1.0))
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_contrastive_loss_without_pairs_is_zero_and_has_a_gradient() -> None:
    latents = torch.rand(3, 4, requires_grad=True)
    loss = contrastive_loss(latents, torch.tensor([0, 1, 2]), temperature=0.1)
    loss.backward()
    assert float(loss.detach()) == 0
    assert latents.grad is not None
    assert torch.isfinite(latents.grad).all()


def test_energy_loss_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0], [-3.0, -3.0]])
    total = np.log(np.exp(2.0) + 1), np.log(2 * np.exp(-3.0))
    expected = (np.log1p(np.exp(-total[0])) + np.log1p(np.exp(total[1]))) / 2
    assert float(energy_loss(logits, known=1)) == pytest.approx(expected, rel=1e-5)


def test_proxy_loss_by_hand() -> None:
    loss = ProxyLoss(2, 2, temperature=0.5)
    with torch.no_grad():
        loss.directions.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))
    latents = torch.tensor([[2.0, 0.0], [0.0, 9.0]])
    # Cosines of 1 to the own direction and of 0 to the other one.
    expected = np.log(1 + np.exp(-2.0))
    assert loss(latents, torch.eye(2)).item() == pytest.approx(expected, rel=1e-5)
    assert loss(latents, torch.eye(2).flip(0)).item() == pytest.approx(expected + 2, rel=1e-5)
