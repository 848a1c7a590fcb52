"""All measurements of a network: accuracy, similarity, robustness and false alarms."""

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
    """The result of measuring.

    Attributes
    ----------
    report : Report
        All figures.
    predictions : Predictions
        The network's results for each file.
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
    on_message: Callable[[str], None] | None = None,
) -> Measured:
    """Measure accuracy, similarity, robustness and false alarms of a network.

    Parameters
    ----------
    network : Path
        The weights.
    folder : Path
        Sounds, as for training.
    split : {"valid", "train", "all"}
        Part of a manifest.
    device : str
        "auto", "cpu", "cuda" or "mps".
    on_message : callable, optional
        Called with messages, such as that a file is skipped.

    Returns
    -------
    Measured
        All figures, and the results they are computed from.
    """
    log = on_message or (lambda _: None)
    analyser = Analyser.load(network, device)
    items = of_split(read_items(folder), split)
    if not items:
        raise UsageError(f"has no files in the split {split!r}", folder)
    cores = os.cpu_count() or 1
    with cpu_threads():
        data = load(
            items,
            analyser.classes,
            analyser.model.log_mel(),
            cores,
            on_skip=lambda error: log(f"skipped {error}"),
        )
        predictions = predict(analyser, data)
        report = evaluate(predictions, analyser.classes)
    with cpu_threads(cores):
        log("Measuring robustness and false alarms ...")
        report = replace(
            report,
            robustness=measure_robustness(
                analyser, data.items, predictions.latents, predictions.groups, cores
            ),
            false_alarms=measure_false_alarms(analyser, cores),
        )
    return Measured(report, predictions, data.items)
