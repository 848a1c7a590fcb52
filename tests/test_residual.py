from dataclasses import asdict, replace

import pytest
import torch
from networks import SMALL_RESIDUAL, heard, mels_of, residual_folded
from torch import nn

from libindex.layers import ResidualConfig, layer_sizes
from libindex.residual import ResidualCnnLstm


def test_the_default_halves_128_bands_and_has_a_latent_of_256() -> None:
    assert ResidualConfig().latent_size == 256
    assert ResidualConfig().filters == (16, 32, 64, 64, 96, 96, 128)
    logits, latents = heard(ResidualCnnLstm(ResidualConfig()).eval(), [torch.rand(9, 128)])
    assert (logits.shape, latents.shape) == ((1, 30), (1, 256))


def test_it_learns() -> None:
    net = ResidualCnnLstm(SMALL_RESIDUAL).train()
    logits, _ = net(mels_of([30, 20, 4]))
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2])).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert not any(p.requires_grad for p in residual_folded().parameters())


def test_folding_leaves_the_network_as_it_was() -> None:
    net = ResidualCnnLstm(SMALL_RESIDUAL).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net.folded()
    assert net.training
    assert all(p.requires_grad for p in net.parameters())
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_what_is_folded_is_not_folded_again() -> None:
    with pytest.raises(TypeError, match="folded already"):
        residual_folded().stem.fused()


def test_sizes_survive_json() -> None:
    assert layer_sizes({"kind": "residual", **asdict(SMALL_RESIDUAL)}) == SMALL_RESIDUAL
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
        replace(SMALL_RESIDUAL, **{name: value})
