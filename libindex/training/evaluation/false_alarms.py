"""How often a network is sure of a class for a sound that is of none, and how often it knows."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from libindex.network.analyser import Analyser
from libindex.sound.decoding import Signal
from libindex.training.evaluation.figures import (
    LEAST_PERCUSSION,
    SURE,
    BoolArray,
    Figure,
    independent_share,
)
from libindex.training.synthesis.strangers import KINDS, TAUGHT, stranger

# Training must take other seeds, or it would know these sounds.
_SEED = 30_000_001
EACH = 25  # sounds of a kind
_RATE = 44_100


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Sounds that are no percussion: those that get a class all the same, those recognised.

    Networks are taught sounds like most of these. What they make of the other kinds says more of
    what they will make of a stranger.

    Attributes
    ----------
    sounds, untaught_sounds : int
        How many there are; and of kinds that are not in `strangers.TAUGHT`.
    share, untaught_share : Figure
        How large a part of each gets a class with a probability of 0.8 or more.
    recognised, untaught_recognised : Figure or None
        How large a part of each is less likely to be percussion than not; None where the network
        can't tell.
    by_kind : dict of str to float
        As `share`, for each of `strangers.KINDS`.
    most_said : dict of str to int
        Which classes they are taken for, and how often; the most frequent first.
    """

    sounds: int
    untaught_sounds: int
    share: Figure
    untaught_share: Figure
    recognised: Figure | None
    untaught_recognised: Figure | None
    by_kind: dict[str, float]
    most_said: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """All for JSON, without what the network can't tell."""
        return {key: value for key, value in asdict(self).items() if value is not None}


class _Heard(NamedTuple):
    """The most probable class's probability and number; the probability of percussion."""

    probability: float
    best: int
    percussion: float | None


def measure_false_alarms(analyser: Analyser, threads: int = 1) -> FalseAlarms:
    """Let a network hear the same sounds as every other network.

    Parameters
    ----------
    analyser : Analyser
        The network.
    threads : int
        How many sounds are made and analysed at the same time.
    """
    heard = _hear_all(analyser, threads)
    alarms = np.array([sound.probability >= SURE for sound in heard])
    said = Counter(analyser.classes[sound.best] for sound in heard if sound.probability >= SURE)
    share, untaught_share = _shares(alarms)
    told = np.array([sound.percussion for sound in heard if sound.percussion is not None])
    recognised, untaught_recognised = (
        _shares(told < LEAST_PERCUSSION) if len(told) else (None, None)
    )
    return FalseAlarms(
        sounds=len(heard),
        untaught_sounds=EACH * len(set(KINDS) - set(TAUGHT)),
        share=share,
        untaught_share=untaught_share,
        recognised=recognised,
        untaught_recognised=untaught_recognised,
        by_kind=dict(
            zip(KINDS, alarms.reshape(len(KINDS), EACH).mean(axis=1).tolist(), strict=True)
        ),
        most_said=dict(said.most_common()),
    )


def _hear_all(analyser: Analyser, threads: int) -> list[_Heard]:
    """What the network says of `EACH` sounds of the first kind, then of those of the next."""
    log_mel = analyser.model.log_mel()

    def hear(which: tuple[int, int]) -> _Heard:
        kind, number = which
        rng = np.random.default_rng([_SEED, kind, number])
        mel = log_mel(Signal(stranger(KINDS[kind], rng, _RATE), _RATE))
        output = analyser.analyse([mel[: log_mel.config.max_frames]])
        probabilities, told = output.probabilities[0], output.percussion
        percussion = None if told is None else float(told[0])
        return _Heard(float(probabilities.max()), int(probabilities.argmax()), percussion)

    sounds = [(kind, number) for kind in range(len(KINDS)) for number in range(EACH)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(hear, sounds))


def _shares(holds: BoolArray) -> tuple[Figure, Figure]:
    """Of all sounds and of the untaught kinds, the part for which it holds."""
    untaught = holds[np.repeat([kind not in TAUGHT for kind in KINDS], EACH)]
    return independent_share(holds), independent_share(untaught)
