"""Decoding: from a file, or its bytes, to a mono signal and the facts in its header.

Decoders are imported on first use: a search needs none.
"""

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from libindex.errors import SampleError
from libindex.sound import ogg

if TYPE_CHECKING:
    import soundfile

FloatArray = NDArray[np.float32]

_MIN_DURATION_S = 0.001
_RATES_HZ = (1_000, 768_000)
_BLOCK_VALUES = 2**20  # samples times channels per block: bounds memory whatever the header says
_CAREFUL_FRAMES = 64  # per block after an error, to lose little of what can be decoded
_MP3_FRAMES = 2**24  # six minutes at 44.1 kHz
_PLAYED_FRAMES = 4_096  # so much is lost at most where a file is damaged
_UNKNOWN_FRAMES = 2**62  # libsndfile's "no idea" is 2**63 - 1
# How libsndfile logs wrong sizes; "Bytes/sec : 1 (should be 2)" and WAV's "RIFF" don't matter.
_SIZES_LOG = re.compile(
    r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
_STREAMED_SIZE = 2**32 - 1  # written by programs that can't seek back to correct it


@dataclass(frozen=True, slots=True)
class Signal:
    """A mono sound.

    Attributes
    ----------
    samples : ndarray of float32, shape (samples,)
        Amplitude, full scale being 1.
    sample_rate : int
        Sampling rate [Hz].
    """

    samples: FloatArray
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoded file: its beginning as a signal, and facts about the whole.

    Attributes
    ----------
    signal : Signal
        Mean of the channels at the file's sampling rate, up to the requested length.
    container, encoding : str
        As libsndfile names them, such as "WAV" and "PCM_24".
    channels : int
        Number of channels.
    duration_s : float or None
        Length of the whole file [s]; None if the header does not say.
    peak : float
        Largest absolute value of any channel of the decoded part; full scale is 1.
    warning : str or None
        What is wrong with a file that is usable nevertheless.
    """

    signal: Signal
    container: str
    encoding: str
    channels: int
    duration_s: float | None
    peak: float
    warning: str | None


def decode(source: str | bytes, max_seconds: float) -> Recording:
    """Decode the beginning of an audio file.

    Parameters
    ----------
    source : str or bytes
        A path, or all bytes of a file.
    max_seconds : float
        Decode at most this much [s].

    Returns
    -------
    Recording
        The sound.

    Raises
    ------
    SampleError
        If it can't be used: not audio, no samples, no finite value, or an absurd sampling rate.
    """
    warning = None
    repaired = ogg.mend(source) if isinstance(source, bytes) else None
    if repaired:
        source, warning = repaired, "truncated"
    try:
        return _decode(source, max_seconds, None, warning)
    except _DamagedError:
        return _decode(source, max_seconds, _CAREFUL_FRAMES, warning)


def resample(signal: Signal, sample_rate: int) -> Signal:
    """`signal` at another rate [Hz], as by `librosa.resample` with "soxr_hq"."""
    if signal.sample_rate == sample_rate:
        return signal
    import soxr

    length = int(np.ceil(len(signal.samples) * (sample_rate / signal.sample_rate)))
    samples = soxr.resample(signal.samples, signal.sample_rate, sample_rate, quality="HQ")
    fixed = np.zeros(length, np.float32)
    fixed[: len(samples)] = samples[:length]
    return Signal(fixed, sample_rate)


class _DamagedError(Exception):
    """The decoder failed in a file with a valid header."""


def _decode(
    source: str | bytes,
    max_seconds: float,
    block_frames: int | None,
    warning: str | None,
) -> Recording:
    with open_audio(source) as file:
        rate, channels, promised = file.samplerate, file.channels, file.frames
        if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
            raise SampleError(f"has a sample rate of {rate} Hz")
        wanted = int(np.ceil(max_seconds * rate))
        samples, peak, complete = _read_mono(file, wanted, block_frames)
        container, encoding, log = file.format, file.subtype, file.extra_info
    if samples.size == 0:
        raise SampleError("holds no audio" if promised == 0 else "is truncated: no audio left")
    ended_early = samples.size < min(promised, wanted)
    if samples.size < _MIN_DURATION_S * rate:
        raise SampleError(f"is too short ({samples.size} samples)")
    samples, holes = _finite(samples)
    if ended_early or not complete or _is_cut_short(log):
        warning = "truncated"
    if holes:
        warning = f"{holes} samples are not finite numbers; taken as silence"
    known = samples.size if ended_early else promised
    return Recording(
        Signal(samples, rate),
        container,
        encoding,
        channels,
        duration_s=known / rate if known < _UNKNOWN_FRAMES else None,
        peak=peak,
        warning=warning,
    )


def open_audio(source: str | bytes) -> "soundfile.SoundFile":
    """Open a file, or all bytes of one; raises `SampleError` if it is no audio."""
    import soundfile

    try:
        if isinstance(source, bytes):
            return soundfile.SoundFile(io.BytesIO(source))
        # As bytes, because names that are not UTF-8 can't be encoded from text.
        return soundfile.SoundFile(os.fsencode(source) if os.name == "posix" else source)
    except (soundfile.LibsndfileError, RuntimeError):
        empty = len(source) == 0 if isinstance(source, bytes) else False
        raise SampleError(
            "is empty (0 bytes)" if empty else "is not audio, or is damaged"
        ) from None


def read_blocks(file: "soundfile.SoundFile", max_frames: int) -> Iterator[FloatArray]:
    """The frames of an open file, up to the first damage.

    Parameters
    ----------
    file : soundfile.SoundFile
        Open for reading.
    max_frames : int
        Read no more than this; a header is not trusted.

    Yields
    ------
    ndarray of float32, shape (frames, channels)
        As they are stored, so not all of them need be finite.
    """
    import soundfile

    # soundfile seeks after each block, which is not exact in MP3s: they are read as a whole.
    size = _MP3_FRAMES if file.format == "MP3" else _PLAYED_FRAMES
    while max_frames > 0:
        start = file.tell()
        try:
            block = file.read(min(max_frames, size), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError):
            if size <= _PLAYED_FRAMES:
                return
            size = _PLAYED_FRAMES  # what is before the damage can be used
            file.seek(start)
            continue
        if not len(block):
            return
        max_frames -= len(block)
        yield block


def _read_mono(
    file: "soundfile.SoundFile", wanted: int, block_frames: int | None
) -> tuple[FloatArray, float, bool]:
    """Mean of the channels, peak over all of them, and whether no error ended it.

    Reads until `wanted` frames, the end, or an error. Without `block_frames`, an error raises
    `_DamagedError`, since it is unknown how much of the block is valid.
    """
    import soundfile

    size = block_frames or max(1, _BLOCK_VALUES // file.channels)
    blocks: list[FloatArray] = []
    peak, count, complete = 0.0, 0, True
    while count < wanted:
        try:
            block = file.read(min(size, wanted - count), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError):
            if block_frames is None:
                raise _DamagedError from None
            complete = False
            break
        if len(block) == 0:
            break
        peak = max(peak, _peak(block))
        blocks.append(_mean_of_channels(block))
        count += len(block)
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32), peak, complete


def _peak(block: FloatArray) -> float:
    low, high = float(block.min()), float(block.max())
    if np.isfinite(low + high):
        return max(-low, high)
    finite = block[np.isfinite(block)]
    return float(np.abs(finite).max(initial=0.0))


def _mean_of_channels(block: FloatArray) -> FloatArray:
    """As `block.mean(axis=1)`, but several times faster for one or two channels."""
    total = block[:, 0].copy()
    for channel in range(1, block.shape[1]):
        total += block[:, channel]
    return total / np.float32(block.shape[1])


def _finite(samples: FloatArray) -> tuple[FloatArray, int]:
    good = np.isfinite(samples)
    if good.all():
        return samples, 0
    if not good.any():
        raise SampleError("holds no finite numbers (all samples are NaN or infinite)")
    return np.where(good, samples, np.float32(0)), int(samples.size - np.count_nonzero(good))


def _is_cut_short(log: str) -> bool:
    """Whether, by libsndfile's log, the header promises more bytes than there are."""
    sizes = [(int(promised), int(there)) for promised, there in _SIZES_LOG.findall(log)]
    return any(there < promised != _STREAMED_SIZE for promised, there in sizes)
