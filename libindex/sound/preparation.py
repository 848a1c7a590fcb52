"""From a file to everything that the network and the library need of it.

Runs in worker processes, which import neither torch nor librosa.
"""

from dataclasses import dataclass

from libindex.errors import SampleError
from libindex.sound.decoding import FloatArray, Recording, decode
from libindex.sound.descriptors import centroid_hz, loudness_dbfs
from libindex.sound.digests import read_and_digest
from libindex.sound.facts import Facts
from libindex.sound.mel import LogMel
from libindex.sound.outline import outline

_SILENCE_PEAK = 2**-17  # a quarter of a 16-bit step: below this is only rounding noise
_ROUNDING_S = 0.001
_ABSURD_PEAK = 1_000.0  # +60 dBFS: the bytes are not what the header says


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that was decoded and measured.

    Attributes
    ----------
    path : str
        The file.
    digest : bytes
        Identity of its bytes.
    facts : Facts
        Format, level and other measurements.
    mel : ndarray of float32, shape (frames, n_mels)
        The network's input, at most `max_frames` long.
    outline : bytes or None
        What is drawn of it; None of a file that is longer than what was decoded.
    """

    path: str
    digest: bytes
    facts: Facts
    mel: FloatArray
    outline: bytes | None = None


@dataclass(frozen=True, slots=True)
class Preparer:
    """Prepares files for one network's mel parameters."""

    log_mel: LogMel

    def __call__(self, path: str) -> Prepared:
        """Read, decode and measure one file.

        Raises
        ------
        SampleError
            If it can't be read (then without a digest) or not be used (then with one).
        """
        recording, digest, size = read(path, self.log_mel.config.loaded_seconds)
        try:
            _check_level(recording)
        except SampleError as error:
            raise SampleError(error.reason, path, digest, size) from None
        mel = self.log_mel(recording.signal)[: self.log_mel.config.max_frames]
        return Prepared(path, digest, _facts(recording, size), mel, _outline(recording))


def read(path: str, max_seconds: float) -> tuple[Recording, bytes, int]:
    """Read, identify and decode a file.

    Parameters
    ----------
    path : str
        The file.
    max_seconds : float
        No more than this is decoded [s].

    Returns
    -------
    recording : Recording
        Its sound, even of a truncated Ogg file.
    digest : bytes
        Identity of its content.
    size : int
        Of the file [bytes].

    Raises
    ------
    SampleError
        If it can't be read (then without a digest) or not be decoded (then with one).
    """
    try:
        data, digest, size = read_and_digest(path)
    except OSError as error:
        raise SampleError(f"can't be read ({error.strerror})", path) from None
    try:
        return decode(path if data is None else data, max_seconds), digest, size
    except SampleError as error:
        raise SampleError(error.reason, path, digest, size) from None


def _check_level(recording: Recording) -> None:
    if recording.peak < _SILENCE_PEAK:
        decoded_s = len(recording.signal.samples) / recording.signal.sample_rate
        if recording.duration_s is None or recording.duration_s > decoded_s:
            raise SampleError(
                f"is silent for its first {decoded_s:.0f} seconds; the rest is not analysed"
            )
        raise SampleError("is silent")
    if recording.peak > _ABSURD_PEAK:
        raise SampleError(f"is not audio (samples of up to {recording.peak:.3g} times full scale)")


def _outline(recording: Recording) -> bytes | None:
    decoded_s = len(recording.signal.samples) / recording.signal.sample_rate
    if recording.duration_s is None or recording.duration_s > decoded_s + _ROUNDING_S:
        return None
    return outline(recording.signal.samples)


def _facts(recording: Recording, size: int) -> Facts:
    return Facts(
        size_bytes=size,
        container=recording.container,
        encoding=recording.encoding,
        sample_rate=recording.signal.sample_rate,
        channels=recording.channels,
        duration_s=recording.duration_s,
        peak=recording.peak,
        loudness_dbfs=loudness_dbfs(recording.signal),
        centroid_hz=centroid_hz(recording.signal),
        warning=recording.warning,
    )
