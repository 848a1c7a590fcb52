from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from support.networks import SMALL_RESIDUAL, assert_same, mels_of, outputs, residual_folded
from torch import nn
from torch.nn import functional

from libindex.network.architecture import ResidualConfig, parse_architecture
from libindex.network.residual import ResidualCnnLstm


def test_the_default_halves_128_bands_and_has_a_latent_of_256() -> None:
    assert ResidualConfig().latent_size == 256
    assert ResidualConfig().filters == (16, 32, 64, 64, 96, 96, 128)
    logits, latents = outputs(ResidualCnnLstm(ResidualConfig()).eval(), [torch.rand(9, 128)])
    assert (logits.shape, latents.shape) == ((1, 30), (1, 256))


@pytest.mark.parametrize("frames", [1, 2, 7, 30])
def test_it_is_what_is_written_out_plainly_for_one_sound(frames: int) -> None:
    torch.manual_seed(frames)
    net = ResidualCnnLstm(SMALL_RESIDUAL).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    nn.init.uniform_(net.stem.offset, -0.5, 0.5)
    mel = torch.rand(frames, 128)
    with torch.inference_mode():
        assert_same(outputs(net, [mel]), _plainly(net, mel))


def _plainly(net: ResidualCnnLstm, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """`SMALL_RESIDUAL`, layer by layer: a step every 4 frames, which sees 8 before and after."""
    steps = -(-len(mel) // 4)
    silence = functional.pad(mel, (0, 0, 8, 4 * steps + 8 - len(mel)))[None, None]
    stem: Any = net.stem
    blocks: Any = net.body
    first, again, last, more = blocks
    x = stem.norm(stem.convolution(silence) + stem.offset).relu()
    x = first.norm(first.convolution(x)).relu()
    x = (again.norm(again.convolution(x)) + x[:, :, 1:-1]).relu()
    x = last.norm(last.convolution(x)).relu()
    x = (more.norm(more.convolution(x)) + x).relu()
    x = net.join_norm(net.join(x)).relu()[0, :, :steps, 0].T
    _, (states, _) = net.lstm(x[:, None])
    latent = torch.cat([states[0], states[1]], dim=1)
    return net.fc2(net.fc1(latent).relu()), latent


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
    with pytest.raises(TypeError, match="already folded"):
        residual_folded().stem.fused()


def test_sizes_survive_json() -> None:
    assert parse_architecture({"kind": "residual", **asdict(SMALL_RESIDUAL)}) == SMALL_RESIDUAL
    assert parse_architecture({"kind": "residual"}) == ResidualConfig()


def test_networks_of_other_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind, 'transformer'"):
        parse_architecture({"kind": "transformer"})


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
        ("dropout", 0.6),
        ("bands", 100),
    ],
)
def test_sizes_are_checked(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        replace(SMALL_RESIDUAL, **{name: value})
