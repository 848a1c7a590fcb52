"""libindex's own CNN-LSTM: convolutions that halve the bands repeatedly, then an LSTM.

The first stages convolve over time too; the others only over frequency, since time is left to the
LSTM. Compared with the original's network, sounds are padded with silence on both sides, there are
residual connections (He et al. 2016, CVPR), and it is faster.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from libindex.network.architecture import ResidualConfig
from libindex.network.strips import final_states, pack_strips

_FIRST_BANDS, _BANDS = 5, 3  # that the kernels of the first stage and of the others span
_NONE = nn.Identity()


class Convolution(nn.Module):
    """A convolution with batch norm and ReLU; unpadded in time, padded in frequency.

    Parameters
    ----------
    filters_in, filters : int
        Before and after.
    kernel, stride : tuple of int
        (time, frequency).
    residual : bool
        Add what comes in.
    """

    def __init__(
        self,
        filters_in: int,
        filters: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        *,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            filters_in, filters, kernel, stride, padding=(0, kernel[1] // 2), bias=False
        )
        self.norm: nn.Module = nn.BatchNorm2d(filters)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Shape (strips, filters_in, frames, bands) to (strips, filters, frames', bands')."""
        y: Tensor = self.norm(self.convolution(x))
        if self.residual:
            edge = self.convolution.kernel_size[0] // 2
            y = y + x[:, :, edge : x.shape[2] - edge]
        return functional.relu(y)

    def fused(self) -> nn.Module:
        """The same as one convolution and ReLU."""
        fused = _fused(self.convolution, self.norm)
        if self.residual:
            # Adding the input equals convolving it with a kernel that is 1 in its centre.
            time, band = (size // 2 for size in self.convolution.kernel_size)
            diagonal = torch.arange(fused.out_channels)
            with torch.no_grad():
                fused.weight[diagonal, diagonal, time, band] += 1
        return nn.Sequential(fused, nn.ReLU(inplace=True))


class Stem(nn.Module):
    """The first convolution, with an offset for every band, which encodes the frequency."""

    def __init__(
        self, filters: int, kernel: tuple[int, int], stride: tuple[int, int], bands: int
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            1, filters, kernel, stride, padding=(0, kernel[1] // 2), bias=False
        )
        self.offset = nn.Parameter(torch.zeros(1, filters, 1, bands))
        self.norm: nn.Module = nn.BatchNorm2d(filters)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (strips, 1, frames, bands) to (strips, filters, frames', bands / 2)."""
        return functional.relu(self.norm(self.convolution(x) + self.offset))

    def fused(self) -> "Stem":
        """The same with batch norm in the convolution and the offset."""
        stem = copy.deepcopy(self)
        stem.convolution, stem.norm = _fused(self.convolution, self.norm), _NONE
        # The norm is affine, so it only scales the offset.
        with torch.no_grad():
            zero = self.norm(torch.zeros_like(self.offset))
            stem.offset = nn.Parameter(self.norm(self.offset) - zero)
        return stem


class ResidualCnnLstm(nn.Module):
    """The network: for training and, after `folded`, for inference.

    Parameters
    ----------
    config : ResidualConfig
        Layer sizes.
    """

    def __init__(self, config: ResidualConfig) -> None:
        super().__init__()
        self.config = config
        first, *others = config.stages
        self.stem = Stem(
            first.filters, (first.kernel, _FIRST_BANDS), (first.stride, 2), config.bands // 2
        )
        layers: list[nn.Module] = _residuals(first.filters, first.kernel, first.residuals)
        filters = first.filters
        for stage in others:
            layers.append(
                Convolution(filters, stage.filters, (stage.kernel, _BANDS), (stage.stride, 2))
            )
            layers += _residuals(stage.filters, stage.kernel, stage.residuals)
            filters = stage.filters
        self.body = nn.Sequential(*layers)
        left = config.bands // 2 ** len(config.stages)
        self.drop_maps = nn.Dropout2d(config.dropout)
        self.join = nn.Conv2d(filters, config.features, (1, left), bias=False)
        self.join_norm: nn.Module = nn.BatchNorm2d(config.features)
        self.drop_features = nn.Dropout(2 * config.dropout)
        self.lstm = nn.LSTM(config.features, config.lstm_dim, bidirectional=True)
        self.fc1 = nn.Linear(config.latent_size, config.fc1_dim)
        self.fc2 = nn.Linear(config.fc1_dim, config.outdim)
        self._frames, self._stride = _span(config)
        self._before = self._frames // 2 // self._stride * self._stride

    def forward(self, mels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits and latents; except in training, none depends on the other sounds.

        Parameters
        ----------
        mels : sequence of Tensor of float32, shape (frames, bands) each
            Log-mel spectrograms, 0 being silence; one or more.

        Returns
        -------
        logits : Tensor, shape (len(mels), classes)
        latents : Tensor, shape (len(mels), 2 * lstm_dim)
        """
        steps = [-(-len(mel) // self._stride) for mel in mels]
        # Frames up to the last that a sound's last step sees; the silence before it comes on top.
        needed = [(n - 1) * self._stride + self._frames - self._before for n in steps]
        slots, sizes = pack_strips(needed, self._stride)
        length = max(sizes) + self._before
        strips = mels[0].new_zeros(len(sizes), 1, length, self.config.bands)
        for slot, mel in zip(slots, mels, strict=True):
            start = self._before + slot.start
            strips[slot.strip, 0, start : start + len(mel)] = mel
        features = self._features(strips.contiguous(memory_format=torch.channels_last))
        rows = features.shape[0] // len(sizes)
        starts = torch.tensor([p.strip * rows + p.start // self._stride for p in slots])
        latents = final_states(self.lstm, features.float(), starts, torch.tensor(steps))
        return self.fc2(functional.relu(self.fc1(latents))), latents

    def folded(self) -> "ResidualCnnLstm":
        """A copy for inference, with batch norm folded into the convolutions."""
        network = copy.deepcopy(self).eval()
        network.stem = network.stem.fused()
        network.body = nn.Sequential(
            *(layer.fused() for layer in network.body if isinstance(layer, Convolution))
        )
        network.join = _fused(network.join, network.join_norm)
        network.join_norm = _NONE
        network.requires_grad_(requires_grad=False)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _features(self, strips: Tensor) -> Tensor:
        """The LSTM's input, shape (strips * steps, features)."""
        # One strip at a time fits the processor's cache; in training, batch norm needs all.
        parts = (strips,) if self.training else torch.split(strips, 1)
        maps = [self.join(self.drop_maps(self.body(self.stem(part)))) for part in parts]
        x = functional.relu(self.join_norm(torch.cat(maps)))  # (strips, features, steps, 1)
        x = x[..., 0].transpose(1, 2).flatten(0, 1)
        features: Tensor = self.drop_features(x)
        return features


def _fused(convolution: nn.Conv2d, norm: nn.Module) -> nn.Conv2d:
    if not isinstance(norm, nn.BatchNorm2d):
        raise TypeError("the network is already folded")
    return nn.utils.fuse_conv_bn_eval(convolution, norm)


def _residuals(filters: int, kernel: int, count: int) -> list[nn.Module]:
    return [Convolution(filters, filters, (kernel, _BANDS), residual=True) for _ in range(count)]


def _span(config: ResidualConfig) -> tuple[int, int]:
    """How many frames a step of the LSTM sees, and how many lie between two steps."""
    frames, stride = 1, 1
    for stage in config.stages:
        frames += (stage.kernel - 1) * stride
        stride *= stage.stride
        frames += (stage.kernel - 1) * stride * stage.residuals
    return frames, stride
