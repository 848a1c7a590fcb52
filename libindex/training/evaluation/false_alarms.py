"""How often out-of-distribution sounds get a class, and how often they are detected."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from libindex.network.analyser import Analyser
from libindex.sound.decoding import Signal
from libindex.training.evaluation.figures import (
    MIN_PERCUSSION,
    SURE,
    BoolArray,
    Figure,
    independent_share,
)
from libindex.training.synthesis.ood import KINDS, TRAINED_KINDS, synthesise_ood

# Training must use other seeds, or it would include these sounds.
_SEED = 30_000_001
EACH = 25  # sounds of each kind
_RATE = 44_100


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Sounds that are not percussion: how many get a class, and how many are detected.

    Networks are trained on most of these kinds. The results for the other, unseen kinds
    show better what to expect of real out-of-distribution sounds.

    Attributes
    ----------
    sounds, unseen_sounds : int
        Number of all, and of those of kinds that are not in `ood.TRAINED_KINDS`.
    share, unseen_share : Figure
        Share of each that gets a class with a probability of 0.8 or more.
    detected, unseen_detected : Figure or None
        Share of each with a percussion score below 0.5; None if the network has no such score.
    by_kind : dict of str to float
        As `share`, for each of `ood.KINDS`.
    top_predictions : dict of str to int
        Which classes they get, and how often; most frequent first.
    """

    sounds: int
    unseen_sounds: int
    share: Figure
    unseen_share: Figure
    detected: Figure | None
    unseen_detected: Figure | None
    by_kind: dict[str, float]
    top_predictions: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """All for JSON, without what was not measured."""
        return {key: value for key, value in asdict(self).items() if value is not None}


class _Result(NamedTuple):
    """Probability and index of the most probable class; the percussion score."""

    probability: float
    best: int
    percussion: float | None


def measure_false_alarms(analyser: Analyser, threads: int = 1) -> FalseAlarms:
    """Analyse a fixed set of synthesised sounds.

    Parameters
    ----------
    analyser : Analyser
        The network.
    threads : int
        How many sounds are synthesised and analysed at once.
    """
    results = _analyse_all(analyser, threads)
    alarms = np.array([r.probability >= SURE for r in results])
    predicted = Counter(analyser.classes[r.best] for r in results if r.probability >= SURE)
    share, unseen_share = _shares(alarms)
    scores = np.array([r.percussion for r in results if r.percussion is not None])
    detected, unseen_detected = _shares(scores < MIN_PERCUSSION) if len(scores) else (None, None)
    return FalseAlarms(
        sounds=len(results),
        unseen_sounds=EACH * len(set(KINDS) - set(TRAINED_KINDS)),
        share=share,
        unseen_share=unseen_share,
        detected=detected,
        unseen_detected=unseen_detected,
        by_kind=dict(
            zip(KINDS, alarms.reshape(len(KINDS), EACH).mean(axis=1).tolist(), strict=True)
        ),
        top_predictions=dict(predicted.most_common()),
    )


def _analyse_all(analyser: Analyser, threads: int) -> list[_Result]:
    """Results of `EACH` sounds of the first kind, then of the next kind, and so on."""
    log_mel = analyser.model.log_mel()

    def analyse(which: tuple[int, int]) -> _Result:
        kind, number = which
        rng = np.random.default_rng([_SEED, kind, number])
        mel = log_mel(Signal(synthesise_ood(KINDS[kind], rng, _RATE), _RATE))
        output = analyser.analyse([mel[: log_mel.config.max_frames]])
        probabilities = output.probabilities[0]
        percussion = None if output.percussion is None else float(output.percussion[0])
        return _Result(float(probabilities.max()), int(probabilities.argmax()), percussion)

    sounds = [(kind, number) for kind in range(len(KINDS)) for number in range(EACH)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(analyse, sounds))


def _shares(holds: BoolArray) -> tuple[Figure, Figure]:
    """The share of all sounds, and of the unseen kinds, for which it holds."""
    unseen = holds[np.repeat([kind not in TRAINED_KINDS for kind in KINDS], EACH)]
    return independent_share(holds), independent_share(unseen)
