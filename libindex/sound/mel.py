"""The network's input: a log-mel spectrogram, as the original program computes it with librosa."""

import math
from dataclasses import dataclass, fields

import numpy as np

from libindex.errors import ModelError
from libindex.sound.decoding import FloatArray, Signal, resample

_BLOCK_FRAMES = 64  # spectra computed at once: they fit the processor's cache
_BLOCK_BANDS = 16  # neighbouring bands share most of their bins


@dataclass(frozen=True, slots=True)
class MelConfig:
    """Parameters of the spectrogram, named as librosa names them.

    Attributes
    ----------
    sample_rate : int
        Rate that sounds are resampled to [Hz].
    n_fft, hop_length : int
        Length and hop of the STFT's frames [samples].
    n_mels : int
        Number of mel bands, from 0 Hz to half the sample rate (Slaney's scale and norm).
    max_frames : int
        The network gets at most this many frames.
    loaded_frames : int
        The loudest point, which is the reference of the decibels, is searched in this many.
    range_db : float
        Levels so far below the loudest point are 0, as silence is [dB]. The original passes the
        *power* spectrogram to `librosa.amplitude_to_db`, so that its 80 dB are 40 dB of sound.
    power_floor : float
        Lower powers are raised to this.
    """

    sample_rate: int = 22_050
    n_fft: int = 2_048
    hop_length: int = 256
    n_mels: int = 128
    max_frames: int = 300
    loaded_frames: int = 600
    range_db: float = 40.0
    power_floor: float = 1e-5

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if f.type is int and (not isinstance(value, int) or value < 1):
                raise ModelError(
                    f"mel parameter {f.name} is {value!r}; a positive integer is needed"
                )
            if not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ModelError(f"mel parameter {f.name} is {value!r}; it must be above 0")

    @property
    def loaded_seconds(self) -> float:
        """How much of a sound is needed, with room for the resampler's filter [s]."""
        samples = (self.loaded_frames - 1) * self.hop_length + self.n_fft // 2
        return samples / self.sample_rate + 0.1


class LogMel:
    """Computes log-mel spectrograms; can be pickled, so that its filters are computed once.

    Parameters
    ----------
    config : MelConfig
        The parameters.
    filters : ndarray of float32, shape (n_fft // 2 + 1, n_mels), optional
        As of `mel_filters`, which computes them if they are not given.
    """

    def __init__(self, config: MelConfig, filters: FloatArray | None = None) -> None:
        self.config = config
        self._filters = mel_filters(config) if filters is None else filters
        self._blocks = _band_blocks(self._filters)
        # The periodic Hann window: n_fft + 1 points of the symmetric one, without the last.
        self._window = np.hanning(config.n_fft + 1)[:-1].astype(np.float32)

    def __call__(self, signal: Signal) -> FloatArray:
        """The log-mel spectrogram of a sound.

        Several times faster than librosa's, with which the tests compare it.

        Parameters
        ----------
        signal : Signal
            At any rate.

        Returns
        -------
        ndarray of float32, shape (frames, n_mels)
            From 0 (`range_db` below the loudest point) to 1; silence gives ones. At most
            `loaded_frames`, one for every `hop_length` samples plus one.
        """
        import scipy.fft

        config = self.config
        samples = resample(signal, config.sample_rate).samples
        padded = np.pad(samples, config.n_fft // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)
        frames = frames[:: config.hop_length][: config.loaded_frames]
        mels = np.empty((len(frames), config.n_mels), np.float32)
        for start in range(0, len(frames), _BLOCK_FRAMES):
            block = frames[start : start + _BLOCK_FRAMES] * self._window
            spectrum = scipy.fft.rfft(block, axis=-1, overwrite_x=True)
            power = np.square(spectrum.real)
            power += np.square(spectrum.imag)
            for bins, bands, filters in self._blocks:
                np.matmul(power[:, bins], filters, out=mels[start : start + len(power), bands])
        return _scaled_decibels(mels, config)


def _band_blocks(filters: FloatArray) -> list[tuple[slice, slice, FloatArray]]:
    """The filters in blocks of bands, each with only its non-zero bins."""
    blocks = []
    for first in range(0, filters.shape[1], _BLOCK_BANDS):
        bands = slice(first, first + _BLOCK_BANDS)
        used = np.flatnonzero(filters[:, bands].any(axis=1))
        bins = slice(used[0], used[-1] + 1) if used.size else slice(0)
        blocks.append((bins, bands, np.ascontiguousarray(filters[bins, bands])))
    return blocks


def mel_filters(config: MelConfig) -> FloatArray:
    """The weight of every frequency in every mel band, shape (n_fft // 2 + 1, n_mels).

    librosa's. It takes a second and 100 MB to import, so a network's file contains a copy.
    """
    import librosa.filters

    filters = librosa.filters.mel(sr=config.sample_rate, n_fft=config.n_fft, n_mels=config.n_mels)
    return np.ascontiguousarray(filters.T, np.float32)


def _scaled_decibels(power: FloatArray, config: MelConfig) -> FloatArray:
    """Decibels below the loudest point, from [-range_db, 0] to [0, 1]."""
    decibels = 10 * np.log10(np.maximum(power, np.float32(config.power_floor)))
    decibels = np.maximum(decibels - decibels.max(), -config.range_db)
    return np.asarray(decibels / config.range_db + 1, dtype=np.float32)
