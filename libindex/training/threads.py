"""Sharing the cores between the network and the preparation of sounds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl
import torch


@contextmanager
def cpu_threads(background: int | None = None) -> Iterator[int]:
    """Share the cores between the network and `background` threads, whose number it yields.

    By default the latter get a quarter of the cores.

    BLAS gets one thread: the small products of a spectrogram gain nothing from more, and its
    idle threads spin, which slows the network down threefold.
    """
    cores = os.cpu_count() or 1
    background = background or max(1, cores // 4)
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, cores - background))
    try:
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            yield background
    finally:
        torch.set_num_threads(before)
