"""A report as text, for a terminal."""

from collections.abc import Iterator

from libindex.training.evaluation import Figure, Report

_TITLES = {
    "top1": "top-1",
    "balanced_top1": "balanced top-1 (classes of 4 files or more)",
    "top3": "top-3",
    "calibration_error": "expected calibration error (15 bins)",
    "sure_precision": "precision at probability 0.8 or more",
    "sure_coverage": "coverage at probability 0.8 or more",
    "neighbours": "class precision of 10 neighbours from other units",
}


def as_text(report: Report) -> str:
    """All figures, a row for each class, and the confusion matrix."""
    return "\n".join(
        [
            f"{report.files} files, {report.units} units; 95 % intervals by bootstrap over units",
            "",
            *_figures(report),
            "",
            *_classes(report),
            "",
            *_confusion(report),
        ]
    )


def summary(report: Report) -> str:
    """The main figures in one line."""
    names = {"top1": "top-1", "balanced_top1": "balanced", "top3": "top-3", "neighbours": "10 nn"}
    parts = [f"{name} {_number(getattr(report, key).value)}" for key, name in names.items()]
    return f"{report.files} files: {', '.join(parts)}"


def _figures(report: Report) -> Iterator[str]:
    width = max(map(len, _TITLES.values()))
    for name, title in _TITLES.items():
        figure: Figure = getattr(report, name)
        interval = (
            f"  [{_number(figure.low)}, {_number(figure.high)}]" if figure.low is not None else ""
        )
        yield f"{title:<{width}}  {_number(figure.value)}{interval}"


def _classes(report: Report) -> Iterator[str]:
    width = max(5, *(len(row.code) for row in report.classes))
    yield f"{'class':<{width}}     n  recall  precision"
    for row in report.classes:
        recall, precision = _number(row.recall), _number(row.precision)
        yield f"{row.code:<{width}}  {row.n:>4}  {recall:>6}  {precision:>9}"


def _confusion(report: Report) -> Iterator[str]:
    """Rows are true classes, columns what the network said; classes without files are left out."""
    matrix = report.confusion
    shown = [i for i in range(len(matrix)) if matrix[i].any() or matrix[:, i].any()]
    codes = [report.classes[i].code for i in shown]
    width = max(3, *(len(code) for code in codes))
    yield "true \\ said".ljust(max(width, 11)) + "".join(f" {code:>{width}}" for code in codes)
    for i, code in zip(shown, codes, strict=True):
        cells = "".join(f" {int(matrix[i, j]) or '.':>{width}}" for j in shown)
        yield code.ljust(max(width, 11)) + cells


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
