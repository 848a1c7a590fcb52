"""The `about` of a network's JSON: training settings, figures, data."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from libindex.training.data.dataset import Dataset
from libindex.training.evaluation.evaluate import Report
from libindex.training.fitting.calibration import negative_log_likelihood
from libindex.training.fitting.fit import Fit
from libindex.training.fitting.forward import predict_logits


def about(
    fit: Fit,
    temperature: float,
    report: Report | None,
    origins: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe a training run; without paths of this machine.

    Parameters
    ----------
    fit : Fit
        The run, at its end.
    temperature : float
        From calibration.
    report : Report or None
        Figures on validation sounds.
    origins : mapping of str to JSON value
        Names of the networks it was initialised, taught and calibrated from.
    """
    metrics: dict[str, Any] = {"held_out": _held_out_metrics(fit, temperature)}
    if report is not None:
        metrics["valid"] = rounded(report.to_json())
    settings = {
        **asdict(fit.config),
        **origins,
        "device": str(fit.device),
        "history": rounded(fit.history),
    }
    return {"training": settings, "metrics": metrics, "data": _data(fit.dataset, fit.held)}


def _held_out_metrics(fit: Fit, temperature: float) -> dict[str, Any]:
    held = fit.held
    if not held.items:
        return {"files": 0}
    logits = predict_logits(fit.averaged, held.mels, torch.device("cpu"))
    values = {
        "files": len(held.items),
        "top1": float((logits.argmax(axis=1) == held.labels).mean()),
        "nll_uncalibrated": negative_log_likelihood(logits, held.labels),
        "nll_calibrated": negative_log_likelihood(logits / temperature, held.labels),
    }
    return dict(rounded(values))


def _data(kept: Dataset, held: Dataset) -> dict[str, Any]:
    everything = (*kept.items, *held.items)
    sources = Counter((i.source, i.licence) for i in everything if i.source or i.licence)
    return {
        "files": len(kept.items),
        "held_out_files": len(held.items),
        "groups": len({item.group for item in kept.items if item.group}),
        "held_out_groups": sorted({item.group for item in held.items if item.group}),
        "skipped_files": len(kept.skipped) + len(held.skipped),
        "files_per_class": dict(Counter(item.label for item in everything).most_common()),
        "sources": [
            {"source": source, "licence": licence, "files": count}
            for (source, licence), count in sources.most_common()
        ],
    }


def rounded(value: Any) -> Any:
    """A JSON value with its floats to four places."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
