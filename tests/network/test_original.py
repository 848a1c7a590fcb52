import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.networks import (
    BANDS,
    MAX_FRAMES,
    SMALL,
    AnyNetwork,
    assert_same,
    mels_of,
    original,
    original_folded,
    outputs,
    randomised,
)
from torch import Tensor, nn

from libindex.errors import ModelError
from libindex.network.architecture import NetworkConfig
from libindex.network.original import (
    MIN_FRAMES,
    CnnLstm,
    position_channels,
    step_counts,
)
from libindex.network.original_folded import FoldedCnnLstm, _max_pool

# Lengths on both sides of the shortest that the convolutions take as it is.
LENGTHS = st.lists(st.integers(1, MAX_FRAMES), min_size=1, max_size=6)
both = pytest.mark.parametrize("module", [original, original_folded])


def as_the_original(network: CnnLstm, mel: Tensor) -> tuple[Tensor, Tensor]:
    """The original's forward pass for one file, written from its document and FACTS."""
    c = network.config
    mel = torch.cat([mel, torch.zeros(max(0, 17 - len(mel)), mel.shape[1])])
    frames, bands = mel.shape
    x = torch.zeros(1, 3, frames, bands)
    for frame in range(frames):
        x[0, 0, frame, :] = math.log(frame + 1) / 4.38202663 - 0.33
    for band in range(bands):
        x[0, 1, :, band] = (band - 63.5) / 36.94928957368463
    x[0, 2] = mel
    for block, pool, pool_stride in (
        (network.convl11, c.maxpool_size11, c.maxpool_stride11),
        (network.convl12, c.maxpool_size12, c.maxpool_stride12),
        (network.convl13, None, None),
    ):
        convolution, norm = block[1], block[2]
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        x = nn.functional.conv2d(x, convolution.weight, convolution.bias, convolution.stride)
        mean, variance = norm.running_mean[:, None, None], norm.running_var[:, None, None]
        x = (x - mean) / torch.sqrt(variance + 1e-5)
        x = torch.relu(x * norm.weight[:, None, None] + norm.bias[:, None, None])
        if pool:
            x = nn.functional.max_pool2d(x, pool, pool_stride)
    steps = x.squeeze(-1).squeeze(0).T
    weights: dict[str, torch.Tensor] = dict(network.lstm.named_parameters())
    latent = torch.cat([lstm(steps, weights, ""), lstm(steps.flip(0), weights, "_reverse")])
    hidden = torch.relu(network.fc1.weight @ latent + network.fc1.bias)
    return network.fc2.weight @ hidden + network.fc2.bias, latent


def lstm(steps: Tensor, weights: dict[str, Tensor], direction: str) -> Tensor:
    """The last hidden state of one direction (Hochreiter and Schmidhuber, as PyTorch has it)."""
    w_in, w_hidden, b_in, b_hidden = (
        weights[f"{name}_l0{direction}"]
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    hidden = cell = torch.zeros(w_hidden.shape[1])
    for step in steps:
        gates = w_in @ step + b_in + w_hidden @ hidden + b_hidden
        take, forget, new, give = gates.chunk(4)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(take) * torch.tanh(new)
        hidden = torch.sigmoid(give) * torch.tanh(cell)
    return hidden


def test_the_default_is_the_originals_size() -> None:
    network = CnnLstm(NetworkConfig())
    assert sum(p.numel() for p in network.parameters()) == 633_598


def test_modules_have_the_originals_names() -> None:
    assert set(dict(CnnLstm(SMALL).named_children())) == {
        *("convl11", "convl12", "convl13", "lstm", "fc1_dropout", "fc1", "relu", "fc2")
    }


def test_dropout_is_where_the_original_has_it() -> None:
    network = CnnLstm(replace(SMALL, dropout_11=0.1, dropout_12=0.2, dropout_13=0.3))
    rates = [block[0].p for block in (network.convl11, network.convl12, network.convl13)]
    assert rates == [0.1, 0.2, 0.3]


def test_position_channels() -> None:
    channels = position_channels(300, 128)
    assert channels.shape == (1, 2, 300, 128)
    assert channels.dtype == torch.float32
    time, band = channels[0].double().numpy()
    np.testing.assert_allclose(time[:, 5], np.log(np.arange(300) + 1) / 4.38202663 - 0.33, 1e-5)
    np.testing.assert_allclose(band[7], (np.arange(128) - 63.5) / 36.94928957368463, 1e-5)
    assert (time == time[:, :1]).all()
    assert (band == band[:1]).all()


def test_steps_of_the_original() -> None:
    lengths = torch.tensor([1, 16, 17, 18, 300])
    assert step_counts(lengths, NetworkConfig()).tolist() == [2, 2, 2, 3, 73]


@given(length=st.integers(1, MAX_FRAMES))
def test_steps_are_what_the_convolutions_leave(length: int) -> None:
    net = original()
    frames = max(length, MIN_FRAMES)
    x = torch.zeros(1, 3, frames, BANDS)
    with torch.inference_mode():
        x = net.convl13(net.convl12(net.convl11(x)))
    assert step_counts(torch.tensor([length]), SMALL).tolist() == [x.shape[2]]


@pytest.mark.parametrize("length", [1, 5, 16, 17, 18, 19, 40, 60])
@both
def test_one_file_gives_what_the_original_gives(
    module: Callable[[], AnyNetwork], length: int
) -> None:
    (mel,) = mels_of([length], seed=length)
    logits, latents = outputs(module(), [mel])
    with torch.inference_mode():
        expected_logits, expected_latent = as_the_original(original(), mel)
    assert_same((logits[0], latents[0]), (expected_logits, expected_latent))


def test_the_default_network_is_the_originals() -> None:
    big = randomised(NetworkConfig())
    mels = mels_of([9, 40])
    with torch.inference_mode():
        expected = [as_the_original(big, mel) for mel in mels]
    stacked = torch.stack([e[0] for e in expected]), torch.stack([e[1] for e in expected])
    assert stacked[1].shape == (2, 256)
    assert_same(outputs(big, mels), stacked)
    assert_same(outputs(FoldedCnnLstm(big, 300, BANDS), mels), stacked)


@pytest.mark.slow
@given(lengths=LENGTHS, padding=st.floats(width=32))
def test_what_the_padding_holds_has_no_effect(lengths: list[int], padding: float) -> None:
    mels = mels_of(lengths)
    assert_same(outputs(original(), mels, padding), outputs(original(), mels))


@pytest.mark.slow
@both
@given(lengths=LENGTHS, extra=st.integers(1, 20))
def test_how_much_padding_there_is_has_no_effect(
    module: Callable[[], AnyNetwork], lengths: list[int], extra: int
) -> None:
    mels = mels_of([min(length, MAX_FRAMES - extra) for length in lengths])
    longest = torch.rand(MAX_FRAMES, BANDS)
    logits, latents = outputs(module(), [*mels, longest])
    assert_same((logits[:-1], latents[:-1]), outputs(module(), mels))


@pytest.mark.parametrize(
    ("size", "stride"), [((1, 2), (1, 2)), ((2, 3), (1, 2)), ((1, 1), (1, 1)), ((3, 2), (2, 3))]
)
def test_max_pool_is_that_of_pytorch(size: tuple[int, int], stride: tuple[int, int]) -> None:
    x = torch.rand(1, 4, 17, 23)
    torch.testing.assert_close(
        _max_pool(x, size, stride), nn.functional.max_pool2d(x, size, stride), rtol=0, atol=0
    )


def test_folding_leaves_the_network_as_it_was() -> None:
    net = CnnLstm(SMALL).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    FoldedCnnLstm(net, MAX_FRAMES, BANDS)
    assert net.training
    assert all(p.requires_grad for p in net.parameters())
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_it_learns() -> None:
    net = CnnLstm(SMALL).train()
    mels = torch.stack(mels_of([30, 30, 30]))
    logits, _ = net(mels, torch.tensor([30, 20, 4]))
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2])).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert not any(p.requires_grad for p in original_folded().parameters())


def test_padding_learns_nothing() -> None:
    mels = torch.rand(2, 40, BANDS, requires_grad=True)
    logits, _ = original()(mels, torch.tensor([40, 9]))
    logits.sum().backward()
    assert mels.grad is not None
    assert mels.grad[1, :9].abs().sum() > 0
    assert mels.grad[1, 9:].abs().sum() == 0


@pytest.mark.parametrize("make", [CnnLstm, lambda c: FoldedCnnLstm(CnnLstm(c), 60, BANDS)])
def test_layers_that_leave_more_than_one_band(make: Callable[[NetworkConfig], AnyNetwork]) -> None:
    module = make(replace(SMALL, kernel_size_13=(3, 4)))
    with pytest.raises(ModelError, match="its convolutions leave 2 bands instead of 1"):
        outputs(module.eval(), mels_of([20]))


def test_layers_that_leave_nothing_of_the_shortest_sound() -> None:
    config = replace(SMALL, kernel_size_13=(7, 5))
    with pytest.raises(ModelError, match="don't fit its mel"):
        FoldedCnnLstm(CnnLstm(config), MAX_FRAMES, BANDS)
