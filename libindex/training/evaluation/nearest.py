"""Nearest neighbours of a few files, to judge similarity by example."""

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
    """A similar file; `similarity` is the cosine."""

    item: Item
    similarity: float


@dataclass(frozen=True, slots=True)
class NearestFiles:
    """A file, and the most similar files of other groups, most similar first."""

    item: Item
    nearest: tuple[Neighbour, ...]

    def to_json(self) -> dict[str, Any]:
        """Class, group and file name of each; without paths of this machine."""
        nearest = [{**_named(n.item), "similarity": n.similarity} for n in self.nearest]
        return {**_named(self.item), "nearest": nearest}


def _named(item: Item) -> dict[str, str]:
    return {"class": item.label, "group": item.group, "file": display(Path(item.path).name)}


def nearest_files(
    predictions: Predictions, items: Sequence[Item], count: int, seed: int = 0
) -> list[NearestFiles]:
    """The five nearest neighbours of a few files.

    Parameters
    ----------
    predictions : Predictions
        The network's results.
    items : sequence of Item
        The files, in the same order.
    count : int
        For how many files, of as many classes as possible.
    seed : int
        Of the choice of files.
    """
    vectors = embeddings(predictions.latents)

    def nearest_to(i: int) -> NearestFiles:
        similarity = vectors @ vectors[i]
        others = np.flatnonzero(predictions.groups != predictions.groups[i])
        nearest = others[np.argsort(-similarity[others], kind="stable")[:_NEAREST]]
        found = tuple(Neighbour(items[j], float(similarity[j])) for j in nearest)
        return NearestFiles(items[i], found)

    return [nearest_to(i) for i in spread(predictions.labels, count, seed)]


def spread(labels: IntArray, count: int, seed: int = 0) -> list[int]:
    """Indices of `count` files, ordered by class, taken from each class in turn.

    If there are more classes than that, evenly spaced ones are taken.
    """
    rng = np.random.default_rng(seed)
    queues = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    if count < len(queues):
        queues = [queues[i] for i in np.linspace(0, len(queues) - 1, count).round().astype(int)]
    turns = [(turn, int(i)) for queue in queues for turn, i in enumerate(queue)]
    chosen = [i for _, i in sorted(turns, key=lambda pair: pair[0])[:count]]
    return sorted(chosen, key=lambda i: int(labels[i]))


def as_table(files: Sequence[NearestFiles]) -> str:
    """A block for each file: the file, then one line per neighbour."""
    return "\n\n".join("\n".join(block) for block in _aligned([_rows(file) for file in files]))


def _rows(file: NearestFiles) -> list[tuple[str, ...]]:
    items = [("", file.item), *((f"{n.similarity:.3f}", n.item) for n in file.nearest)]
    return [
        (similarity, item.label, display(item.group or "-"), display(Path(item.path).name))
        for similarity, item in items
    ]


def _aligned(blocks: Sequence[Sequence[tuple[str, ...]]]) -> Iterator[list[str]]:
    heading = ("similar", "class", "group", "file")
    widths = [max(map(len, column)) for column in zip(heading, *chain(*blocks), strict=True)]
    for block in ([heading], *blocks):
        yield ["  ".join(map(str.ljust, row, widths)).rstrip() for row in block]
