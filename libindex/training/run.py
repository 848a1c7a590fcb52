"""A whole training run: read, set aside, fit, calibrate, measure, save."""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from libindex.errors import ModelError, UsageError
from libindex.network.analyser import (
    Analyser,
    Network,
    load_network,
    new_network,
    resolve_device,
    save_network,
)
from libindex.network.architecture import ResidualConfig
from libindex.network.modelfile import WEIGHTS_SUFFIX, ModelFile
from libindex.network.residual import ResidualCnnLstm
from libindex.sound.mel import LogMel, MelConfig
from libindex.training.about import about
from libindex.training.config import FitConfig, Progress
from libindex.training.data.dataset import (
    Item,
    classes_to_train,
    hold_out,
    in_common,
    load,
    of_split,
    read_items,
    require_classes,
)
from libindex.training.evaluation.evaluate import Report, evaluate, predict
from libindex.training.fitting.calibration import fit_temperature
from libindex.training.fitting.fit import Fit
from libindex.training.fitting.forward import predict_logits
from libindex.training.threads import cpu_threads

INPUT = MelConfig(
    sample_rate=44_100,
    hop_length=1_024,
    max_frames=150,
    loaded_frames=150,
    range_db=60.0,
    power_floor=1e-10,
)
"""What a new network hears: higher frequencies and softer sound than the original."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train, and where the result goes.

    Attributes
    ----------
    folder : Path
        Labelled sounds.
    out : Path
        The weights that are written (.safetensors).
    name : str
        The network's name, for people.
    fit : FitConfig
        How to train; its `bfloat16` is set here.
    valid : Path or None
        Sounds for the closing report; None for the manifest's valid split.
    init : Path or None
        A network to start from; None for random weights.
    teachers : tuple of Path
        Networks to learn from besides, with the same input and classes.
    calibration : Path or None
        A network trained in the same way whose temperature is taken over, so that all sounds can
        be trained on; None to hold a part of them out and calibrate on it.
    device : str
        "auto", "cpu", "cuda" or "mps".
    resume : bool
        Go on from the checkpoint of an interrupted run.
    """

    folder: Path
    out: Path
    name: str
    fit: FitConfig
    valid: Path | None = None
    init: Path | None = None
    teachers: tuple[Path, ...] = ()
    calibration: Path | None = None
    device: str = "auto"
    resume: bool = False

    @property
    def checkpoint(self) -> Path:
        """Where the state after each epoch is kept."""
        return self.out.with_name(self.out.stem + ".checkpoint.pt")

    @property
    def origins(self) -> dict[str, Any]:
        """Names of the networks that it begins with, learns from and is calibrated as."""
        return {
            "init": self.init.name if self.init else None,
            "teachers": [path.name for path in self.teachers],
            "calibration": self.calibration.name if self.calibration else None,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training made.

    Attributes
    ----------
    model : ModelFile
        The network that was written.
    report : Report or None
        Its figures on validation sounds, None if there were none.
    """

    model: ModelFile
    report: Report | None


def train(
    plan: Plan,
    progress: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Outcome:
    """Train a network and write it.

    Parameters
    ----------
    plan : Plan
        What and how.
    progress : callable, optional
        Called after each step and each epoch.
    say : callable, optional
        Called with lines for people, such as a file that is skipped.

    Returns
    -------
    Outcome
        The files are written; the checkpoint is removed.

    Raises
    ------
    LibindexError
        If the data or the settings can't be used.
    """
    tell = say or (lambda _: None)
    _check_out(plan)
    device = resolve_device(plan.device)
    plan = replace(plan, fit=replace(plan.fit, bfloat16=fast_in_bfloat16(device)))
    items = read_items(plan.folder)
    training = of_split(items, "train")
    classes = classes_to_train(training, plan.folder)
    validation = _validation(plan, items, classes)
    mel, network = _initial(plan, classes)
    teachers = [_teacher(path, classes, mel) for path in plan.teachers]
    temperature = _taken_over(plan, classes, mel)
    if known := in_common(training, validation):
        tell(
            f"{known} of the {len(validation)} validation sounds are trained on too; "
            "the closing report flatters the network"
        )
    log_mel = LogMel(mel)
    read = partial(
        load, threads=os.cpu_count() or 1, on_skip=lambda error: tell(f"skipped {error}")
    )
    with cpu_threads() as background:
        # All is read before the first epoch: better a file can't be used now than after hours.
        valid = read(validation, classes, log_mel) if validation else None
        if valid is not None and not valid.items:
            raise UsageError("none of its validation sounds can be used", plan.valid or plan.folder)
        parts = hold_out(training) if plan.calibration is None else (training, [])
        kept, held = (read(part, classes, log_mel) for part in parts)
        require_classes(kept, classes)
        fit = Fit(network, kept, held, plan.fit, device, teachers)
        if plan.resume:
            fit.resume(plan.checkpoint)
        averaged = fit.run(log_mel, plan.checkpoint, progress, background).to("cpu")
        if temperature is None:
            logits = predict_logits(averaged, held.mels, torch.device("cpu"))
            temperature = fit_temperature(logits, held.labels)
        model = _described(plan, classes, mel, averaged, temperature)
        report = None
        if valid is not None:
            report = evaluate(predict(Analyser(model, averaged, "cpu"), valid), classes)
    model = replace(model, about=about(fit, temperature, report, plan.origins))
    save_network(model, averaged)
    plan.checkpoint.unlink(missing_ok=True)
    return Outcome(model, report)


def fast_in_bfloat16(device: torch.device) -> bool:
    """Whether convolutions in bfloat16 are faster than in float32; on a CPU, twice."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device.type == "cpu" and supported is not None and supported() is True


def _check_out(plan: Plan) -> None:
    if plan.out.suffix != WEIGHTS_SUFFIX:
        raise UsageError(f"the name of the weights must end in {WEIGHTS_SUFFIX}", plan.out)
    if plan.checkpoint.exists() and not plan.resume:
        raise UsageError(
            "is the checkpoint of an interrupted run; add --resume to go on, or delete it",
            plan.checkpoint,
        )
    try:
        plan.out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=plan.out.parent):
            pass  # it can be written there
    except OSError as error:
        raise ModelError(f"can't be written ({error.strerror})", plan.out) from None
    if plan.out.is_dir():
        raise UsageError("is a folder; name the file of the weights", plan.out)


def _validation(plan: Plan, items: Iterable[Item], classes: Sequence[str]) -> list[Item]:
    if plan.valid is None:
        found = [item for item in items if item.split == "valid"]
    else:
        found = of_split(read_items(plan.valid), "valid")
    # Better said now than after hours of training.
    unknown = sorted({item.label for item in found} - set(classes))
    if unknown:
        raise UsageError(
            f"has validation sounds of {', '.join(unknown)}, but none to train on",
            plan.valid or plan.folder,
        )
    return found


def _initial(plan: Plan, classes: Sequence[str]) -> tuple[MelConfig, Network]:
    """The network before training; from `plan.init` all that fits, by class name for the last."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.fit.seed)
        if plan.init is None:
            return INPUT, ResidualCnnLstm(ResidualConfig(outdim=len(classes)))
        model, trained = load_network(plan.init)
        network = new_network(replace(model.network, outdim=len(classes)))
    state = {k: v for k, v in trained.state_dict().items() if not k.startswith("fc2.")}
    network.load_state_dict(state, strict=False)
    with torch.no_grad():
        for row, label in enumerate(classes):
            if label in model.classes:
                known = model.classes.index(label)
                network.fc2.weight[row] = trained.fc2.weight[known]
                network.fc2.bias[row] = trained.fc2.bias[known]
    return model.mel, network


def _teacher(path: Path, classes: Sequence[str], mel: MelConfig) -> Network:
    model, network = load_network(path)
    _require_same(model, classes, mel, "teach it")
    return network


def _taken_over(plan: Plan, classes: Sequence[str], mel: MelConfig) -> float | None:
    """The temperature of `plan.calibration`, None where one is to be fitted."""
    if plan.calibration is None:
        return None
    model = ModelFile.read(plan.calibration)
    _require_same(model, classes, mel, "calibrate it")
    return model.temperature


def _require_same(model: ModelFile, classes: Sequence[str], mel: MelConfig, role: str) -> None:
    if model.classes != tuple(classes):
        raise UsageError(f"has other classes than the sounds; it can't {role}", model.path)
    if model.mel != mel:
        raise UsageError(
            f"hears another spectrogram than the new network; it can't {role}", model.path
        )


def _described(
    plan: Plan, classes: tuple[str, ...], mel: MelConfig, network: Network, temperature: float
) -> ModelFile:
    knows_strangers = plan.fit.stranger_share > 0 and plan.fit.stranger_weight > 0
    return ModelFile(
        plan.out, plan.name, classes, mel, network.config, temperature, knows_strangers
    )
