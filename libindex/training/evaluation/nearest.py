"""Listening by numbers: what a network holds for alike, file by file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from libindex.paths import display
from libindex.training.data.dataset import Item
from libindex.training.evaluation.evaluate import Predictions
from libindex.training.evaluation.figures import IntArray, embeddings

_NEAREST = 5


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A file that sounds like another one; `similarity` is the cosine."""

    item: Item
    similarity: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A file, and the files of other units that sound most like it, the nearest first."""

    item: Item
    nearest: tuple[Neighbour, ...]

    def to_json(self) -> dict[str, Any]:
        """Class, unit and file name of all of them; no paths of this machine."""
        nearest = [{**_named(n.item), "similarity": n.similarity} for n in self.nearest]
        return {**_named(self.item), "nearest": nearest}


def _named(item: Item) -> dict[str, str]:
    return {"class": item.label, "unit": item.unit, "file": display(Path(item.path).name)}


def listen(
    predictions: Predictions, items: Sequence[Item], count: int, seed: int = 0
) -> list[Heard]:
    """The five nearest neighbours of a few files.

    Parameters
    ----------
    predictions : Predictions
        What the network said.
    items : sequence of Item
        The files, in the same order.
    count : int
        How many files to look at: of as many classes as possible, spread over all of them.
    seed : int
        Decides which.
    """
    unit = embeddings(predictions.latents)

    def heard(i: int) -> Heard:
        similarity = unit @ unit[i]
        others = np.flatnonzero(predictions.groups != predictions.groups[i])
        nearest = others[np.argsort(-similarity[others], kind="stable")[:_NEAREST]]
        found = tuple(Neighbour(items[j], float(similarity[j])) for j in nearest)
        return Heard(items[i], found)

    return [heard(i) for i in spread(predictions.labels, count, seed)]


def spread(labels: IntArray, count: int, seed: int = 0) -> list[int]:
    """Indices of that many files, in the order of their classes, each class in turn giving one.

    Fewer than there are classes are taken at even distances from the list of classes.
    """
    rng = np.random.default_rng(seed)
    queues = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    if count < len(queues):
        queues = [queues[i] for i in np.linspace(0, len(queues) - 1, count).round().astype(int)]
    turns = [(turn, int(i)) for queue in queues for turn, i in enumerate(queue)]
    chosen = [i for _, i in sorted(turns, key=lambda pair: pair[0])[:count]]
    return sorted(chosen, key=lambda i: int(labels[i]))


def as_table(files: Sequence[Heard]) -> str:
    """One block for each file: itself, and a line for each neighbour."""
    return "\n\n".join("\n".join(block) for block in _aligned([_rows(file) for file in files]))


def _rows(file: Heard) -> list[tuple[str, ...]]:
    items = [("", file.item), *((f"{n.similarity:.3f}", n.item) for n in file.nearest)]
    return [
        (similarity, item.label, display(item.unit or "-"), display(Path(item.path).name))
        for similarity, item in items
    ]


def _aligned(blocks: Sequence[Sequence[tuple[str, ...]]]) -> Iterator[list[str]]:
    heading = ("similar", "class", "unit", "file")
    widths = [max(map(len, column)) for column in zip(heading, *chain(*blocks), strict=True)]
    for block in ([heading], *blocks):
        yield ["  ".join(map(str.ljust, row, widths)).rstrip() for row in block]
