"""Decode as samplers do: all channels, at the file's own rate, up to the first damage."""

from collections.abc import Iterator

import numpy as np
import soundfile

from libindex.sound.decoding import FloatArray, read_blocks


def blocks(sound: soundfile.SoundFile, max_frames: int) -> Iterator[FloatArray]:
    """The frames of an open file.

    Parameters
    ----------
    sound : soundfile.SoundFile
        Open for reading.
    max_frames : int
        Read no more than this; a header is not trusted.

    Yields
    ------
    ndarray of float32, shape (frames, channels)
        All finite. Where the file is damaged or shorter than it says, they end.
    """
    for block in read_blocks(sound, max_frames):
        yield np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
