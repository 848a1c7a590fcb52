"""Running the network over many sounds, for training and for calibration."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from libindex.network.analyser import AnyNetwork
from libindex.network.residual import ResidualCnnLstm
from libindex.training.data.dataset import MelArray


def forward(network: AnyNetwork, mels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Logits and latents of sounds of any lengths.

    Parameters
    ----------
    network : CnnLstm or ResidualCnnLstm
        In any mode.
    mels : sequence of Tensor of float32, shape (frames, bands) each
        Log-mel spectrograms.

    Returns
    -------
    logits : Tensor, shape (len(mels), classes)
    latents : Tensor, shape (len(mels), 2 * lstm_dim)
    """
    if isinstance(network, ResidualCnnLstm):
        logits, latents = network(mels)
    else:
        lengths = torch.tensor([len(mel) for mel in mels])
        logits, latents = network(pad_sequence(list(mels), batch_first=True), lengths)
    return logits, latents


def predict_logits(
    network: AnyNetwork, mels: Sequence[MelArray], device: torch.device, batch_size: int = 64
) -> NDArray[np.float32]:
    """Logits of a network in evaluation mode, shape (files, classes)."""
    logits = [np.zeros((0, network.config.outdim), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(mels), batch_size):
            part = [
                torch.from_numpy(m).float().to(device) for m in mels[start : start + batch_size]
            ]
            logits.append(forward(network, part)[0].float().cpu().numpy())
    return np.concatenate(logits)
