"""The original's network for inference: many sounds, of any lengths, end to end.

Convolutions without padding see nothing beyond a sound's own frames. So a batch need not be padded
to its longest sound: sounds are packed into strips of a few fixed lengths, for which the
convolutions are prepared once.
"""

import copy
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional

from libindex.errors import ModelError
from libindex.network.original import (
    MIN_FRAMES,
    CnnLstm,
    frames_per_step,
    position_channels,
    step_counts,
)
from libindex.network.strips import final_states, pack_strips


class FoldedCnnLstm(nn.Module):
    """`CnnLstm` for inference: batch norm folded, position channels computed once.

    The first convolution is linear, so its response to the two constant channels is a constant
    map, which leaves a third of its work. ReLU and max-pool commute; pooling first is cheaper.

    Parameters
    ----------
    network : CnnLstm
        The trained network.
    max_frames, bands : int
        The longest input and its number of mel bands.

    Raises
    ------
    ModelError
        If the convolutions leave nothing of the shortest input.
    """

    position: Tensor

    def __init__(self, network: CnnLstm, max_frames: int, bands: int) -> None:
        super().__init__()
        self.config = network.config
        if int(step_counts(torch.tensor([MIN_FRAMES]), self.config)) < 1:
            raise ModelError("its layers don't fit its mel parameters")
        network = copy.deepcopy(network).eval()  # the caller may go on training it
        first, self.conv2, self.conv3 = (
            _fold(block) for block in (network.convl11, network.convl12, network.convl13)
        )
        constant = self.config.n_channels - 1
        channels = position_channels(max(max_frames, MIN_FRAMES), bands)
        with torch.no_grad():
            response = functional.conv2d(
                channels, first.weight[:, :constant], first.bias, first.stride
            )
        self.register_buffer("position", response.to(memory_format=torch.channels_last))
        self.conv1 = nn.Conv2d(
            1, first.out_channels, self.config.kernel_size_11, self.config.stride_11, bias=False
        )
        self.conv1.weight = nn.Parameter(first.weight[:, constant:].detach().clone())
        self.lstm, self.fc1, self.fc2 = network.lstm, network.fc1, network.fc2
        self.requires_grad_(requires_grad=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, mels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits and latents of sounds; none depends on the others.

        Parameters
        ----------
        mels : sequence of Tensor of float32, shape (frames, bands) each
            Log-mel spectrograms of at most `max_frames`, one or more.

        Returns
        -------
        logits : Tensor, shape (len(mels), classes)
        latents : Tensor, shape (len(mels), 2 * lstm_dim)
        """
        lengths = torch.tensor([len(mel) for mel in mels])
        stride = frames_per_step(self.config)
        slots, sizes = pack_strips([max(len(mel), MIN_FRAMES) for mel in mels], stride)
        features, first_row = [], [0]
        for number, size in enumerate(sizes):
            inside = [(p.start, m) for p, m in zip(slots, mels, strict=True) if p.strip == number]
            features.append(self._features(inside, size))
            first_row.append(first_row[-1] + len(features[-1]))
        starts = torch.tensor([first_row[p.strip] + p.start // stride for p in slots])
        steps = step_counts(lengths, self.config)
        latents = final_states(self.lstm, torch.cat(features), starts, steps)
        return self.fc2(functional.relu(self.fc1(latents))), latents

    def _features(self, mels: Sequence[tuple[int, Tensor]], size: int) -> Tensor:
        """The convolutions' output for one strip, shape (steps, filters)."""
        config = self.config
        strip = self.position.new_zeros(1, 1, size, mels[0][1].shape[1])
        for start, mel in mels:
            strip[0, 0, start : start + len(mel)] = mel
        x = self.conv1(strip.to(memory_format=torch.channels_last))  # (1, 64, time, 53)
        height, stride = config.kernel_size_11[0], config.stride_11[0]
        for start, mel in mels:
            rows = (max(len(mel), MIN_FRAMES) - height) // stride + 1
            x[:, :, start // stride :][:, :, :rows] += self.position[:, :, :rows]
        x = _max_pool(x, config.maxpool_size11, config.maxpool_stride11).relu_()
        x = self.conv2(x)  # (1, 96, time / 2, 10)
        x = _max_pool(x, config.maxpool_size12, config.maxpool_stride12).relu_()
        x = self.conv3(x).relu_()  # (1, 128, steps, 1)
        if x.shape[3] != 1:
            raise ModelError(f"its convolutions leave {x.shape[3]} bands instead of 1")
        features: Tensor = x[0, :, :, 0].T
        return features


def _max_pool(x: Tensor, size: tuple[int, int], stride: tuple[int, int]) -> Tensor:
    """As `max_pool2d`, which is slower because it records where each maximum was."""
    rows, columns = (
        (length - window) // step + 1
        for length, window, step in zip(x.shape[2:], size, stride, strict=True)
    )
    views = [
        x[:, :, row :: stride[0], column :: stride[1]][:, :, :rows, :columns]
        for row in range(size[0])
        for column in range(size[1])
    ]
    return reduce(torch.maximum, views) if len(views) > 1 else views[0].clone()


def _fold(block: nn.Sequential) -> nn.Conv2d:
    convolution, norm = block[1], block[2]
    if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        raise TypeError("a block is dropout, convolution, batch norm, ...")
    return nn.utils.fuse_conv_bn_eval(convolution, norm)
