"""Which sample goes on which pad."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from libindex.kits.layouts import Pad
from libindex.queries.sounds import Sound

Assignment = Literal["best", "class", "sample"]
ASSIGNMENTS: tuple[Assignment, ...] = get_args(Assignment)

_LATER_CLASS = 0.5  # what a class counts for a pad, against the one before it in its list
_VARIETY = 0.5  # what likeness to the other pads of a class costs, against probability
_ROUNDS = 8
_NEVER = -1e6
_DRAW = 0.3  # with a seed, up to this part of a sound's worth is left to chance

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a pad plays: a sound, the class for which it was chosen, and how probable that is."""

    sound: Sound
    class_code: str
    probability: float


Chosen = dict[int, Choice]
"""Choices by key."""


def assign(
    how: Assignment,
    pads: Sequence[Pad],
    sounds: Sequence[Sound],
    classes: Sequence[str],
    least: float,
    seed: int | None = None,
    worth: NDArray[np.float64] | None = None,
) -> Chosen:
    """Put sounds on pads.

    Parameters
    ----------
    how : {"best", "class", "sample"}
        "class" and "sample" are the original's: each pad takes the most probable sound of its
        class, one sound perhaps several times; or each sound goes to its own most probable
        class, and pads may stay empty. "best" puts no sound on two pads, and makes the sum of
        all probabilities as large as it can be, while pads of one class differ from each other.
    pads : sequence of Pad
        The layout.
    sounds : sequence of Sound
        What there is, no two byte-identical.
    classes : sequence of str
        Of the columns of the sounds' probabilities.
    least : float
        "best" leaves a pad empty that no sound fits with at least this probability.
    seed : int, optional
        Has "best" choose by chance among sounds that fit about equally well.
    worth : ndarray of float64, shape (sounds,), optional
        How welcome each sound is to "best", from 0 to 1.

    Returns
    -------
    dict of int to Choice
        By key; keys of empty pads are missing.
    """
    if not sounds or not pads:
        return {}
    table = _Table(pads, sounds, classes)
    if how == "class":
        return table.choices(_most_probable(table))
    if how == "sample":
        return table.choices(_own_class(table, classes))
    return _in_order(pads, table.choices(_best(table, least, _luck(len(sounds), seed, worth))))


class _Table:
    """How well every sound fits every pad.

    `fit` and `probability` have the shape (pads, sounds): the best of the pad's classes, with
    and without the discount for classes that it names later; `best` says which one that is.
    """

    def __init__(
        self, pads: Sequence[Pad], sounds: Sequence[Sound], classes: Sequence[str]
    ) -> None:
        self.pads, self.sounds = pads, sounds
        self.column = {code: i for i, code in enumerate(classes)}
        self.probabilities = np.stack([s.probabilities for s in sounds]).astype(np.float64)
        shape = (len(pads), len(sounds))
        self.fit, self.probability = np.zeros(shape), np.zeros(shape)
        self.best = np.zeros(shape, np.int64)
        for row, pad in enumerate(pads):
            known = [code for code in pad.classes if code in self.column]
            if known:
                one = self.probabilities[:, [self.column[code] for code in known]]
                worth = one * _LATER_CLASS ** np.arange(len(known))
                self.best[row] = worth.argmax(axis=1)
                everywhere = np.arange(len(sounds))
                self.fit[row] = worth[everywhere, self.best[row]]
                self.probability[row] = one[everywhere, self.best[row]]
        self._known = [[c for c in pad.classes if c in self.column] for pad in pads]

    def class_of(self, row: int, sound: int) -> str:
        """The class for which a pad would take a sound."""
        return self._known[row][int(self.best[row, sound])]

    def choices(self, chosen: Mapping[int, int]) -> Chosen:
        """Choices by key, from sounds by row."""
        return {
            self.pads[row].key: Choice(
                self.sounds[sound],
                self.class_of(row, sound),
                float(self.probability[row, sound]),
            )
            for row, sound in chosen.items()
        }


def _most_probable(table: _Table) -> dict[int, int]:
    return {row: int(fit.argmax()) for row, fit in enumerate(table.fit) if fit.max() > 0}


def _own_class(table: _Table, classes: Sequence[str]) -> dict[int, int]:
    """Sounds by their own class, the most probable on the first pad of it."""
    waiting: dict[str, list[int]] = defaultdict(list)
    top = table.probabilities.argmax(axis=1)
    certainty = table.probabilities.max(axis=1)
    for sound in np.argsort(-certainty, kind="stable").tolist():
        waiting[classes[top[sound]]].append(sound)
    chosen = {}
    for row, pad in enumerate(table.pads):
        code = next((code for code in pad.classes if waiting[code]), None)
        if code is not None:
            chosen[row] = waiting[code].pop(0)
    return chosen


def _best(table: _Table, least: float, welcome: Matrix) -> dict[int, int]:
    """The best of some rounds, each optimal given what the round before put on the other pads.

    Likeness makes the worth of a sound depend on the others, which no assignment solver takes;
    given the others it is a plain assignment problem.
    """
    # What likeness can cost at most is added, so that it never makes a pad stay empty.
    worth = table.fit * welcome + _VARIETY
    allowed = (table.probability >= least) & (table.fit > 0)
    likeness = _likeness(table)
    chosen: dict[int, int] = {}
    best, most = chosen, -np.inf
    for _ in range(_ROUNDS):
        chosen = _optimal(worth - _VARIETY * likeness(chosen), allowed)
        cost = _VARIETY * likeness(chosen)
        value = sum(worth[at] - cost[at] for at in chosen.items())
        if value <= most + 1e-12:
            break
        best, most = chosen, value
    return best


def _luck(count: int, seed: int | None, worth: Matrix | None) -> Matrix:
    welcome = np.ones(count) if worth is None else worth
    if seed is None:
        return welcome
    return welcome * np.random.default_rng([seed, 1]).uniform(1 - _DRAW, 1, count)


def _likeness(table: _Table) -> Callable[[Mapping[int, int]], Matrix]:
    """For chosen sounds by row: how much each sound is like one on another pad of the class."""
    embeddings = np.stack([s.embedding for s in table.sounds])

    def likeness(chosen: Mapping[int, int]) -> Matrix:
        found = np.zeros(table.fit.shape)
        code = {row: table.class_of(row, sound) for row, sound in chosen.items()}
        for row in range(len(table.pads)):
            others = [
                s
                for other, s in chosen.items()
                if other != row and code[other] in table.pads[row].classes
            ]
            if others:
                found[row] = np.clip(embeddings @ embeddings[others].T, 0, 1).max(axis=1)
        return found

    return likeness


def _optimal(worth: Matrix, allowed: NDArray[np.bool_]) -> dict[int, int]:
    """One sound a pad and one pad a sound, as many as are allowed, of the largest total worth."""
    from scipy.optimize import linear_sum_assignment

    # Beside the sounds every pad has an emptiness of its own, of the worth 0.
    emptiness = np.where(np.eye(len(worth), dtype=bool), 0.0, _NEVER)
    rows, columns = linear_sum_assignment(
        np.hstack([np.where(allowed, worth, _NEVER), emptiness]), maximize=True
    )
    return {
        int(row): int(column)
        for row, column in zip(rows, columns, strict=True)
        if column < worth.shape[1]
    }


def _in_order(pads: Sequence[Pad], chosen: Chosen) -> Chosen:
    """Among pads of a class: higher sounds where a higher pitch is wanted, else the best first."""
    groups: dict[tuple[str, tuple[str, ...] | None], list[Pad]] = defaultdict(list)
    for pad in pads:
        if pad.key in chosen:
            # Where pitch does not matter, only pads of the same wishes are as good as each other.
            wishes = pad.classes if pad.pitch is None else None
            groups[chosen[pad.key].class_code, wishes].append(pad)
    ordered = dict(chosen)
    for (_, wishes), group in groups.items():
        there = [chosen[pad.key] for pad in group]
        if wishes is None:
            there.sort(key=lambda choice: choice.sound.centroid_hz)
            group.sort(key=lambda pad: (pad.pitch or 0, pad.key))
        else:
            there.sort(key=lambda choice: -choice.probability)
        for pad, choice in zip(group, there, strict=True):
            ordered[pad.key] = choice
    return ordered
