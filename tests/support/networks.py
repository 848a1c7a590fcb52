"""Small networks of both kinds, of which every part matters, and how to ask them."""

import math
from functools import cache

import torch
from torch import Tensor, nn

from libindex.network.architecture import NetworkConfig, ResidualConfig, Stage
from libindex.network.original import CnnLstm
from libindex.network.original_folded import FoldedCnnLstm
from libindex.network.residual import ResidualCnnLstm

BANDS, MAX_FRAMES = 128, 60
SMALL = NetworkConfig(
    num_filters_11=4, num_filters_12=6, num_filters_13=8, lstm_dim=8, fc1_dim=8, outdim=5
)
SMALL_RESIDUAL = ResidualConfig(
    (Stage(4, 5, 2), Stage(6, 3, 2, 1), Stage(8, 1, 1, 1)),
    features=8,
    lstm_dim=8,
    fc1_dim=8,
    outdim=5,
)
AnyNetwork = CnnLstm | FoldedCnnLstm | ResidualCnnLstm


def mels_of(lengths: list[int], seed: int = 0) -> list[Tensor]:
    """Spectrograms of sounds that differ."""
    generator = torch.Generator().manual_seed(seed)
    mels = []
    for length in lengths:
        band = torch.linspace(0, 20 * torch.rand((), generator=generator), BANDS)
        decay = torch.linspace(1, 0, length) ** (3 * torch.rand((), generator=generator))
        noise = torch.rand(length, BANDS, generator=generator)
        mels.append(decay[:, None] * (0.6 + 0.4 * torch.sin(band)) * (0.8 + 0.2 * noise))
    return mels


def outputs(module: AnyNetwork, mels: list[Tensor], padding: float = 0.0) -> tuple[Tensor, Tensor]:
    """Logits and latents of sounds; where they make a batch, it is padded with something."""
    with torch.inference_mode():
        if not isinstance(module, CnnLstm):
            logits, latents = module(mels)
            return logits, latents
        lengths = torch.tensor([len(mel) for mel in mels])
        batch = torch.full((len(mels), int(lengths.max()), BANDS), padding)
        for row, mel in zip(batch, mels, strict=True):
            row[: len(mel)] = mel
        logits, latents = module(batch, lengths)
        return logits, latents


def assert_same(got: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> None:
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def randomised(config: NetworkConfig) -> CnnLstm:
    """A network in which every part matters and which treats sounds differently."""
    torch.manual_seed(1)
    network = CnnLstm(config).train()
    with torch.no_grad():
        for block in (network.convl11, network.convl12, network.convl13):
            norm = block[2]
            assert isinstance(norm, nn.BatchNorm2d)
            norm.weight.uniform_(-1.5, 1.5)  # some negative: pooling must not pass them by
            norm.bias.normal_(std=0.3)
            norm.momentum = 1.0
        for parameter in (*network.lstm.parameters(), network.fc1.weight, network.fc2.weight):
            parameter.normal_(std=1 / math.sqrt(parameter.shape[-1]))
        mels = torch.stack(mels_of([MAX_FRAMES] * 8))
        network(mels, torch.full((8,), MAX_FRAMES))  # fills in the norms' statistics
    return network.eval()


@cache
def original() -> CnnLstm:
    return randomised(SMALL)


@cache
def original_folded() -> FoldedCnnLstm:
    return FoldedCnnLstm(original(), MAX_FRAMES, BANDS).eval()


@cache
def residual() -> ResidualCnnLstm:
    torch.manual_seed(1)
    network = ResidualCnnLstm(SMALL_RESIDUAL).train()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm.weight" in name:
                parameter.uniform_(-1.5, 1.5)
            elif "norm.bias" in name or name == "stem.offset":
                parameter.normal_(std=0.3)
            elif name.startswith(("lstm", "fc")):
                parameter.normal_(std=parameter.shape[-1] ** -0.5)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        network(mels_of([MAX_FRAMES] * 8))  # fills in the norms' statistics
    return network.eval()


@cache
def residual_folded() -> ResidualCnnLstm:
    return residual().folded()
