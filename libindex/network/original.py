"""The CNN-LSTM of DrumClassifier: three convolutions, a bidirectional LSTM, two linear layers.

`CnnLstm` has the original's module names, so that its weights load. `original_folded` computes the
same function faster.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from libindex.errors import ModelError
from libindex.network.architecture import NetworkConfig

MIN_FRAMES = 17
"""Shorter inputs are padded with zeros to this, which the LSTM reads, as the original does."""

# Standardisation of the position channels: fixed numbers of the original, not statistics of ours.
_TIME_SCALE, _TIME_OFFSET = 4.38202663, 0.33
_BAND_CENTRE, _BAND_SCALE = 63.5, 36.94928957368463


def position_channels(frames: int, bands: int) -> Tensor:
    """The two constant input channels that encode time and frequency.

    Returns
    -------
    Tensor of float32, shape (1, 2, frames, bands)
        ln(frame + 1) / 4.382 - 0.33, and (band - 63.5) / 36.95.
    """
    time = torch.log(torch.arange(frames) + 1.0) / _TIME_SCALE - _TIME_OFFSET
    band = (torch.arange(bands) - _BAND_CENTRE) / _BAND_SCALE
    channels = torch.stack([time[:, None].expand(-1, bands), band[None, :].expand(frames, -1)])
    return channels[None].float()


def step_counts(lengths: Tensor, config: NetworkConfig) -> Tensor:
    """How many steps of the LSTM come from how many frames.

    Parameters
    ----------
    lengths : Tensor of int64, shape (batch,)
        Frames of each input.
    config : NetworkConfig
        Layer sizes.

    Returns
    -------
    Tensor of int64, shape (batch,)
        Steps; all convolutions are unpadded, so none of these depends on frames beyond the
        input's end.
    """
    steps = lengths.clamp(min=MIN_FRAMES)
    for size, stride in _windows_in_time(config):
        steps = torch.div(steps - size, stride, rounding_mode="floor") + 1
    return steps


def frames_per_step(config: NetworkConfig) -> int:
    """How many frames lie between two steps of the LSTM."""
    return math.prod(stride for _, stride in _windows_in_time(config))


def _windows_in_time(config: NetworkConfig) -> list[tuple[int, int]]:
    """Size and stride of every convolution and pool, the first of them first."""
    windows = (
        (config.kernel_size_11, config.stride_11),
        (config.maxpool_size11, config.maxpool_stride11),
        (config.kernel_size_12, config.stride_12),
        (config.maxpool_size12, config.maxpool_stride12),
        (config.kernel_size_13, config.stride_13),
    )
    return [(size[0], stride[0]) for size, stride in windows]


class CnnLstm(nn.Module):
    """The network for training.

    Parameters
    ----------
    config : NetworkConfig
        Layer sizes.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.convl11 = nn.Sequential(
            nn.Dropout(config.dropout_11),
            nn.Conv2d(
                config.n_channels, config.num_filters_11, config.kernel_size_11, config.stride_11
            ),
            nn.BatchNorm2d(config.num_filters_11),
            nn.ReLU(),
            nn.MaxPool2d(config.maxpool_size11, config.maxpool_stride11),
        )
        self.convl12 = nn.Sequential(
            nn.Dropout(config.dropout_12),
            nn.Conv2d(
                config.num_filters_11,
                config.num_filters_12,
                config.kernel_size_12,
                config.stride_12,
            ),
            nn.BatchNorm2d(config.num_filters_12),
            nn.ReLU(),
            nn.MaxPool2d(config.maxpool_size12, config.maxpool_stride12),
        )
        self.convl13 = nn.Sequential(
            nn.Dropout(config.dropout_13),
            nn.Conv2d(
                config.num_filters_12,
                config.num_filters_13,
                config.kernel_size_13,
                config.stride_13,
            ),
            nn.BatchNorm2d(config.num_filters_13),
            nn.ReLU(),
        )
        self.lstm = nn.LSTM(
            config.num_filters_13, config.lstm_dim, batch_first=True, bidirectional=True
        )
        # The original has this module but never applies it.
        self.fc1_dropout = nn.Dropout(config.fc1_dropout)
        self.fc1 = nn.Linear(config.latent_size, config.fc1_dim)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(config.fc1_dim, config.outdim)

    def forward(self, mels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and latents of a batch.

        Parameters
        ----------
        mels : Tensor of float32, shape (batch, frames, bands)
            Log-mel spectrograms, padded at the end; the values of the padding have no effect.
        lengths : Tensor of int64, shape (batch,)
            Frames of each, on the CPU.

        Returns
        -------
        logits : Tensor, shape (batch, classes)
        latents : Tensor, shape (batch, 2 * lstm_dim)
        """
        mels = _masked(mels, lengths)
        position = position_channels(mels.shape[1], mels.shape[2]).to(mels)
        x = torch.cat([position.expand(len(mels), -1, -1, -1), mels[:, None]], dim=1)
        x = self.convl11(x)  # (batch, 64, time, 26)
        x = self.convl12(x)  # (batch, 96, time / 2, 5)
        x = self.convl13(x)  # (batch, 128, steps, 1)
        latents = _final_states(self.lstm, x, step_counts(lengths, self.config))
        return self.fc2(self.relu(self.fc1(latents))), latents


def _masked(mels: Tensor, lengths: Tensor) -> Tensor:
    """Zeros beyond each input's end, and at least `MIN_FRAMES` frames."""
    missing = MIN_FRAMES - mels.shape[1]
    if missing > 0:
        mels = functional.pad(mels, (0, 0, 0, missing))
    frame = torch.arange(mels.shape[1], device=mels.device)
    # Filled, not multiplied: NaN times zero is NaN.
    return mels.masked_fill((frame >= lengths.to(mels.device)[:, None])[:, :, None], 0.0)


def _final_states(lstm: nn.LSTM, features: Tensor, steps: Tensor) -> Tensor:
    """Final states of both directions, each sequence read exactly to its own end.

    Parameters
    ----------
    lstm : nn.LSTM
        Bidirectional, one layer.
    features : Tensor, shape (batch, filters, steps, 1)
        The convolutions' output.
    steps : Tensor of int64, shape (batch,)
        Valid steps of each.

    Returns
    -------
    Tensor, shape (batch, 2 * lstm_dim)
    """
    if features.shape[3] != 1:
        raise ModelError(f"its convolutions leave {features.shape[3]} bands instead of 1")
    sequence = features.squeeze(3).transpose(1, 2)
    if bool((steps != sequence.shape[1]).any()):
        packed = pack_padded_sequence(sequence, steps.cpu(), batch_first=True, enforce_sorted=False)
        _, (states, _) = lstm(packed)
    else:
        _, (states, _) = lstm(sequence)
    return torch.cat([states[0], states[1]], dim=1)
