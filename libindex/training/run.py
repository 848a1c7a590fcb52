"""A whole training run: read, hold out, fit, calibrate, evaluate, save."""

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
    AnyNetwork,
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
"""Input of a new network: higher frequencies and a wider dynamic range than the original's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train, and where to write the result.

    Attributes
    ----------
    folder : Path
        Labelled sounds.
    out : Path
        The weights to write (.safetensors).
    name : str
        The network's name.
    fit : FitConfig
        Settings; `bfloat16` is set by `train`.
    valid : Path or None
        Sounds for the final report; None for the manifest's valid split.
    init : Path or None
        A network to start from; None for random weights.
    teachers : tuple of Path
        Networks to distil, with the same input and classes.
    calibration : Path or None
        A network trained in the same way whose temperature is reused, so that no sounds are held
        out; None to hold some out and calibrate on them.
    device : str
        "auto", "cpu", "cuda" or "mps".
    resume : bool
        Continue from the checkpoint of an interrupted run.
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
        """Where the state is saved after each epoch."""
        return self.out.with_name(self.out.stem + ".checkpoint.pt")

    @property
    def origins(self) -> dict[str, Any]:
        """Names of the networks it is initialised, taught and calibrated from."""
        return {
            "init": self.init.name if self.init else None,
            "teachers": [path.name for path in self.teachers],
            "calibration": self.calibration.name if self.calibration else None,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of training.

    Attributes
    ----------
    model : ModelFile
        The network that was written.
    report : Report or None
        Figures on validation sounds; None if there were none.
    """

    model: ModelFile
    report: Report | None


def train(
    plan: Plan,
    on_progress: Callable[[Progress], None] | None = None,
    on_message: Callable[[str], None] | None = None,
) -> Outcome:
    """Train a network and write it.

    Parameters
    ----------
    plan : Plan
        What to train.
    on_progress : callable, optional
        Called after each step and each epoch.
    on_message : callable, optional
        Called with messages, such as that a file is skipped.

    Returns
    -------
    Outcome
        The files are written and the checkpoint is removed.

    Raises
    ------
    LibindexError
        If the data or the settings can't be used.
    """
    log = on_message or (lambda _: None)
    _check_out(plan)
    device = resolve_device(plan.device)
    plan = replace(plan, fit=replace(plan.fit, bfloat16=fast_in_bfloat16(device)))
    items = read_items(plan.folder)
    training = of_split(items, "train")
    classes = classes_to_train(training, plan.folder)
    validation = _validation(plan, items, classes)
    mel, network = _initial(plan, classes)
    teachers = [_teacher(path, classes, mel) for path in plan.teachers]
    temperature = _reused_temperature(plan, classes, mel)
    if shared := in_common(training, validation):
        log(
            f"{shared} of the {len(validation)} validation sounds are also in the training data; "
            "the final report will be too optimistic"
        )
    log_mel = LogMel(mel)
    read = partial(load, threads=os.cpu_count() or 1, on_skip=lambda error: log(f"skipped {error}"))
    with cpu_threads() as background:
        # Everything is read before the first epoch, so that errors don't show up hours later.
        valid = read(validation, classes, log_mel) if validation else None
        if valid is not None and not valid.items:
            raise UsageError("has no usable validation sounds", plan.valid or plan.folder)
        parts = hold_out(training) if plan.calibration is None else (training, [])
        kept, held = (read(part, classes, log_mel) for part in parts)
        require_classes(kept, classes)
        fit = Fit(network, kept, held, plan.fit, device, teachers)
        if plan.resume:
            fit.resume(plan.checkpoint)
        averaged = fit.run(log_mel, plan.checkpoint, on_progress, background).to("cpu")
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
    """Whether convolutions are faster in bfloat16 than in float32; on a CPU, twice as fast."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device.type == "cpu" and supported is not None and supported() is True


def _check_out(plan: Plan) -> None:
    if plan.out.suffix != WEIGHTS_SUFFIX:
        raise UsageError(f"the name of the weights must end in {WEIGHTS_SUFFIX}", plan.out)
    if plan.checkpoint.exists() and not plan.resume:
        raise UsageError(
            "is the checkpoint of an interrupted run; continue it with --resume, or delete it",
            plan.checkpoint,
        )
    try:
        plan.out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=plan.out.parent):
            pass  # the folder is writable
    except OSError as error:
        raise ModelError(f"can't be written ({error.strerror})", plan.out) from None
    if plan.out.is_dir():
        raise UsageError("is a folder; name the file of the weights", plan.out)


def _validation(plan: Plan, items: Iterable[Item], classes: Sequence[str]) -> list[Item]:
    if plan.valid is None:
        found = [item for item in items if item.split == "valid"]
    else:
        found = of_split(read_items(plan.valid), "valid")
    unknown = sorted({item.label for item in found} - set(classes))
    if unknown:
        raise UsageError(
            f"has validation sounds of {', '.join(unknown)}, but no training sounds",
            plan.valid or plan.folder,
        )
    return found


def _initial(plan: Plan, classes: Sequence[str]) -> tuple[MelConfig, AnyNetwork]:
    """The network before training; `plan.init` gives all but the outputs of new classes."""
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


def _teacher(path: Path, classes: Sequence[str], mel: MelConfig) -> AnyNetwork:
    model, network = load_network(path)
    _require_same(model, classes, mel, "be its teacher")
    return network


def _reused_temperature(plan: Plan, classes: Sequence[str], mel: MelConfig) -> float | None:
    """The temperature of `plan.calibration`; None if one is to be fitted."""
    if plan.calibration is None:
        return None
    model = ModelFile.read(plan.calibration)
    _require_same(model, classes, mel, "calibrate it")
    return model.temperature


def _require_same(model: ModelFile, classes: Sequence[str], mel: MelConfig, role: str) -> None:
    if model.classes != tuple(classes):
        raise UsageError(f"has other classes than the training data; it can't {role}", model.path)
    if model.mel != mel:
        raise UsageError(f"has another mel input than the new network; it can't {role}", model.path)


def _described(
    plan: Plan, classes: tuple[str, ...], mel: MelConfig, network: AnyNetwork, temperature: float
) -> ModelFile:
    has_percussion_score = plan.fit.ood_share > 0 and plan.fit.ood_weight > 0
    return ModelFile(
        plan.out, plan.name, classes, mel, network.config, temperature, has_percussion_score
    )
