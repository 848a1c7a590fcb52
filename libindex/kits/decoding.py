"""Decoding as samplers do: all channels at their own rate, block by block, up to any damage."""

from collections.abc import Iterator

import numpy as np
import soundfile

from libindex.sound.decoding import FloatArray

_BLOCK_FRAMES = 4_096  # so much is lost at most where a file is damaged


def blocks(sound: soundfile.SoundFile, most: int) -> Iterator[FloatArray]:
    """The frames of an open file.

    Parameters
    ----------
    sound : soundfile.SoundFile
        Open for reading.
    most : int
        How many frames at most; what a header promises is not trusted.

    Yields
    ------
    ndarray of float32, shape (frames, channels)
        All finite. Where the file is damaged or shorter than it says, they end.
    """
    while most > 0:
        try:
            block = sound.read(min(most, _BLOCK_FRAMES), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            return
        if not len(block):
            return
        most -= len(block)
        yield np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
