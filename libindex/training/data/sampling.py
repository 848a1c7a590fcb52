"""Which sounds make up an epoch, and its batches."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from libindex.errors import SampleError
from libindex.sound.decoding import Signal
from libindex.sound.mel import LogMel
from libindex.sound.preparation import read
from libindex.training.config import FitConfig
from libindex.training.data.augmentation import vary
from libindex.training.data.dataset import Dataset, Item, MelArray
from libindex.training.synthesis import CODES, synthesise
from libindex.training.synthesis.ood import TRAINED_KINDS, synthesise_ood

OOD = -1
"""The label of an out-of-distribution sound: not percussion."""

_SYNTHETIC_HZ = 44_100

_MEDIUM_WEIGHT = 0.7  # labels of medium confidence are right less often
_CLASS_POWER, _GROUP_POWER = 0.5, 0.25


def weights(dataset: Dataset) -> NDArray[np.float64]:
    """How often each sound is drawn, relative to the others.

    A class of n files is drawn in proportion to the square root of n. Within a class, files of
    large groups have less weight, since they resemble each other.

    Returns
    -------
    ndarray of float64, shape (files,)
        They sum to 1.
    """
    classes = Counter(item.label for item in dataset.items)
    groups = Counter((item.label, item.group) for item in dataset.items if item.group)

    def weight(item: Item) -> float:
        crowd: float = classes[item.label] ** _CLASS_POWER
        crowd *= groups[item.label, item.group] ** _GROUP_POWER if item.group else 1
        return (_MEDIUM_WEIGHT if item.confidence == "medium" else 1.0) / crowd

    values = np.array([weight(item) for item in dataset.items])
    return np.asarray(values / values.sum())


def draw(shares: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw as many sounds as there are, each in proportion to its share, within one.

    Systematic sampling: one random offset, then equal steps through the cumulative shares of a
    shuffled list.
    """
    order = rng.permutation(len(shares))
    edges = np.cumsum(shares[order]) * len(shares)
    points = np.arange(len(shares)) + rng.random()
    found = np.searchsorted(edges, points, side="right")
    return order[np.minimum(found, len(shares) - 1)].astype(np.int64)


def batches(count: int, size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Indices below `count` in random batches of about equal size, none larger than `size`."""
    return np.array_split(rng.permutation(count), -(-count // size))


@dataclass(frozen=True, slots=True)
class Round:
    """The sounds of an epoch.

    Attributes
    ----------
    labels : ndarray of int64, shape (sounds,)
        Index of each sound's class, or `OOD`.
    mels : list of ndarray of float16, shape (frames, n_mels) each
        Their augmented spectrograms.
    """

    labels: NDArray[np.int64]
    mels: list[MelArray]


_Task = tuple[int, Callable[[np.random.Generator], MelArray]]  # a label, and what makes a sound
_Pending = tuple[NDArray[np.int64], list[Future[MelArray]]]


class Views:
    """Augmented spectrograms, computed in the background while the network trains.

    A round is one draw of sounds, augmented once, plus synthesised ones. It serves several epochs,
    each with other masks, mixtures and batches.

    Parameters
    ----------
    dataset : Dataset
        The sounds.
    log_mel : LogMel
        The network's input.
    config : FitConfig
        Seed, and shares of synthesised sounds.
    threads : int
        How many spectrograms are computed at once.
    """

    def __init__(self, dataset: Dataset, log_mel: LogMel, config: FitConfig, threads: int) -> None:
        self._dataset, self._log_mel, self._config = dataset, log_mel, config
        self._shares = weights(dataset)
        classes = zip((item.label for item in dataset.items), dataset.labels, strict=True)
        self._synthetic = sorted({(code, int(i)) for code, i in classes if code in CODES})
        self._pool = ThreadPoolExecutor(threads)
        self._pending: dict[int, _Pending] = {}
        self._round: tuple[int, Round] | None = None

    def __enter__(self) -> "Views":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, number: int) -> None:
        """Start computing a round, unless it was started before."""
        if number not in self._pending:
            drawn = draw(self._shares, self._rng(2, number))
            tasks: list[_Task] = [
                (int(self._dataset.labels[file]), partial(self._view, int(file))) for file in drawn
            ]
            tasks += self._extra(number)
            futures = [
                self._pool.submit(make, self._rng(3, number, place))
                for place, (_, make) in enumerate(tasks)
            ]
            self._pending[number] = np.array([label for label, _ in tasks], np.int64), futures

    def round(self, number: int) -> Round:
        """Wait for a round; the latest is cached."""
        if self._round is None or self._round[0] != number:
            self.start(number)
            labels, futures = self._pending.pop(number)
            self._round = number, Round(labels, [future.result() for future in futures])
        return self._round[1]

    def _rng(self, *place: int) -> np.random.Generator:
        return np.random.default_rng([self._config.seed, *place])

    def _extra(self, number: int) -> list[_Task]:
        """Synthesised sounds: of classes, mostly of rare ones, and out-of-distribution ones."""
        counts = np.bincount(self._dataset.labels)
        files, rng = len(self._dataset.items), self._rng(5, number)
        known = round(self._config.synthetic_share * files) if self._synthetic else 0
        share = self._config.ood_share
        ood = max(1, round(share * files)) if share else 0
        rarity = np.array([1 / (5 + counts[label]) for _, label in self._synthetic])
        drawn = rng.choice(len(rarity), known, p=rarity / rarity.sum()) if known else ()
        classes = [self._synthetic[i] for i in drawn]
        kinds = [TRAINED_KINDS[i] for i in rng.integers(len(TRAINED_KINDS), size=ood)]
        return [
            *((label, partial(self._synthesised, code)) for code, label in classes),
            *((OOD, partial(self._ood, kind)) for kind in kinds),
        ]

    def _view(self, file: int, rng: np.random.Generator) -> MelArray:
        if rng.random() < self._config.unvaried_share:
            return self._dataset.mels[file]
        other = int(rng.integers(len(self._dataset.items)))
        return self._mel(vary(self._decoded(file), rng, partial(self._decoded, other)))

    def _synthesised(self, code: str, rng: np.random.Generator) -> MelArray:
        return self._mel(vary(Signal(synthesise(code, rng), _SYNTHETIC_HZ), rng))

    def _ood(self, kind: str, rng: np.random.Generator) -> MelArray:
        return self._mel(vary(Signal(synthesise_ood(kind, rng), _SYNTHETIC_HZ), rng))

    def _decoded(self, file: int) -> Signal:
        path = self._dataset.items[file].path
        try:
            # Not cached: memory must not grow with the data set.
            return read(path, self._log_mel.config.loaded_seconds)[0].signal
        except SampleError as error:
            raise SampleError(f"can't be read any more ({error.reason})", path) from None

    def _mel(self, signal: Signal) -> MelArray:
        return self._log_mel(signal)[: self._log_mel.config.max_frames].astype(np.float16)
