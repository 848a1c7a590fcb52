"""Whether sounds still find their originals after changes that files commonly go through."""

import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from libindex.errors import UsageError
from libindex.network.analyser import Analyser
from libindex.sound.decoding import FloatArray, Signal, decode, resample
from libindex.sound.mel import LogMel
from libindex.sound.preparation import read
from libindex.training.data.dataset import Item
from libindex.training.evaluation.figures import Bootstrap, Figure, IntArray, embeddings
from libindex.training.synthesis.voice import Voice

_CUT_S = 0.020
_GAIN_DB = -12.0
_T60_S, _WET_DB = 0.4, -18.0
_EIGHT_BITS = 127  # steps from zero to full scale
_MP3_RATE = 44_100
# libsndfile maps 0 to 320 kbit/s and 1 to 32 kbit/s, linearly, and LAME takes the nearest rate
# there is. Measured on 10 s of mono noise: 96.5 kbit/s, the frames' headers say 96.
_MP3_LEVEL = (320 - 96) / (320 - 32)


@dataclass(frozen=True, slots=True)
class ChangeFigures:
    """How often a changed sound's original was its nearest neighbour, or among the five nearest.

    `change` is a key of `CHANGES`, or "mean" for the mean over them.
    """

    change: str
    recall_at_1: Figure
    recall_at_5: Figure


def mp3(signal: Signal) -> Signal:
    """Encoded as MP3 at a constant 96 kbit/s, and decoded."""
    import soundfile

    if "MP3" not in soundfile.available_formats():
        raise UsageError("this build of libsndfile can't write MP3; install soundfile from PyPI")
    at_rate = resample(signal, _MP3_RATE)
    file = io.BytesIO()
    soundfile.write(
        file,
        at_rate.samples,
        _MP3_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=_MP3_LEVEL,
    )
    return decode(file.getvalue(), len(at_rate.samples) / _MP3_RATE).signal


def quieter(signal: Signal) -> Signal:
    """12 dB quieter."""
    return _with(signal, signal.samples * 10 ** (_GAIN_DB / 20))


def cut_start(signal: Signal) -> Signal:
    """Without the first 20 ms, but at most half of the sound."""
    cut = min(round(_CUT_S * signal.sample_rate), len(signal.samples) // 2)
    return _with(signal, signal.samples[cut:])


def silence_before(signal: Signal) -> Signal:
    """After 20 ms of silence."""
    return _with(signal, np.pad(signal.samples, (round(_CUT_S * signal.sample_rate), 0)))


def semitone_up(signal: Signal) -> Signal:
    """A semitone higher and accordingly shorter: played at a higher rate."""
    return Signal(signal.samples, round(signal.sample_rate * 2 ** (1 / 12)))


def semitone_down(signal: Signal) -> Signal:
    """A semitone lower and accordingly longer."""
    return Signal(signal.samples, round(signal.sample_rate * 2 ** (-1 / 12)))


def reverb(signal: Signal) -> Signal:
    """With a reverb of 0.4 s whose tail peaks 18 dB below the sound; each sound has its own."""
    rng = np.random.default_rng(zlib.crc32(signal.samples.tobytes()))
    voice = Voice(rng, signal.sample_rate)
    return _with(signal, voice.room(signal.samples.astype(float), _T60_S, 10 ** (_WET_DB / 20)))


def eight_bit(signal: Signal) -> Signal:
    """Normalised and quantised to 8 bits."""
    peak = max(float(np.abs(signal.samples).max(initial=0.0)), 1e-12)
    return _with(signal, np.round(signal.samples * (_EIGHT_BITS / peak)) * (peak / _EIGHT_BITS))


CHANGES: Mapping[str, Callable[[Signal], Signal]] = MappingProxyType(
    {
        change.__name__: change
        for change in (
            *(mp3, quieter, cut_start, silence_before),
            *(semitone_up, semitone_down, reverb, eight_bit),
        )
    }
)


def measure_robustness(
    analyser: Analyser,
    items: Sequence[Item],
    latents: FloatArray,
    groups: IntArray,
    threads: int = 1,
) -> tuple[ChangeFigures, ...]:
    """Apply each change to every sound, and look for its original among all unchanged ones.

    Parameters
    ----------
    analyser : Analyser
        The network.
    items : sequence of Item
        The sounds.
    latents : ndarray of float32, shape (sounds, latent)
        Of the unchanged sounds.
    groups : ndarray of int64, shape (sounds,)
        Equal for sounds of one group.
    threads : int
        How many sounds are changed and analysed at once.

    Returns
    -------
    tuple of ChangeFigures
        One for each of `CHANGES`, and their mean.
    """
    log_mel = analyser.model.log_mel()

    def changed(item: Item) -> FloatArray:
        return analyser.analyse(_changed_mels(item.path, log_mel)).latents

    # The network runs in the same threads, so that only latents are kept in memory.
    with ThreadPoolExecutor(threads) as pool:
        after = np.stack(list(pool.map(changed, items)))  # (sounds, changes, latent)
    ranks = np.stack([own_ranks(after[:, i], latents) for i in range(len(CHANGES))])
    bootstrap = Bootstrap(groups)
    rows = zip((*CHANGES, "mean"), (*ranks[:, None], ranks), strict=True)
    return tuple(
        ChangeFigures(
            name,
            bootstrap.mean((rank <= 1).mean(axis=0)),
            bootstrap.mean((rank <= 5).mean(axis=0)),
        )
        for name, rank in rows
    )


def own_ranks(changed: FloatArray, originals: FloatArray) -> IntArray:
    """The rank of each changed sound's own original among all originals.

    Parameters
    ----------
    changed, originals : ndarray of float32, shape (sounds, latent)
        Latents of the same sounds in the same order.

    Returns
    -------
    ndarray of int64, shape (sounds,)
        1 if no other is as similar. Ties count against the sound, or a network with equal latents
        for all sounds would score perfectly.
    """
    similarity = embeddings(changed) @ embeddings(originals).T
    return np.asarray((similarity >= similarity.diagonal()[:, None]).sum(axis=1), np.int64)


def _changed_mels(path: str, log_mel: LogMel) -> list[FloatArray]:
    signal = read(path, log_mel.config.loaded_seconds)[0].signal
    return [log_mel(change(signal))[: log_mel.config.max_frames] for change in CHANGES.values()]


def _with(signal: Signal, samples: np.ndarray) -> Signal:
    return Signal(np.asarray(samples, np.float32), signal.sample_rate)
