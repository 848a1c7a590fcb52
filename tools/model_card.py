"""Generate the tables of models/README.md from the network's JSON and its evaluation.

Both are in the same folder: `drums-30.json` is written by training, `drums-30.evaluation.json` is
the output of `libindex model evaluate --neighbours 10 --json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from libindex.instruments import name_of
from libindex.network.modelfile import ModelFile
from libindex.training.evaluation.report_text import CHANGE_TITLES, TITLES

MODELS = Path(__file__).resolve().parent.parent / "models"
MODEL = ModelFile.read(MODELS / "drums-30.safetensors")
ABOUT: dict[str, Any] = MODEL.about
EVALUATION: dict[str, Any] = json.loads((MODELS / "drums-30.evaluation.json").read_text())

_CONFUSIONS = 12
_EPOCHS_PER_ROW = 5
# Of an earlier network, since this one was trained on the groups that it was measured on.
_HELD_TOP1 = {
    5: 0.714, 10: 0.727, 15: 0.743, 20: 0.751, 25: 0.746, 30: 0.746, 35: 0.746, 40: 0.754,
    45: 0.757, 50: 0.754,
}  # fmt: skip


def figures() -> str:
    """The main figures with intervals."""
    rows = [f"| {title} | {_cells(EVALUATION[name])} |" for name, title in TITLES.items()]
    return _table("figure | value | interval", rows)


def changes() -> str:
    """How often a changed sound's original is found."""
    rows = [
        f"| {title} | {_value(found['recall_at_1'])} | {_value(found['recall_at_5'])} |"
        for title, found in ((CHANGE_TITLES[k], v) for k, v in EVALUATION["robustness"].items())
    ]
    return _table("change | nearest | among the five nearest", rows)


def false_alarms() -> str:
    """Results for sounds that are not percussion."""
    alarms = EVALUATION["false_alarms"]
    rows = [
        f"| {title} | {_value(alarms[name])} | {_value(alarms['unseen_' + name])} |"
        for name, title in (
            ("share", "get a class with probability 0.8 or more"),
            ("detected", "detected as not percussion"),
        )
    ]
    return _table("synthetic sounds that are not percussion | all kinds | unseen kinds", rows)


def classes() -> str:
    """Files, recall and precision of each class."""
    trained = ABOUT["data"]["files_per_class"]
    rows = [
        f"| {row['code']} | {name_of(row['code'])} | {trained.get(row['code'], 0)} | {row['n']} "
        f"| {_share(row['recall'])} | {_share(row['precision'])} |"
        for row in EVALUATION["classes"]
    ]
    heading = "code | class | training files | validation files | recall | precision"
    return _table(heading, rows)


def learning_curve() -> str:
    """Loss by epoch, and the accuracy of an earlier network on held-out groups."""
    history = ABOUT["training"]["history"]
    rows = [
        f"| {epoch} | {history[epoch - 1]['loss']:.2f} | {_HELD_TOP1.get(epoch, '-')} |"
        for epoch in range(_EPOCHS_PER_ROW, len(history) + 1, _EPOCHS_PER_ROW)
    ]
    return _table("epoch | loss | held-out top-1 (seed 1)", rows)


def neighbours() -> str:
    """The nearest neighbours of a few files; those of another class are bold."""
    rows = []
    for file in EVALUATION["nearest"]:
        found = "; ".join(_neighbour(n, file["class"]) for n in file["nearest"])
        rows.append(f"| {file['class']} | {file['group']} | {found} |")
    return _table("class | group | five nearest: class (group) similarity", rows)


def sources() -> str:
    """Sources of the training data."""
    rows = [
        f"| {row['source']} | {row['licence']} | {row['files']} |"
        for row in ABOUT["data"]["sources"]
    ]
    return _table("source | licence | files", rows)


def confusions() -> str:
    """The most frequent confusions."""
    pairs = sorted(
        (-count, true, predicted)
        for true, row in EVALUATION["confusion"].items()
        for predicted, count in row.items()
        if predicted != true
    )
    return ", ".join(
        f"{true} as {predicted} ({-count})" for count, true, predicted in pairs[:_CONFUSIONS]
    )


def _table(heading: str, rows: list[str]) -> str:
    columns = heading.count("|") + 1
    return "\n".join([f"| {heading} |", "|" + "---|" * columns, *rows])


def _neighbour(found: dict[str, Any], label: str) -> str:
    code = label if found["class"] == label else f"**{found['class']}**"
    return f"{code} ({found['group']}) {found['similarity']:.2f}"


def _cells(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} | {figure['low']:.3f} to {figure['high']:.3f}"


def _value(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
