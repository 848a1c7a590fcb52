"""The tables of models/README.md, from the network's JSON and from its evaluation.

Both lie beside the card: `drums-30.json`, written by training, and `drums-30.evaluation.json`,
which is the output of `libindex model evaluate --json`.
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
_EVERY = 5
# Of the network before this one: this one has learnt the units on which that was measured.
_HELD_TOP1 = {
    5: 0.714, 10: 0.727, 15: 0.743, 20: 0.751, 25: 0.746, 30: 0.746, 35: 0.746, 40: 0.754,
    45: 0.757, 50: 0.754,
}  # fmt: skip


def figures() -> str:
    """What it was right about, with intervals."""
    rows = [f"| {title} | {_cells(EVALUATION[name])} |" for name, title in TITLES.items()]
    return _table("figure | value | interval", rows)


def changes() -> str:
    """How well a sound finds itself after a change."""
    rows = [
        f"| {title} | {_value(found['recall_at_1'])} | {_value(found['recall_at_5'])} |"
        for title, found in ((CHANGE_TITLES[k], v) for k, v in EVALUATION["robustness"].items())
    ]
    return _table("change | is the nearest | is among the five nearest", rows)


def strangers() -> str:
    """What it makes of sounds that are no percussion."""
    alarms = EVALUATION["false_alarms"]
    rows = [
        f"| {title} | {_value(alarms[name])} | {_value(alarms['unseen_' + name])} |"
        for name, title in (
            ("share", "a class at probability 0.8 or more"),
            ("detected", "detected as no percussion"),
        )
    ]
    return _table("synthetic sounds that are no percussion | all kinds | kinds not taught", rows)


def classes() -> str:
    """Files, recall and precision of each class."""
    learnt = ABOUT["data"]["files_per_class"]
    rows = [
        f"| {row['code']} | {name_of(row['code'])} | {learnt.get(row['code'], 0)} | {row['n']} "
        f"| {_share(row['recall'])} | {_share(row['precision'])} |"
        for row in EVALUATION["classes"]
    ]
    heading = "code | class | files learnt | validation files | recall | precision"
    return _table(heading, rows)


def learning_curve() -> str:
    """Loss as training went on, beside the accuracy that its predecessor had on unknown units."""
    history = ABOUT["training"]["history"]
    rows = [
        f"| {epoch} | {history[epoch - 1]['loss']:.2f} | {_HELD_TOP1.get(epoch, '-')} |"
        for epoch in range(_EVERY, len(history) + 1, _EVERY)
    ]
    return _table("epoch | loss | top-1 of unknown units (seed 1)", rows)


def neighbours() -> str:
    """What sounds most like a few files; neighbours of another class are bold."""
    rows = []
    for heard in EVALUATION["nearest"]:
        found = "; ".join(_neighbour(n, heard["class"]) for n in heard["nearest"])
        rows.append(f"| {heard['class']} | {heard['unit']} | {found} |")
    return _table("class | unit | its five nearest: class (unit) similarity", rows)


def sources() -> str:
    """Where the sounds come from."""
    rows = [
        f"| {row['source']} | {row['licence']} | {row['files']} |"
        for row in ABOUT["data"]["sources"]
    ]
    return _table("source | licence | files", rows)


def confusions() -> str:
    """The most frequent mistakes, in words."""
    pairs = sorted(
        (-count, true, said)
        for true, row in EVALUATION["confusion"].items()
        for said, count in row.items()
        if said != true
    )
    return ", ".join(
        f"{true} heard as {said} ({-count})" for count, true, said in pairs[:_CONFUSIONS]
    )


def _table(heading: str, rows: list[str]) -> str:
    columns = heading.count("|") + 1
    return "\n".join([f"| {heading} |", "|" + "---|" * columns, *rows])


def _neighbour(found: dict[str, Any], label: str) -> str:
    said = label if found["class"] == label else f"**{found['class']}**"
    return f"{said} ({found['unit']}) {found['similarity']:.2f}"


def _cells(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} | {figure['low']:.3f} to {figure['high']:.3f}"


def _value(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
