"""Measuring a network in every way: on sounds, on changed ones, on sounds of other kinds."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from libindex.errors import UsageError
from libindex.network.analyser import Analyser
from libindex.training.data.dataset import Item, load, of_split, read_items
from libindex.training.evaluation.evaluate import Predictions, Report, evaluate, predict
from libindex.training.evaluation.false_alarms import measure_false_alarms
from libindex.training.evaluation.robustness import measure_robustness
from libindex.training.threads import cpu_threads


@dataclass(frozen=True, slots=True)
class Measured:
    """What measuring gives.

    Attributes
    ----------
    report : Report
        All figures.
    predictions : Predictions
        What the network says of each file.
    items : tuple of Item
        The files, in the same order.
    """

    report: Report
    predictions: Predictions
    items: tuple[Item, ...]


def measure(
    network: Path,
    folder: Path,
    split: str,
    device: str = "auto",
    say: Callable[[str], None] | None = None,
) -> Measured:
    """Evaluate a network on labelled sounds, on changed ones, and on sounds of other kinds.

    Parameters
    ----------
    network : Path
        Its weights.
    folder : Path
        Sounds, as for training.
    split : {"valid", "train", "all"}
        Which part of a manifest.
    device : str
        "auto", "cpu", "cuda" or "mps".
    say : callable, optional
        Called with lines for people.

    Returns
    -------
    Measured
        All figures, and what they come from.
    """
    tell = say or (lambda _: None)
    analyser = Analyser.load(network, device)
    items = of_split(read_items(folder), split)
    if not items:
        raise UsageError(f"has no files of the split {split!r}", folder)
    cores = os.cpu_count() or 1
    with cpu_threads():
        data = load(
            items,
            analyser.classes,
            analyser.model.log_mel(),
            cores,
            on_skip=lambda error: tell(f"skipped {error}"),
        )
        predictions = predict(analyser, data)
        report = evaluate(predictions, analyser.classes)
    with cpu_threads(cores):
        tell("Listening to changed sounds, and to sounds that are no percussion ...")
        report = replace(
            report,
            robustness=measure_robustness(
                analyser, data.items, predictions.latents, predictions.groups, cores
            ),
            false_alarms=measure_false_alarms(analyser, cores),
        )
    return Measured(report, predictions, data.items)
