"""Which sounds an epoch hears, and in which batches."""

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from libindex.audio import decode
from libindex.errors import SampleError
from libindex.mel import LogMel
from libindex.training.augmentation import vary
from libindex.training.dataset import Dataset, Item, MelArray

_MEDIUM_WEIGHT = 0.7  # labels of medium confidence are right less often
_CLASS_POWER, _UNIT_POWER = 0.5, 0.25


def weights(dataset: Dataset) -> NDArray[np.float64]:
    """How often each sound is drawn, relative to the others.

    A class of n files is drawn in proportion to the square root of n, and within a class a
    large unit gives way a little to small ones, which differ more.

    Returns
    -------
    ndarray of float64, shape (files,)
        They sum to 1.
    """
    classes = Counter(item.label for item in dataset.items)
    units = Counter((item.label, item.unit) for item in dataset.items if item.unit)

    def weight(item: Item) -> float:
        crowd: float = classes[item.label] ** _CLASS_POWER
        crowd *= units[item.label, item.unit] ** _UNIT_POWER if item.unit else 1
        return (_MEDIUM_WEIGHT if item.confidence == "medium" else 1.0) / crowd

    values = np.array([weight(item) for item in dataset.items])
    return np.asarray(values / values.sum())


def draw(shares: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """As many sounds as there are, each as often as its share demands, within one.

    Systematic sampling: one random offset, then equal steps through the cumulated shares of a
    shuffled list.
    """
    order = rng.permutation(len(shares))
    edges = np.cumsum(shares[order]) * len(shares)
    points = np.arange(len(shares)) + rng.random()
    found = np.searchsorted(edges, points, side="right")
    return order[np.minimum(found, len(shares) - 1)].astype(np.int64)


def batches(count: int, size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Indices up to `count` in random batches of like size, none larger than `size`."""
    return np.array_split(rng.permutation(count), -(-count // size))


_Pending = tuple[NDArray[np.int64], list[Future[MelArray]]]
_Round = tuple[NDArray[np.int64], list[MelArray]]


class Views:
    """Varied spectrograms, computed in the background while the network trains.

    A round is one draw of sounds, varied once; several epochs use it, each with other masks,
    mixtures and batches.

    Parameters
    ----------
    dataset : Dataset
        The sounds.
    log_mel : LogMel
        The network's input.
    seed : int
        Decides all draws and variations.
    threads : int
        How many variations are computed at the same time.
    """

    def __init__(self, dataset: Dataset, log_mel: LogMel, seed: int, threads: int) -> None:
        self._dataset, self._log_mel, self._seed = dataset, log_mel, seed
        self._shares = weights(dataset)
        self._pool = ThreadPoolExecutor(threads)
        self._pending: dict[int, _Pending] = {}
        self._round: tuple[int, _Round] | None = None

    def __enter__(self) -> "Views":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, number: int) -> None:
        """Begin to compute a round, if that has not begun."""
        if number not in self._pending:
            drawn = draw(self._shares, np.random.default_rng([self._seed, 2, number]))
            futures = [
                self._pool.submit(self._view, int(file), number, place)
                for place, file in enumerate(drawn)
            ]
            self._pending[number] = (drawn, futures)

    def round(self, number: int) -> _Round:
        """Wait for a round; the last one is kept.

        Returns
        -------
        drawn : ndarray of int64, shape (files,)
            Indices into the dataset.
        mels : list of ndarray of float16, shape (frames, n_mels) each
            Their variations.
        """
        if self._round is None or self._round[0] != number:
            self.start(number)
            drawn, futures = self._pending.pop(number)
            self._round = number, (drawn, [future.result() for future in futures])
        return self._round[1]

    def _view(self, file: int, number: int, place: int) -> MelArray:
        config = self._log_mel.config
        rng = np.random.default_rng([self._seed, 3, number, place])
        path = self._dataset.items[file].path
        try:
            # Read anew each time: memory then does not grow with the data set.
            signal = decode(path, config.loaded_seconds).signal
        except SampleError as error:
            raise SampleError(f"can't be read any more ({error.reason})", path) from None
        mel = self._log_mel(vary(signal, rng))[: config.max_frames]
        return mel.astype(np.float16)
