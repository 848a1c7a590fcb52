"""Losses that are added to the cross-entropy."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def smoothed(targets: Tensor, smoothing: float) -> Tensor:
    """Label smoothing of probabilities, shape (batch, classes)."""
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def contrastive_loss(latents: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss: sounds of a class near each other, others far.

    Parameters
    ----------
    latents : Tensor of float32, shape (batch, latent)
        They are L2-normalised here.
    labels : Tensor of int64, shape (batch,)
        Classes; a sound that is alone in its class is left out of the mean.
    temperature : float
        Divides the cosine similarities.

    Returns
    -------
    Tensor, scalar
        L_out of Khosla et al., equation 2, as a mean.
    """
    vectors = functional.normalize(latents, dim=1)
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    scores = (vectors @ vectors.T / temperature).masked_fill(itself, float("-inf"))
    log_share = scores - scores.logsumexp(dim=1, keepdim=True)
    labels = labels.to(vectors.device)
    positive = (labels[:, None] == labels[None, :]) & ~itself
    count = positive.sum(dim=1)
    total = -log_share.masked_fill(~positive, 0.0).sum(dim=1) / count.clamp(min=1)
    return total.sum() / (count > 0).sum().clamp(min=1)


class ProxyLoss(nn.Module):
    """Cross-entropy of the cosines between latents and one learnt direction per class.

    The normalised softmax of Zhai and Wu (2019, BMVC). Similarity search uses cosines as well:
    this pulls sounds of a class together, whatever group they come from.

    Parameters
    ----------
    classes, latent_size : int
        Number and size of the directions.
    temperature : float
        Divides the cosines.
    """

    def __init__(self, classes: int, latent_size: int, temperature: float) -> None:
        super().__init__()
        self.directions = nn.Parameter(0.1 * torch.randn(classes, latent_size))
        self.temperature = temperature

    def forward(self, latents: Tensor, targets: Tensor) -> Tensor:
        """A mean, of latents (batch, latent) and probabilities of each class (batch, classes).

        0 of no sounds.
        """
        cosines = functional.normalize(latents, dim=1) @ functional.normalize(self.directions).T
        total = functional.cross_entropy(cosines / self.temperature, targets, reduction="sum")
        return total / max(1, len(latents))


def energy_loss(logits: Tensor, known: int) -> Tensor:
    """Loss of separating percussion from out-of-distribution sounds, by their free energy.

    Let one more class, "none of these", have the constant logit 0. The cross-entropy is then that
    of the other classes, plus this: the binary cross-entropy of ln sum exp(logits), the negated
    free energy of Liu et al. (2020, NeurIPS).

    Parameters
    ----------
    logits : Tensor of float32, shape (batch, classes)
        Percussion first.
    known : int
        How many are percussion.

    Returns
    -------
    Tensor, scalar
        A mean.
    """
    is_known = (torch.arange(len(logits), device=logits.device) < known).float()
    return functional.binary_cross_entropy_with_logits(logits.logsumexp(dim=1), is_known)
