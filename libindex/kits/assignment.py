"""Which sample goes on which pad."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libindex.kits.layouts import Pad
from libindex.kits.recipe import Assignment
from libindex.queries.sounds import Sound

_LATER_CLASS = 0.5  # weight of a class of a pad, relative to the one before it in its list
_VARIETY = 0.5  # cost of similarity to the other pads of a class, relative to probability
_MAX_CANDIDATES = 100  # sounds considered for a pad: those that fit it best
_MAX_DRAW = 0.3  # with a seed, up to this part of a sound's weight is random
_FORBIDDEN = -1e6
_TINY = 1e-9  # less than any difference of probabilities that counts

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
    assignment: Assignment,
    pads: Sequence[Pad],
    sounds: Sequence[Sound],
    classes: Sequence[str],
    min_probability: float,
    seed: int | None = None,
    weights: NDArray[np.float64] | None = None,
) -> Chosen:
    """Put sounds on pads.

    Parameters
    ----------
    assignment : {"best", "class", "sample"}
        "class" and "sample" are the original's: each pad takes the most probable sound of its
        class, so one sound can be on several pads; or each sound goes to its own most probable
        class, and pads may stay empty. "best" puts no sound on two pads and maximises the sum of
        all probabilities; then it swaps sounds, one pad at a time, as long as pads of one class
        become more varied than that costs. Of equal pads, "best" and "sample" fill the one with
        the highest priority first, with the most probable sound.
    pads : sequence of Pad
        The layout.
    sounds : sequence of Sound
        To choose from, no two byte-identical.
    classes : sequence of str
        Of the columns of the sounds' probabilities.
    min_probability : float
        "best" leaves a pad empty if no sound fits it with at least this probability.
    seed : int, optional
        Makes "best" choose at random among sounds that fit about equally well.
    weights : ndarray of float64, shape (sounds,), optional
        How much "best" prefers each sound, from 0 to 1.

    Returns
    -------
    dict of int to Choice
        By key; keys of empty pads are missing.
    """
    if not sounds or not pads:
        return {}
    table = _Table(pads, sounds, classes)
    if assignment == "class":
        return table.choices(_most_probable(table))
    if assignment == "sample":
        return table.choices(_own_class(table, classes))
    table.fit *= _tie_break(len(sounds), seed, weights)
    return _in_order(pads, table.choices(_best(table, min_probability)))


def _fill_order(pad: Pad) -> tuple[int, int]:
    """Of equal pads, the one with the highest priority is filled first, then the lowest key."""
    return -pad.priority, pad.key


class _Table:
    """How well every sound fits every pad.

    `fit` and `probability` have the shape (pads, sounds): of the pad's best class, with and
    without the discount for later classes; `best` says which class that is.
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
                weighted = one * _LATER_CLASS ** np.arange(len(known))
                self.best[row] = weighted.argmax(axis=1)
                everywhere = np.arange(len(sounds))
                self.fit[row] = weighted[everywhere, self.best[row]]
                self.probability[row] = one[everywhere, self.best[row]]
        self._known = [[c for c in pad.classes if c in self.column] for pad in pads]

    def class_of(self, row: int, sound: int) -> str:
        """The class for which a pad would play a sound."""
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
    """Sounds by their own class, the most probable on the pad that is filled first."""
    waiting: dict[str, list[int]] = defaultdict(list)
    top = table.probabilities.argmax(axis=1)
    certainty = table.probabilities.max(axis=1)
    for sound in np.argsort(-certainty, kind="stable").tolist():
        waiting[classes[top[sound]]].append(sound)
    chosen = {}
    for row in sorted(range(len(table.pads)), key=lambda row: _fill_order(table.pads[row])):
        code = next((code for code in table.pads[row].classes if waiting[code]), None)
        if code is not None:
            chosen[row] = waiting[code].pop(0)
    return chosen


def _tie_break(count: int, seed: int | None, weights: Matrix | None) -> Matrix:
    """The weights of sounds, with a random part if there is a seed."""
    whole = np.ones(count) if weights is None else weights
    if seed is None:
        return whole
    return whole * np.random.default_rng([seed, 1]).uniform(1 - _MAX_DRAW, 1, count)


def _best(table: _Table, min_probability: float) -> dict[int, int]:
    """Sounds by row: the optimum of probabilities, made more varied."""
    allowed = (table.probability >= min_probability) & (table.fit > 0)
    fit = np.where(allowed, table.fit, -1.0)
    some = _best_of_each_row(fit)
    # Where there are more equal pads than sounds, this alone decides which of them stay empty.
    order = sorted(range(len(fit)), key=lambda row: _fill_order(table.pads[row]), reverse=True)
    bonus = _TINY * np.argsort(order)
    chosen = _optimal(fit[:, some] + bonus[:, None], allowed[:, some])
    found = {row: int(some[column]) for row, column in chosen.items()}
    return _vary(table, fit, some, found)


def _best_of_each_row(fit: Matrix) -> NDArray[np.intp]:
    """Columns, in order, of the highest values of each row: the others are never part of the best.

    Each row has more of them than there are other rows to take them.
    """
    count = min(max(_MAX_CANDIDATES, fit.shape[0] + 1), fit.shape[1])
    return np.unique(np.argsort(-fit, axis=1, kind="stable")[:, :count])


def _vary(
    table: _Table, fit: Matrix, some: NDArray[np.intp], chosen: Mapping[int, int]
) -> dict[int, int]:
    """Swap the sound of one pad at a time, as long as that makes the kit better.

    A kit's value is the sum of how well its sounds fit, less half the cosine of every two on pads
    that have a class in common, divided by the number of such pads. It rises with each swap, so
    this ends.
    """
    found = dict(chosen)
    if len(found) < 2:
        return found
    weights = _VARIETY * _similarity_weights([table.pads[row] for row in found])
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


def _similarity_weights(pads: Sequence[Pad]) -> Matrix:
    """Of each pair of pads with a class in common: one over the number of such pads; else 0."""
    shared = np.array([[bool(set(a.classes) & set(b.classes)) for b in pads] for a in pads], float)
    np.fill_diagonal(shared, 0)
    count = shared.sum(axis=1)
    weights: Matrix = shared / np.maximum(np.maximum(count[:, None], count[None, :]), 1)
    return weights


def _optimal(fit: Matrix, allowed: NDArray[np.bool_]) -> dict[int, int]:
    """One sound per pad and one pad per sound, of what is allowed, with the largest total fit."""
    from scipy.optimize import linear_sum_assignment

    # Besides the sounds, each pad can be assigned a column of its own that leaves it empty.
    empty = np.where(np.eye(len(fit), dtype=bool), 0.0, _FORBIDDEN)
    rows, columns = linear_sum_assignment(
        np.hstack([np.where(allowed, fit, _FORBIDDEN), empty]), maximize=True
    )
    return {
        int(row): int(column)
        for row, column in zip(rows, columns, strict=True)
        if column < fit.shape[1]
    }


def _in_order(pads: Sequence[Pad], chosen: Chosen) -> Chosen:
    """Among equal pads: brighter sounds where a higher pitch is wanted, else the best one first."""
    groups: dict[str | tuple[str, ...], list[Pad]] = defaultdict(list)
    for pad in pads:
        if pad.key in chosen:
            # Pads with a pitch are ordered among all of a class, others among those of the same
            # classes: only these are equally good for a sound.
            is_pitched = pad.pitch is not None
            groups[chosen[pad.key].class_code if is_pitched else pad.classes].append(pad)
    ordered = dict(chosen)
    for group in groups.values():
        choices = [chosen[pad.key] for pad in group]
        if group[0].pitch is not None:
            choices.sort(key=lambda choice: choice.sound.centroid_hz)
            group.sort(key=lambda pad: (pad.pitch or 0, pad.key))
        else:
            classes = group[0].classes
            choices.sort(key=lambda choice: -_fit(choice, classes))
            group.sort(key=_fill_order)
        for pad, choice in zip(group, choices, strict=True):
            ordered[pad.key] = choice
    return ordered


def _fit(choice: Choice, classes: Sequence[str]) -> float:
    return choice.probability * _LATER_CLASS ** classes.index(choice.class_code)
