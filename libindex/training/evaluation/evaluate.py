"""Figures of a network on labelled sounds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from libindex.errors import UsageError
from libindex.network.analyser import Analyser
from libindex.sound.decoding import FloatArray
from libindex.training.data.dataset import Dataset
from libindex.training.evaluation.false_alarms import FalseAlarms
from libindex.training.evaluation.figures import (
    MIN_PERCUSSION,
    SURE,
    BoolArray,
    Bootstrap,
    Figure,
    IntArray,
    Measure,
    embeddings,
    mean,
)
from libindex.training.evaluation.reliability import Bin, calibration_error, reliability
from libindex.training.evaluation.robustness import ChangeFigures

_NEIGHBOURS = 10
_MIN_FILES = 4  # classes with fewer are left out of the balanced figure
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Predictions:
    """A network's results for labelled sounds.

    Attributes
    ----------
    probabilities : ndarray of float32, shape (files, classes)
        Calibrated.
    latents : ndarray of float32, shape (files, latent)
        Not normalised.
    labels : ndarray of int64, shape (files,)
        Index of the true class.
    groups : ndarray of int64, shape (files,)
        Equal for sounds of one group; a file of unknown group has one of its own.
    certain : ndarray of bool, shape (files,), or None
        Whose label has a high confidence; None if the data has no confidences.
    percussion : ndarray of float32, shape (files,), or None
        Probability of being percussion at all; None if the network has no such score.
    """

    probabilities: FloatArray
    latents: FloatArray
    labels: IntArray
    groups: IntArray
    certain: BoolArray | None = None
    percussion: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class: number of files, recall and precision."""

    code: str
    n: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a network on a set of sounds.

    Attributes
    ----------
    files, groups : int
        How many there are.
    top1, balanced_top1, top3 : Figure
        Accuracy; its mean over the classes with at least four files; share of files whose class is
        among the three most probable.
    calibration_error : Figure
        Expected calibration error, 15 bins.
    sure_precision, sure_coverage : Figure
        Accuracy of the files with a probability of 0.8 or more, and their share of all files.
    neighbours : Figure
        Class precision of the ten nearest neighbours from other groups.
    certain_top1 : Figure
        `top1` of the files whose label has a high confidence.
    missed_percussion : Figure
        Share of files with a percussion score below 0.5; without a value if the network has no
        such score.
    classes : tuple of ClassFigures
        One per class, in the network's order.
    confusion : ndarray of int64, shape (classes, classes)
        Files by true class (row) and most probable class (column).
    reliability : tuple of Bin
        From probability 0 to 1, 15 of equal width.
    robustness : tuple of ChangeFigures or None
        How often sounds find their originals after each change, and the mean over the changes;
        None if not measured.
    false_alarms : FalseAlarms or None
        Results for sounds that are not percussion; None if not measured.
    """

    files: int
    groups: int
    top1: Figure
    balanced_top1: Figure
    top3: Figure
    calibration_error: Figure
    sure_precision: Figure
    sure_coverage: Figure
    neighbours: Figure
    certain_top1: Figure
    missed_percussion: Figure
    classes: tuple[ClassFigures, ...]
    confusion: IntArray
    reliability: tuple[Bin, ...]
    robustness: tuple[ChangeFigures, ...] | None
    false_alarms: FalseAlarms | None

    def to_json(self) -> dict[str, Any]:
        """All figures for JSON, without those that were not measured.

        The confusion matrix is {true: {predicted: files}} without zeros, robustness is
        {change: figures}.
        """
        document = {key: value for key, value in asdict(self).items() if value is not None}
        if self.robustness is not None:
            document["robustness"] = {row.pop("change"): row for row in document["robustness"]}
        if self.false_alarms is not None:
            document["false_alarms"] = self.false_alarms.to_json()
        codes = [row.code for row in self.classes]
        document["confusion"] = {
            true: {code: int(n) for code, n in zip(codes, row, strict=True) if n}
            for true, row in zip(codes, self.confusion, strict=True)
        }
        return document


def predict(analyser: Analyser, dataset: Dataset) -> Predictions:
    """Run a network over a data set."""
    order = np.argsort([len(mel) for mel in dataset.mels], kind="stable")
    count = len(order)
    probabilities = np.zeros((count, len(analyser.classes)), np.float32)
    latents = np.zeros((count, analyser.model.network.latent_size), np.float32)
    percussion = np.zeros(count, np.float32) if analyser.model.has_percussion_score else None
    for start in range(0, count, _BATCH):
        part = order[start : start + _BATCH]
        output = analyser.analyse([dataset.mels[i].astype(np.float32) for i in part])
        probabilities[part], latents[part] = output.probabilities, output.latents
        if percussion is not None and output.percussion is not None:
            percussion[part] = output.percussion
    groups, certain = _groups(dataset), _certain(dataset)
    return Predictions(probabilities, latents, dataset.labels, groups, certain, percussion)


def evaluate(
    predictions: Predictions, classes: Sequence[str], resamples: int = 1000, seed: int = 0
) -> Report:
    """All figures.

    Parameters
    ----------
    predictions : Predictions
        The network's results.
    classes : sequence of str
        Class names in the order of the columns.
    resamples, seed : int
        Of the bootstrap over groups.

    Raises
    ------
    UsageError
        If there are no files.
    """
    if len(predictions.labels) == 0:
        raise UsageError("there are no files to evaluate")
    files = _per_file(predictions)
    counted = np.bincount(predictions.labels, minlength=len(classes)) >= _MIN_FILES
    measures = _measures(files, counted, predictions.certain, predictions.percussion)
    bootstrap = Bootstrap(predictions.groups, resamples, seed)
    figures = {name: bootstrap.figure(measure) for name, measure in measures.items()}
    confusion = confusion_matrix(predictions)
    return Report(
        files=len(predictions.labels),
        groups=len(np.unique(predictions.groups)),
        classes=_class_figures(confusion, classes),
        confusion=confusion,
        reliability=reliability(files.confidence, files.right),
        robustness=None,
        false_alarms=None,
        **figures,
    )


def confusion_matrix(predictions: Predictions) -> IntArray:
    """Files by true class (row) and most probable class (column)."""
    size = predictions.probabilities.shape[1]
    guesses = predictions.probabilities.argmax(axis=1)
    return np.bincount(predictions.labels * size + guesses, minlength=size * size).reshape(
        size, size
    )


def neighbour_precision(predictions: Predictions) -> NDArray[np.float64]:
    """For each file, the share of its ten nearest neighbours from other groups with its class.

    Nearest by cosine of the latents; fewer neighbours if fewer files are in other groups; NaN if
    none is. A class with fewer than ten files in other groups can't reach 1.

    Returns
    -------
    ndarray of float64, shape (files,)
    """
    vectors = embeddings(predictions.latents)
    shares = np.full(len(vectors), np.nan)
    for i, row in enumerate(vectors):
        others = np.flatnonzero(predictions.groups != predictions.groups[i])
        nearest = others[np.argsort(-(vectors[others] @ row), kind="stable")[:_NEIGHBOURS]]
        if len(nearest):
            shares[i] = (predictions.labels[nearest] == predictions.labels[i]).mean()
    return shares


@dataclass(frozen=True, slots=True)
class _PerFile:
    labels: IntArray
    right: BoolArray
    among_three: BoolArray
    confidence: NDArray[np.float64]
    neighbours: NDArray[np.float64]


def _per_file(predictions: Predictions) -> _PerFile:
    probabilities, labels = predictions.probabilities, predictions.labels
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :3]
    return _PerFile(
        labels,
        best[:, 0] == labels,
        (best == labels[:, None]).any(axis=1),
        probabilities.max(axis=1).astype(np.float64),
        neighbour_precision(predictions),
    )


def _measures(
    files: _PerFile, counted: BoolArray, certain: BoolArray | None, percussion: FloatArray | None
) -> dict[str, Measure]:
    """Every figure of the report as a function of the indices of the files, which may repeat."""

    def balanced(of: IntArray) -> float | None:
        n = np.bincount(files.labels[of], minlength=len(counted))
        hits = np.bincount(files.labels[of], files.right[of], minlength=len(counted))
        present = counted & (n > 0)
        return float((hits[present] / n[present]).mean()) if present.any() else None

    def sure_precision(of: IntArray) -> float | None:
        return mean(files.right[of][files.confidence[of] >= SURE])

    def missed_percussion(of: IntArray) -> float | None:
        return None if percussion is None else mean(percussion[of] < MIN_PERCUSSION)

    return {
        "top1": lambda of: mean(files.right[of]),
        "balanced_top1": balanced,
        "top3": lambda of: mean(files.among_three[of]),
        "calibration_error": lambda of: calibration_error(files.confidence[of], files.right[of]),
        "sure_precision": sure_precision,
        "sure_coverage": lambda of: mean(files.confidence[of] >= SURE),
        "neighbours": lambda of: mean(files.neighbours[of][~np.isnan(files.neighbours[of])]),
        "certain_top1": lambda of: None if certain is None else mean(files.right[of][certain[of]]),
        "missed_percussion": missed_percussion,
    }


def _groups(dataset: Dataset) -> IntArray:
    names = [item.group or f"file {i}" for i, item in enumerate(dataset.items)]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _certain(dataset: Dataset) -> BoolArray | None:
    confidences = np.array([item.confidence for item in dataset.items], str)
    return confidences == "high" if (confidences != "").any() else None


def _class_figures(confusion: IntArray, classes: Sequence[str]) -> tuple[ClassFigures, ...]:
    found, n, hits = confusion.sum(axis=0), confusion.sum(axis=1), confusion.diagonal()
    return tuple(
        ClassFigures(
            code,
            int(n[i]),
            float(hits[i] / n[i]) if n[i] else None,
            float(hits[i] / found[i]) if found[i] else None,
        )
        for i, code in enumerate(classes)
    )
