"""Sounds laid end to end, so that a batch of mixed lengths costs what its frames cost.

Convolutions without padding in time see a bounded number of frames. Sounds that lie far enough
apart in a strip are then heard as if each were alone: no batch is padded to its longest member.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

# Frames of a strip. A network's first convolution gives up to 14 KB for each of them: longer
# strips leave the processor's cache, and get memory that the system has to clear first.
STRIP_FRAMES = (64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sound lies: its strip, and the frame at which it begins there."""

    strip: int
    start: int


def placed(lengths: Sequence[int], stride: int) -> tuple[list[Place], list[int]]:
    """Lay sounds into strips, the longest first, each where there is room.

    Parameters
    ----------
    lengths : sequence of int
        Frames of each sound.
    stride : int
        Sounds begin at multiples of this, so that their steps are those they have alone.

    Returns
    -------
    places : list of Place
        Of each sound.
    sizes : list of int
        Frames of each strip: one of `STRIP_FRAMES`, or what a longer sound takes.
    """
    places = [Place(0, 0)] * len(lengths)
    used: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        slot = -(-lengths[index] // stride) * stride
        fitting = (n for n, frames in enumerate(used) if frames + slot <= STRIP_FRAMES[-1])
        strip = next(fitting, len(used))
        if strip == len(used):
            used.append(0)
        places[index] = Place(strip, used[strip])
        used[strip] += slot
    return places, [next((f for f in STRIP_FRAMES if f >= frames), frames) for frames in used]


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
