"""A report as pictures: the confusion matrix and the reliability diagram."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from libindex.errors import LibindexError, UsageError
from libindex.training.evaluation.evaluate import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150
_INCHES_PER_CLASS = 0.32


def ready(folder: Path) -> None:
    """Make the folder, and check that matplotlib is installed, before minutes of measuring.

    Raises
    ------
    LibindexError
        If matplotlib is missing, or the folder can't be created.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise LibindexError("pictures need matplotlib: pip install 'libindex[plots]'") from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError("is not a folder", folder) from None


def draw(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write `confusion.png` and `reliability.png` to an existing folder; returns their paths."""
    confusion, reliability = folder / "confusion.png", folder / "reliability.png"
    _save(confusion_figure(report), confusion)
    _save(reliability_figure(report), reliability)
    return confusion, reliability


def confusion_figure(report: Report) -> "Figure":
    """Rows are true classes; colours are shares of a row, numbers are files."""
    from matplotlib.figure import Figure

    matrix = report.confusion
    shown = np.flatnonzero(matrix.any(axis=0) | matrix.any(axis=1))
    codes = [report.classes[i].code for i in shown]
    matrix = matrix[np.ix_(shown, shown)]
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    inches = 1.5 + _INCHES_PER_CLASS * len(shown)
    figure = Figure(figsize=(inches + 0.8, inches), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(matrix):
        colour = "white" if share[row, column] > 0.6 else "black"
        text = str(matrix[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(codes)), codes, rotation=90, fontsize=8, parse_math=False)
    axes.set_yticks(range(len(codes)), codes, fontsize=8, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{report.files} files, {report.groups} groups", fontsize=9)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.6)
    return figure


def reliability_figure(report: Report) -> "Figure":
    """Accuracy by confidence, and below it the number of files."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 6.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    width = 1 / len(report.reliability)
    middles = (np.arange(len(report.reliability)) + 0.5) * width
    there = [(x, b) for x, b in zip(middles, report.reliability, strict=True) if b.n]
    above.bar(
        [x for x, _ in there], [b.right or 0.0 for _, b in there], 0.92 * width, color="tab:blue"
    )
    confidences = [b.confidence or 0.0 for _, b in there]
    above.plot(confidences, [b.right or 0.0 for _, b in there], "o", color="black", markersize=3)
    above.plot([0, 1], [0, 1], "--", color="grey", linewidth=1)
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    error = report.calibration_error.value
    above.set_title(f"expected calibration error {error:.3f}, {report.files} files", fontsize=9)
    _counts(below, middles, [b.n for b in report.reliability], 0.92 * width)
    return figure


def _counts(axes: "Axes", middles: np.ndarray, counts: list[int], width: float) -> None:
    axes.bar(middles, counts, width, color="tab:grey")
    for x, n in zip(middles, counts, strict=True):
        axes.text(x, n, str(n), ha="center", va="bottom", fontsize=7)
    axes.set(xlabel="probability of the most probable class", ylabel="files")
    axes.margins(y=0.2)


def _save(figure: "Figure", path: Path) -> None:
    # Not pyplot: it has global state and needs a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=_DPI, format="png")
