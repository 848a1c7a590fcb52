"""Packing sounds end to end, so that the cost of a batch depends on its frames only.

Convolutions without padding in time have a bounded receptive field. Sounds that are far enough
apart in a strip do not affect each other, and no batch is padded to its longest member.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

# Frames of a strip. The first convolution's output takes up to 14 KB a frame: longer strips don't
# fit the processor's cache, and their memory has to be cleared by the system first.
STRIP_FRAMES = (64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class Slot:
    """A sound's strip, and the frame at which it begins there."""

    strip: int
    start: int


def pack_strips(lengths: Sequence[int], stride: int) -> tuple[list[Slot], list[int]]:
    """Pack sounds into strips, longest first, each into the first strip with room.

    Parameters
    ----------
    lengths : sequence of int
        Frames of each sound.
    stride : int
        Sounds begin at multiples of this, so that their steps are the same as without others.

    Returns
    -------
    slots : list of Slot
        One for each sound.
    sizes : list of int
        Frames of each strip: one of `STRIP_FRAMES`, or the length of a longer sound.
    """
    slots = [Slot(0, 0)] * len(lengths)
    used: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        slot = -(-lengths[index] // stride) * stride
        fitting = (n for n, frames in enumerate(used) if frames + slot <= STRIP_FRAMES[-1])
        strip = next(fitting, len(used))
        if strip == len(used):
            used.append(0)
        slots[index] = Slot(strip, used[strip])
        used[strip] += slot
    return slots, [next((f for f in STRIP_FRAMES if f >= frames), frames) for frames in used]


def final_states(lstm: nn.LSTM, features: Tensor, starts: Tensor, steps: Tensor) -> Tensor:
    """Final states of both directions, each sequence read exactly to its own end.

    Parameters
    ----------
    lstm : nn.LSTM
        Bidirectional, one layer.
    features : Tensor, shape (rows, filters)
        The convolutions' output.
    starts, steps : Tensor of int64, shape (sounds,)
        The first row of each sound, and how many it has.

    Returns
    -------
    Tensor, shape (sounds, 2 * lstm_dim)
    """
    order = steps.argsort(descending=True, stable=True)
    step = torch.arange(int(steps.max()))
    is_read = step[:, None] < steps[order]  # (steps, sounds): the order of packed sequences
    rows = (step[:, None] + starts[order])[is_read].to(features.device)
    order = order.to(features.device)
    packed = PackedSequence(features[rows], is_read.sum(dim=1), order, order.argsort())
    _, (states, _) = lstm(packed)
    return torch.cat([states[0], states[1]], dim=1)
