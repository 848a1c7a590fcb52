"""What a network is trained to make small, besides the cross-entropy of its classes."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def smoothed(targets: Tensor, smoothing: float) -> Tensor:
    """Probabilities of shape (batch, classes), with a part of each given evenly to all classes."""
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def contrastive_loss(latents: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss: sounds of a class near each other, others far.

    Parameters
    ----------
    latents : Tensor of float32, shape (batch, latent)
        Are L2-normalised here.
    labels : Tensor of int64, shape (batch,)
        Classes; a sound alone in its class has no part in the mean.
    temperature : float
        Divides the cosine similarities.

    Returns
    -------
    Tensor, scalar
        L_out of Khosla et al., equation 2, as a mean.
    """
    unit = functional.normalize(latents, dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    scores = (unit @ unit.T / temperature).masked_fill(itself, float("-inf"))
    log_share = scores - scores.logsumexp(dim=1, keepdim=True)
    labels = labels.to(unit.device)
    positive = (labels[:, None] == labels[None, :]) & ~itself
    count = positive.sum(dim=1)
    total = -log_share.masked_fill(~positive, 0.0).sum(dim=1) / count.clamp(min=1)
    return total.sum() / (count > 0).sum().clamp(min=1)


class ProxyLoss(nn.Module):
    """Cross-entropy of latents that are compared with one learnt direction for each class.

    The normalised softmax of Zhai and Wu (2019, BMVC). Similarity search compares directions as
    well: this is what puts sounds of a class, whatever unit they come from, into one of them.

    Parameters
    ----------
    classes, latent_size : int
        How many directions, of how many numbers.
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


def stranger_loss(logits: Tensor, known: int) -> Tensor:
    """How badly the logits tell percussion from other sounds, by their free energy.

    A further class with the constant logit 0 stands for "none of these". Its cross-entropy is that
    of the others among themselves, plus this: the binary cross-entropy of ln sum exp(logits), the
    negated free energy of Liu et al. (2020, NeurIPS).

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
