"""Which sample goes on which pad."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libindex.kits.layouts import Pad
from libindex.kits.recipe import Assignment
from libindex.queries.sounds import Sound

_LATER_CLASS = 0.5  # what a class counts for a pad, against the one before it in its list
_VARIETY = 0.5  # what likeness to the other pads of a class costs, against probability
_CANDIDATES = 100  # sounds that fit a pad best: the others are not looked at
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
        class, and pads may stay empty. "best" puts no sound on two pads and makes the sum of all
        probabilities as large as it can be; then it exchanges sounds, one pad at a time, as long
        as pads of one class come to differ more than that costs.
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
    table.fit *= _welcome(len(sounds), seed, worth)
    return _in_order(pads, table.choices(_best(table, least)))


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


def _welcome(count: int, seed: int | None, worth: Matrix | None) -> Matrix:
    welcome = np.ones(count) if worth is None else worth
    if seed is None:
        return welcome
    return welcome * np.random.default_rng([seed, 1]).uniform(1 - _DRAW, 1, count)


def _best(table: _Table, least: float) -> dict[int, int]:
    """Sounds by row: the optimum of probabilities, made more varied."""
    allowed = (table.probability >= least) & (table.fit > 0)
    fit = np.where(allowed, table.fit, -1.0)
    some = _best_of_each_row(fit)
    chosen = _optimal(fit[:, some], allowed[:, some])
    found = {row: int(some[column]) for row, column in chosen.items()}
    return _varied(table, fit, some, found)


def _best_of_each_row(fit: Matrix) -> NDArray[np.intp]:
    """Columns, in order, of the highest values of each row: who is not among them is never best.

    Each row has more of them than there are rows that could take them away.
    """
    count = min(max(_CANDIDATES, fit.shape[0] + 1), fit.shape[1])
    return np.unique(np.argsort(-fit, axis=1, kind="stable")[:, :count])


def _varied(
    table: _Table, fit: Matrix, some: NDArray[np.intp], chosen: Mapping[int, int]
) -> dict[int, int]:
    """Exchange the sound of one pad at a time, as long as that makes the kit better.

    A kit's value is the sum of how well its sounds fit, less half the cosine of every two on pads
    that have a class in common, divided by the number of such pads. It rises with each exchange,
    so this ends.
    """
    found = dict(chosen)
    if len(found) < 2:
        return found
    weights = _VARIETY * _kinship([table.pads[row] for row in found])
    embeddings = np.stack([sound.embedding for sound in table.sounds])
    values = fit[:, some]
    changed = True
    while changed:
        changed = False
        for place, row in enumerate(found):
            others = embeddings[list(found.values())]
            value = values[row] - np.clip(embeddings[some] @ others.T, 0, 1) @ weights[place]
            taken = [sound for other, sound in found.items() if other != row]
            value[np.isin(some, taken) | (values[row] < 0)] = -np.inf
            best = int(value.argmax())
            if value[best] > value[np.searchsorted(some, found[row])] + 1e-9:
                found[row], changed = int(some[best]), True
    return found


def _kinship(pads: Sequence[Pad]) -> Matrix:
    """What each pair of pads weighs: one over the number of pads akin to either, else 0."""
    akin = np.array([[bool(set(a.classes) & set(b.classes)) for b in pads] for a in pads], float)
    np.fill_diagonal(akin, 0)
    count = akin.sum(axis=1)
    weights: Matrix = akin / np.maximum(np.maximum(count[:, None], count[None, :]), 1)
    return weights


def _optimal(worth: Matrix, allowed: NDArray[np.bool_]) -> dict[int, int]:
    """One sound a pad and one pad a sound, of what is allowed, of the largest total worth."""
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
