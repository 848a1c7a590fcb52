import random
from dataclasses import asdict, replace
from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from libindex.layers import ResidualConfig, Stage, layer_sizes
from libindex.residual import ResidualCnnLstm

BANDS, MAX_FRAMES = 32, 70
SMALL = ResidualConfig(
    (Stage(4, 5, 2), Stage(6, 3, 2, 1), Stage(8, 1, 1, 1)),
    features=8,
    lstm_dim=8,
    fc1_dim=8,
    bands=BANDS,
    outdim=5,
)
LENGTHS = st.lists(st.integers(1, MAX_FRAMES), min_size=1, max_size=8)


@cache
def network() -> ResidualCnnLstm:
    """A network of which every part matters."""
    torch.manual_seed(1)
    network = ResidualCnnLstm(SMALL).train()
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
def folded() -> ResidualCnnLstm:
    return network().folded()


both = pytest.mark.parametrize("module", [network, folded])


def mels_of(lengths: list[int], seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(length, BANDS, generator=generator) for length in lengths]


def heard(module: ResidualCnnLstm, mels: list[Tensor]) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():
        logits, latents = module(mels)
    return logits, latents


def assert_same(got: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> None:
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_the_default_halves_128_bands_and_has_a_latent_of_256() -> None:
    assert ResidualConfig().latent_size == 256
    assert ResidualConfig().filters == (16, 32, 64, 64, 96, 96, 128)
    logits, latents = heard(ResidualCnnLstm(ResidualConfig()).eval(), [torch.rand(9, 128)])
    assert (logits.shape, latents.shape) == ((1, 30), (1, 256))


def test_different_sounds_are_heard_differently() -> None:
    # Or else the laws below would hold for a network that hears nothing.
    logits, latents = heard(network(), mels_of([30, 30, 5, 5]))
    for one, other in ((0, 1), (0, 2), (2, 3)):
        assert (logits[one] - logits[other]).abs().max() > 0.01
        assert (latents[one] - latents[other]).abs().max() > 0.01


@both
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_a_batch_is_its_members(module, lengths: list[int], seed: int) -> None:
    mels = mels_of(lengths, seed)
    alone = [heard(module(), [mel]) for mel in mels]
    expected = torch.cat([a[0] for a in alone]), torch.cat([a[1] for a in alone])
    assert_same(heard(module(), mels), expected)


@both
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_the_order_has_no_effect(module, lengths: list[int], seed: int) -> None:
    mels = mels_of(lengths)
    order = list(range(len(mels)))
    random.Random(seed).shuffle(order)
    logits, latents = heard(module(), mels)
    assert_same(heard(module(), [mels[i] for i in order]), (logits[order], latents[order]))


@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_folding_changes_nothing(lengths: list[int], seed: int) -> None:
    mels = mels_of(lengths, seed)
    assert_same(heard(folded(), mels), heard(network(), mels))


@given(lengths=st.lists(st.integers(1, MAX_FRAMES), min_size=1, max_size=40))
def test_strips_do_not_matter(lengths: list[int]) -> None:
    mels = mels_of(lengths)
    expected = heard(folded(), mels)
    with pytest.MonkeyPatch.context() as patch:
        for strips in ((1,), (64, 100), (5000,)):
            patch.setattr("libindex.strips.STRIP_FRAMES", strips)
            assert_same(heard(folded(), mels), expected)


@given(length=st.integers(5, MAX_FRAMES), seed=st.integers(0, 99))
def test_every_frame_is_heard(length: int, seed: int) -> None:
    (mel,) = mels_of([length], seed)
    for frame in (0, length // 2, length - 1):
        other = mel.clone()
        other[frame] = 1 - other[frame]
        assert (heard(network(), [mel])[1] - heard(network(), [other])[1]).abs().max() > 1e-6


def test_it_learns() -> None:
    net = ResidualCnnLstm(SMALL).train()
    logits, _ = net(mels_of([30, 20, 4]))
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2])).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert not any(p.requires_grad for p in folded().parameters())


def test_folding_leaves_the_network_as_it_was() -> None:
    net = ResidualCnnLstm(SMALL).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net.folded()
    assert net.training
    assert all(p.requires_grad for p in net.parameters())
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_what_is_folded_is_not_folded_again() -> None:
    with pytest.raises(TypeError, match="folded already"):
        folded().stem.fused()


def test_sizes_survive_json() -> None:
    assert layer_sizes({"kind": "residual", **asdict(SMALL)}) == SMALL
    assert layer_sizes({"kind": "residual"}) == ResidualConfig()


def test_networks_of_other_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind, 'transformer'"):
        layer_sizes({"kind": "transformer"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stages", ()),
        ("stages", ((8, 5), (8, 3)) * 4),
        ("stages", ((8, 4),)),
        ("stages", ((8, 0),)),
        ("stages", ((8, 3, 1, -1),)),
        ("stages", (8, 3)),
        ("stages", ((8, 3, 1, 1, 1),)),
        ("lstm_dim", 0),
        ("dropout", 1.5),
        ("bands", 100),
    ],
)
def test_sizes_are_checked(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        replace(SMALL, **{name: value})
