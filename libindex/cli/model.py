"""``libindex model``: train, measure, import and describe networks."""

import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from libindex.paths import display
from libindex.settings import DEVICES
from libindex.training.config import FitConfig

if TYPE_CHECKING:
    from libindex.network.modelfile import ModelFile
    from libindex.training.config import Progress
    from libindex.training.evaluation.evaluate import Report
    from libindex.training.evaluation.nearest import Heard
    from libindex.training.run import Outcome, Plan

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(path_type=Path)
_REDRAW_S = 0.2

_device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Where to compute.",
)


@click.group()
def model() -> None:
    """Train, measure, import and describe networks."""


@model.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--valid", type=_FOLDER, help="Sounds for the closing report.  [default: DIR's own]")
@click.option("--out", type=_FILE, help="Weights to write.  [default: NAME.safetensors]")
@click.option("--name", help="Name of the network.  [default: that of OUT or DIR]")
@click.option("--init", type=_FILE, help="Network to start from.  [default: random weights]")
@click.option(
    "--teacher",
    "teachers",
    type=_FILE,
    multiple=True,
    help="Network of the same classes to learn from besides; can be repeated.  [default: none]",
)
@click.option(
    "--calibration",
    metavar="MODEL",
    type=_FILE,
    help="Network trained in the same way: take its calibration over and train on all of DIR.  "
    "[default: hold a part of DIR out]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=FitConfig().epochs,
    show_default=True,
    help="Passes through DIR.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=FitConfig().seed,
    show_default=True,
    help="Decides all that is random.",
)
@_device_option
@click.option("--resume", is_flag=True, help="Go on after an interruption.  [default: begin anew]")
def train(folder: Path, out: Path | None, name: str | None, **options: Any) -> None:
    """Train a network on your own labelled sounds.

    DIR has one sub-folder for each class, or a manifest.csv with the columns file and class,
    and if you like split (train, valid), unit, confidence, source and licence. A part is held
    out to calibrate the probabilities; give units (a drum machine, a kit) where you can.
    """
    outcome = _run_training(_plan(folder, out, name, **options))
    if outcome.report is not None:
        from libindex.training.evaluation.report_text import as_text

        click.echo(as_text(outcome.report))
    click.echo(_wrote(outcome.model), err=True)


@model.command()
@click.argument("network", metavar="MODEL", type=_FILE)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--split",
    type=click.Choice(["valid", "train", "all"]),
    default="valid",
    show_default=True,
    help="Part of a manifest; without splits, everything is used.",
)
@_device_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.  [default: text]")
@click.option(
    "--neighbours",
    metavar="N",
    type=click.IntRange(min=1),
    help="Also print what sounds like N files, of as many classes.  [default: none]",
)
@click.option(
    "--pictures",
    metavar="FOLDER",
    type=_FILE,
    help="Also draw confusion.png and reliability.png there.  [default: none]",
)
def evaluate(
    network: Path,
    folder: Path,
    split: str,
    device: str,
    as_json: bool,
    neighbours: int | None,
    pictures: Path | None,
) -> None:
    """Measure a network on labelled sounds.

    DIR is laid out as for training. Only sounds that the network was not trained on, from units
    that it does not know, say how good it will be on yours. Besides, every sound is changed in
    eight ways and looked for among the unchanged ones, and 200 synthetic sounds that are no
    percussion show how often the network is sure of a class all the same, and how often it
    recognises them.
    """
    from libindex.training.evaluation import pictures as drawing
    from libindex.training.evaluation.measuring import measure
    from libindex.training.evaluation.nearest import listen

    if pictures is not None:
        drawing.ready(pictures)
    measured = measure(network, folder, split, device, _say)
    heard = listen(measured.predictions, measured.items, neighbours) if neighbours else []
    _show(measured.report, heard, as_json)
    if pictures is not None:
        for path in drawing.draw(measured.report, pictures):
            _say(f"Wrote {display(path)}.")


@model.command(name="import")
@click.argument("checkpoint", metavar="FILE.model", type=_FILE)
@click.argument("out", metavar="OUT", type=_FILE)
def import_(checkpoint: Path, out: Path) -> None:
    """Convert a checkpoint of the original DrumClassifier.

    Only numbers are read from it: no code in it is executed. OUT gets .safetensors as its end.
    """
    from libindex.network.analyser import import_original

    converted = import_original(checkpoint, out)
    click.echo(_wrote(converted))
    click.echo(
        "Its probabilities are not calibrated, and stand for the original's 30 classes.", err=True
    )


@model.command()
@click.argument("network", metavar="[MODEL]", type=_FILE, required=False)
def info(network: Path | None) -> None:
    """Describe a network; without MODEL, the one that comes with libindex."""
    from libindex.network.analyser import load_network
    from libindex.resources import default_model

    description, loaded = load_network(network or default_model())
    parameters = sum(p.numel() for p in loaded.parameters())
    width = 20
    for title, text in _facts(description, parameters).items():
        click.echo(f"{title:<{width}}{text}")


def _show(report: "Report", heard: "list[Heard]", as_json: bool) -> None:
    from libindex.training.about import rounded
    from libindex.training.evaluation.nearest import as_table
    from libindex.training.evaluation.report_text import as_text

    if as_json:
        document = report.to_json() | ({"nearest": [h.to_json() for h in heard]} if heard else {})
        click.echo(json.dumps(rounded(document), indent=2))
    else:
        click.echo(as_text(report) + (f"\n\n{as_table(heard)}" if heard else ""))


def _plan(folder: Path, out: Path | None, name: str | None, **options: Any) -> "Plan":
    from libindex.training.run import Plan

    name = name or (out.stem if out else folder.resolve().name)
    fit = FitConfig(epochs=options.pop("epochs"), seed=options.pop("seed"))
    return Plan(folder, out or Path(f"{name}.safetensors"), name, fit, **options)


def _run_training(plan: "Plan") -> "Outcome":
    from libindex.training.run import train as run

    _say(f"Reading {display(plan.folder)} ...")
    try:
        with _TrainingProgress() as progress:
            return run(plan, progress, _say)
    except KeyboardInterrupt:
        kept = plan.checkpoint.exists()
        _say(
            f"Interrupted. Its state is in {display(plan.checkpoint)}; go on with --resume."
            if kept
            else "Interrupted before the first epoch was complete; nothing was kept."
        )
        sys.exit(130)


def _facts(description: "ModelFile", parameters: int) -> dict[str, str]:
    mel, layers, about = description.mel, description.network, description.about
    seconds = mel.max_frames * mel.hop_length / mel.sample_rate
    facts = {
        "name": description.name,
        "file": display(description.path),
        "fingerprint": description.fingerprint,
        "classes": f"{len(description.classes)}: {' '.join(description.classes)}",
        "input": f"{mel.n_mels} mel bands, {mel.sample_rate} Hz, n_fft {mel.n_fft}, hop "
        f"{mel.hop_length}, at most {mel.max_frames} frames ({seconds:.2f} s)",
        "layers": f"convolutions of {', '.join(map(str, layers.filters))} filters, "
        f"bidirectional LSTM of {layers.lstm_dim}, linear {layers.fc1_dim} and {layers.outdim}",
        "latent": f"{layers.latent_size} numbers",
        "parameters": f"{parameters:,}",
        "calibration": f"temperature {description.temperature:.3f}",
    }
    if description.knows_strangers:
        facts["strangers"] = "told from percussion"
    for name in ("top1", "balanced_top1", "top3", "calibration_error", "neighbours"):
        figure = _member(about, "metrics", "valid", name)
        if _member(figure, "value") is not None:
            facts[name.replace("_", " ")] = _interval(figure)
    return facts


def _member(document: Any, *path: str) -> Any:
    """A value within JSON objects, None where there is none; people may write what they like."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _wrote(description: "ModelFile") -> str:
    return f"Wrote {display(description.path)}, and the .json beside it."


def _interval(figure: dict[str, Any]) -> str:
    value, low, high = (figure.get(key) for key in ("value", "low", "high"))
    if not isinstance(value, float):
        return str(value)
    if not isinstance(low, float) or not isinstance(high, float):
        return f"{value:.3f}"
    return f"{value:.3f} (95 % interval {low:.3f} to {high:.3f})"


def _say(line: str) -> None:
    click.echo(line, err=True)


class _TrainingProgress:
    """Callable that shows each `Progress`; leaves a clean line behind."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._drawn = 0.0

    def __enter__(self) -> "_TrainingProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def __call__(self, progress: "Progress") -> None:
        if progress.seconds is not None:
            self._clear()
            click.echo(_epoch_line(progress), err=True)
        elif self._live and time.monotonic() - self._drawn > _REDRAW_S:
            self._drawn = time.monotonic()
            click.echo(f"\r\033[K{_step_line(progress)}", nl=False, err=True)

    def _clear(self) -> None:
        if self._live:
            click.echo("\r\033[K", nl=False, err=True)


def _epoch_line(progress: "Progress") -> str:
    held = progress.held_top1
    shown = "" if held is None else f", held-out top-1 {held:.3f}"
    return (
        f"epoch {progress.epoch}/{progress.epochs}: loss {progress.loss:.3f}{shown}, "
        f"{progress.seconds:.0f} s"
    )


def _step_line(progress: "Progress") -> str:
    return (
        f"epoch {progress.epoch}/{progress.epochs}, step {progress.step}/{progress.steps}, "
        f"loss {progress.loss:.3f}"
    )
