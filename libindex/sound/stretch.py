"""A stretch of a file as it is played: all its channels, at its own rate."""

import os
from dataclasses import dataclass

import numpy as np

from libindex.errors import SampleError
from libindex.sound import ogg
from libindex.sound.decoding import FloatArray, open_audio, read_blocks
from libindex.sound.digests import WHOLE_LIMIT_BYTES

_MOST_CHANNELS = 2
_UNKNOWN_FRAMES = 2**62


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a sound.

    Attributes
    ----------
    samples : ndarray of float32, shape (frames, channels)
        One or two channels, all finite; full scale is 1.
    sample_rate : int
        [Hz].
    length_s : float or None
        Of the whole file [s]; None if its header does not say.
    """

    samples: FloatArray
    sample_rate: int
    length_s: float | None


def read_stretch(path: str, start_s: float, seconds: float) -> Stretch:
    """Decode a part of a file, as `libindex.sound.decoding.decode` would, but for the channels.

    Of more than two channels, those with odd numbers are mixed to the left and the others to the
    right.

    Parameters
    ----------
    path : str
        The file.
    start_s, seconds : float
        From where, and how much at most [s].

    Raises
    ------
    SampleError
        If it can't be decoded, or ends before.
    """
    import soundfile

    try:
        return _read(_mended(path), start_s, seconds, path)
    except OSError as error:
        raise SampleError(f"can't be read ({error.strerror})", path) from None
    except soundfile.SoundFileError as error:  # where it seeks, or in the midst
        raise SampleError(f"is damaged ({error})", path) from None


def _read(source: str | bytes, start_s: float, seconds: float, path: str) -> Stretch:
    with open_audio(source) as file:
        rate, promised = file.samplerate, file.frames
        known = promised < _UNKNOWN_FRAMES
        start = min(round(start_s * rate), promised) if known else round(start_s * rate)
        if start and file.seekable():
            file.seek(start)
        blocks = [_folded(block) for block in read_blocks(file, round(seconds * rate))]
    if not blocks:
        raise SampleError("holds no audio there", path)
    samples = np.concatenate(blocks)
    length = promised if known else None
    if length is not None and start + len(samples) < min(promised, start + round(seconds * rate)):
        length = start + len(samples)  # it is truncated
    return Stretch(samples, rate, None if length is None else length / rate)


def _mended(path: str) -> str | bytes:
    """The path, or the bytes of a truncated file that its decoder would refuse."""
    if not path.lower().endswith((".ogg", ".oga", ".opus")):
        return path
    if os.path.getsize(path) > WHOLE_LIMIT_BYTES:  # noqa: PTH202 - a name that is not UTF-8
        return path
    with open(path, "rb") as file:  # noqa: PTH123
        return ogg.mend(file.read()) or path


def _folded(block: FloatArray) -> FloatArray:
    """At most two channels, without what is no finite number."""
    finite = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
    if block.shape[1] <= _MOST_CHANNELS:
        return finite
    sides = [finite[:, side::2].mean(axis=1) for side in (0, 1)]
    return np.stack(sides, axis=1)
