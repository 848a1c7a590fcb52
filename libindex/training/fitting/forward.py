"""Running the network over many sounds, for training and for calibration."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pack_sequence

from libindex.network.analyser import Network
from libindex.network.original import (
    MIN_FRAMES,
    CnnLstm,
    frames_per_step,
    position_channels,
    step_counts,
)
from libindex.network.residual import ResidualCnnLstm
from libindex.training.data.dataset import MelArray


def forward(network: Network, mels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Logits and latents of sounds of any lengths, laid end to end.

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
        return logits, latents
    return forward_as_strip(network, mels)


def forward_as_strip(network: CnnLstm, mels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """`CnnLstm.forward` without padding: all sounds one after another, as one long input.

    The convolutions are unpadded, so that a sound that begins at a multiple of the frames by which
    they advance has the same steps here as alone; steps that reach into the next sound are
    left out. Batches of mixed lengths then cost what their frames cost. Batches of like lengths
    would be cheap as well, but their classes are alike too, and batch norm would tell the network
    which: its running statistics, used after training, then fit no batch.

    Parameters
    ----------
    network : CnnLstm
        In any mode.
    mels : sequence of Tensor of float32, shape (frames, bands)
        Log-mel spectrograms.

    Returns
    -------
    logits : Tensor, shape (batch, classes)
    latents : Tensor, shape (batch, 2 * lstm_dim)
    """
    lengths = [max(len(mel), MIN_FRAMES) for mel in mels]
    stride = frames_per_step(network.config)
    slots = [-(-length // stride) * stride for length in lengths]
    position = position_channels(max(slots), mels[0].shape[1]).to(mels[0])
    strip = torch.cat(
        [
            torch.cat(
                [position[0, :, :slot], functional.pad(mel, (0, 0, 0, slot - len(mel)))[None]]
            )
            for mel, slot in zip(mels, slots, strict=True)
        ],
        dim=1,
    )  # (3, frames of all, bands)
    x = strip[None].contiguous(memory_format=torch.channels_last)
    x = network.convl13(network.convl12(network.convl11(x)))  # (1, 128, steps of all, 1)
    steps = step_counts(torch.tensor(lengths), network.config).tolist()
    sequence = x[0, :, :, 0].T.float()
    starts = [sum(slots[:i]) // stride for i in range(len(slots))]
    parts = [sequence[at : at + n] for at, n in zip(starts, steps, strict=True)]
    _, (states, _) = network.lstm(pack_sequence(parts, enforce_sorted=False))
    latents = torch.cat([states[0], states[1]], dim=1)
    return network.fc2(network.relu(network.fc1(latents))), latents


def predict_logits(
    network: Network, mels: Sequence[MelArray], device: torch.device, batch_size: int = 64
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
