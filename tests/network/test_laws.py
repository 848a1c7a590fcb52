"""What holds for networks of both kinds, in training's form and folded for use."""

import random
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.networks import (
    MAX_FRAMES,
    AnyNetwork,
    assert_same,
    mels_of,
    original,
    original_folded,
    outputs,
    residual,
    residual_folded,
)

# Lengths on both sides of the shortest that the convolutions take as it is.
LENGTHS = st.lists(st.integers(1, MAX_FRAMES), min_size=1, max_size=8)
Maker = Callable[[], AnyNetwork]
every = pytest.mark.parametrize("make", [original, original_folded, residual, residual_folded])
pairs = pytest.mark.parametrize(
    ("plain", "folded"), [(original, original_folded), (residual, residual_folded)]
)


@every
def test_different_sounds_give_different_results(make: Maker) -> None:
    # Or else the laws below would hold for a network that ignores its input.
    logits, latents = outputs(make(), mels_of([30, 30, 5, 5]))
    for one, other in ((0, 1), (0, 2), (2, 3)):
        assert (logits[one] - logits[other]).abs().max() > 0.01
        assert (latents[one] - latents[other]).abs().max() > 0.01


@pytest.mark.slow
@every
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_a_batch_is_its_members(make: Maker, lengths: list[int], seed: int) -> None:
    mels = mels_of(lengths, seed)
    alone = [outputs(make(), [mel]) for mel in mels]
    expected = torch.cat([a[0] for a in alone]), torch.cat([a[1] for a in alone])
    assert_same(outputs(make(), mels), expected)


@pytest.mark.slow
@every
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_the_order_has_no_effect(make: Maker, lengths: list[int], seed: int) -> None:
    mels = mels_of(lengths)
    order = list(range(len(mels)))
    random.Random(seed).shuffle(order)
    logits, latents = outputs(make(), mels)
    assert_same(outputs(make(), [mels[i] for i in order]), (logits[order], latents[order]))


@every
def test_the_end_of_a_sound_matters(make: Maker) -> None:
    (mel,) = mels_of([40])
    other = mel.clone()
    other[-3:] = 1
    assert (outputs(make(), [mel])[1] - outputs(make(), [other])[1]).abs().max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("make", [residual, residual_folded])  # the original's strides skip some
@given(length=st.integers(5, MAX_FRAMES), seed=st.integers(0, 99))
def test_every_frame_matters(make: Maker, length: int, seed: int) -> None:
    (mel,) = mels_of([length], seed)
    for frame in (0, length // 2, length - 1):
        other = mel.clone()
        other[frame] = 1 - other[frame]
        assert (outputs(make(), [mel])[1] - outputs(make(), [other])[1]).abs().max() > 1e-6


@pytest.mark.slow
@pairs
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_folding_changes_nothing(
    plain: Maker, folded: Maker, lengths: list[int], seed: int
) -> None:
    mels = mels_of(lengths, seed)
    assert_same(outputs(folded(), mels), outputs(plain(), mels))


@pytest.mark.slow
@pairs
@given(lengths=st.lists(st.integers(1, MAX_FRAMES), min_size=1, max_size=40))
def test_strips_do_not_matter(plain: Maker, folded: Maker, lengths: list[int]) -> None:
    mels = mels_of(lengths)
    expected = outputs(plain(), mels)
    with pytest.MonkeyPatch.context() as patch:
        for strips in ((1,), (64, 100), (5000,)):
            patch.setattr("libindex.network.strips.STRIP_FRAMES", strips)
            assert_same(outputs(folded(), mels), expected)
