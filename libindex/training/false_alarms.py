"""How often a network is sure of a class for a sound that is of none."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from libindex.analyser import Analyser
from libindex.audio import Signal
from libindex.training.figures import Bootstrap, Figure
from libindex.training.strangers import KINDS, stranger

# Training must take other seeds, or it would know these sounds.
_SEED = 30_000_001
EACH = 25  # sounds of a kind
_RATE = 44_100
_SURE = 0.8


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Sounds that are no percussion and yet get a class with a probability of 0.8 or more.

    Attributes
    ----------
    sounds : int
        How many there are.
    share : Figure
        How large a part of them is taken for percussion.
    by_kind : dict of str to float
        The same for each of `strangers.KINDS`.
    most_said : dict of str to int
        Which classes they are taken for, and how often; the most frequent first.
    """

    sounds: int
    share: Figure
    by_kind: dict[str, float]
    most_said: dict[str, int]


def measure_false_alarms(analyser: Analyser, threads: int = 1) -> FalseAlarms:
    """Let a network hear the same sounds as every other network.

    Parameters
    ----------
    analyser : Analyser
        The network.
    threads : int
        How many sounds are made and analysed at the same time.
    """
    log_mel = analyser.model.log_mel()

    def hear(which: tuple[int, int]) -> tuple[float, int]:
        kind, number = which
        rng = np.random.default_rng([_SEED, kind, number])
        mel = log_mel(Signal(stranger(KINDS[kind], rng, _RATE), _RATE))
        probabilities = analyser.analyse([mel[: log_mel.config.max_frames]]).probabilities[0]
        return float(probabilities.max()), int(probabilities.argmax())

    sounds = [(kind, number) for kind in range(len(KINDS)) for number in range(EACH)]
    with ThreadPoolExecutor(threads) as pool:
        heard = list(pool.map(hear, sounds))
    alarms = np.array([probability >= _SURE for probability, _ in heard])
    said = Counter(analyser.classes[best] for probability, best in heard if probability >= _SURE)
    return FalseAlarms(
        len(sounds),
        Bootstrap(np.arange(len(sounds))).mean(alarms),
        dict(zip(KINDS, alarms.reshape(len(KINDS), EACH).mean(axis=1).tolist(), strict=True)),
        dict(said.most_common()),
    )
