"""A report as text."""

from collections.abc import Iterator, Sequence

from libindex.training.evaluation.evaluate import Report
from libindex.training.evaluation.false_alarms import FalseAlarms
from libindex.training.evaluation.figures import Figure
from libindex.training.evaluation.robustness import ChangeFigures

TITLES = {
    "top1": "top-1",
    "certain_top1": "top-1 of labels with high confidence",
    "balanced_top1": "balanced top-1 (classes with 4 files or more)",
    "top3": "top-3",
    "calibration_error": "expected calibration error (15 bins)",
    "sure_precision": "precision at probability 0.8 or more",
    "sure_coverage": "coverage at probability 0.8 or more",
    "neighbours": "class precision of 10 neighbours from other groups",
    "missed_percussion": "missed as percussion (score below 0.5)",
}
"""Titles of the figures of a `Report`."""

_OPTIONAL = {"certain_top1", "missed_percussion"}
CHANGE_TITLES = {
    "mp3": "MP3 at 96 kbit/s",
    "quieter": "12 dB quieter",
    "cut_start": "20 ms cut from the start",
    "silence_before": "20 ms of silence before",
    "semitone_up": "a semitone up",
    "semitone_down": "a semitone down",
    "reverb": "mild reverb",
    "eight_bit": "8 bits",
    "mean": "mean",
}
"""Titles of `robustness.CHANGES`."""


def as_text(report: Report) -> str:
    """All figures, a row for each class, and the confusion matrix."""
    parts = [_figures(report), _classes(report), _confusion(report)]
    if report.false_alarms is not None:
        parts.insert(1, _false_alarms(report.false_alarms))
    if report.robustness is not None:
        parts.insert(1, _robustness(report.robustness))
    heading = (
        f"{report.files} files, {report.groups} groups; 95 % intervals by bootstrap over groups"
    )
    return "\n".join([heading, *(line for part in parts for line in ("", *part))])


def _figures(report: Report) -> Iterator[str]:
    width = max(map(len, TITLES.values()))
    for name, title in TITLES.items():
        figure: Figure = getattr(report, name)
        if figure.value is not None or name not in _OPTIONAL:
            yield f"{title:<{width}}  {_with_interval(figure)}"


def _robustness(rows: Sequence[ChangeFigures]) -> Iterator[str]:
    titles = [CHANGE_TITLES[row.change] for row in rows]
    width = max(map(len, titles))
    yield f"{'original found after':<{width}}  {'as the nearest':<21}  among the 5 nearest"
    for title, row in zip(titles, rows, strict=True):
        first = _with_interval(row.recall_at_1)
        yield f"{title:<{width}}  {first:<21}  {_with_interval(row.recall_at_5)}".rstrip()


def _false_alarms(alarms: FalseAlarms) -> Iterator[str]:
    heading = f"{alarms.sounds} sounds that are not percussion"
    rows = {"get a class with probability 0.8 or more": (alarms.share, alarms.unseen_share)}
    if alarms.detected is not None and alarms.unseen_detected is not None:
        rows["detected (percussion score below 0.5)"] = (
            alarms.detected,
            alarms.unseen_detected,
        )
    width = max(map(len, (heading, *rows)))
    yield f"{heading:<{width}}  {'all':<21}  {alarms.unseen_sounds} of unseen kinds"
    for title, (everything, unseen) in rows.items():
        yield f"{title:<{width}}  {_with_interval(everything):<21}  {_with_interval(unseen)}"
    yield "get a class, by kind: " + ", ".join(
        f"{kind} {share:.2f}" for kind, share in alarms.by_kind.items()
    )
    if alarms.top_predictions:
        top = ", ".join(f"{code} {count}" for code, count in alarms.top_predictions.items())
        yield f"most predicted: {top}"


def _classes(report: Report) -> Iterator[str]:
    width = max(5, *(len(row.code) for row in report.classes))
    yield f"{'class':<{width}}     n  recall  precision"
    for row in report.classes:
        recall, precision = _number(row.recall), _number(row.precision)
        yield f"{row.code:<{width}}  {row.n:>4}  {recall:>6}  {precision:>9}"


def _confusion(report: Report) -> Iterator[str]:
    """Rows are true classes, columns predicted ones; classes without files are left out."""
    matrix = report.confusion
    shown = [i for i in range(len(matrix)) if matrix[i].any() or matrix[:, i].any()]
    codes = [report.classes[i].code for i in shown]
    width = max(3, *(len(code) for code in codes))
    yield "true \\ predicted".ljust(max(width, 16)) + "".join(f" {code:>{width}}" for code in codes)
    for i, code in zip(shown, codes, strict=True):
        cells = "".join(f" {int(matrix[i, j]) or '.':>{width}}" for j in shown)
        yield code.ljust(max(width, 16)) + cells


def _with_interval(figure: Figure) -> str:
    if figure.low is None:
        return _number(figure.value)
    return f"{_number(figure.value)}  [{_number(figure.low)}, {_number(figure.high)}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
