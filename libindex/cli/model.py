"""``libindex model``: train, evaluate, import and describe networks."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.hints import next_step
from libindex.paths import display
from libindex.settings import DEVICES
from libindex.training.config import FitConfig

if TYPE_CHECKING:
    from libindex.network.modelfile import ModelFile
    from libindex.training.config import Progress
    from libindex.training.evaluation.evaluate import Report
    from libindex.training.evaluation.nearest import NearestFiles
    from libindex.training.run import Outcome, Plan

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(path_type=Path)

_device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Device to compute on.",
)


@click.group()
def model() -> None:
    """Train, evaluate, import and describe networks."""


@model.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--valid",
    type=_FOLDER,
    metavar="DIR",
    help="Validation sounds for the final report. [default: those of DIR]",
)
@click.option(
    "--out", type=_FILE, metavar="FILE", help="Weights file to write. [default: NAME.safetensors]"
)
@click.option("--name", metavar="NAME", help="Name of the network. [default: that of --out or DIR]")
@click.option(
    "--init",
    type=_FILE,
    metavar="MODEL",
    help="Network to fine-tune. [default: random weights]",
)
@click.option(
    "--teacher",
    "teachers",
    type=_FILE,
    multiple=True,
    metavar="MODEL",
    help="Network with the same classes to distil; can be given several times.",
)
@click.option(
    "--calibration",
    metavar="MODEL",
    type=_FILE,
    help="Reuse the calibration of this network, trained in the same way, and train on all of "
    "DIR. [default: calibrate on a held-out part of DIR]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=FitConfig().epochs,
    show_default=True,
    metavar="N",
    help="Number of passes over the data.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=FitConfig().seed,
    show_default=True,
    metavar="N",
    help="Seed of all random choices.",
)
@_device_option
@click.option("--resume", is_flag=True, help="Continue an interrupted run.")
def train(folder: Path, out: Path | None, name: str | None, **options: Any) -> None:
    """Train a network on your own labelled sounds.

    DIR has one sub-folder per class, or a manifest.csv with the columns file and class, and
    optionally split (train or valid), group, confidence, source and licence. Part of the data
    is held out to calibrate the probabilities. Specify groups (a drum machine, a kit) if you can:
    a group is held out or trained on as a whole.
    """
    outcome = _run_training(_plan(folder, out, name, **options))
    if outcome.report is not None:
        from libindex.training.evaluation.report_text import as_text

        click.echo(as_text(outcome.report))
    click.echo(_wrote(outcome.model), err=True)
    _hint_scan(outcome.model)


@model.command()
@click.argument("network", metavar="MODEL", type=_FILE)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--split",
    type=click.Choice(["valid", "train", "all"]),
    default="valid",
    show_default=True,
    help="Part of the manifest to use; all of it if it has no splits.",
)
@_device_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--neighbours",
    metavar="N",
    type=click.IntRange(min=1),
    help="Also print the nearest neighbours of N files.",
)
@click.option(
    "--pictures",
    metavar="FOLDER",
    type=_FILE,
    help="Also write confusion.png and reliability.png to FOLDER.",
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
    """Evaluate a network on labelled sounds.

    DIR has the same layout as for training. To estimate the accuracy on other sample libraries,
    use sounds from groups that the network was not trained on.

    Also measures robustness (8 edits per sound) and false alarms (200 synthetic sounds that are
    not percussion).
    """
    from libindex.training.evaluation import pictures as drawing
    from libindex.training.evaluation.measuring import measure
    from libindex.training.evaluation.nearest import nearest_files

    if pictures is not None:
        drawing.ready(pictures)
    measured = measure(network, folder, split, device, _say)
    nearest = nearest_files(measured.predictions, measured.items, neighbours) if neighbours else []
    _show(measured.report, nearest, as_json)
    if pictures is not None:
        for path in drawing.draw(measured.report, pictures):
            _say(f"Wrote {display(path)}.")


@model.command(name="import")
@click.argument("checkpoint", metavar="FILE.model", type=_FILE)
@click.argument("out", metavar="OUT", type=_FILE)
def import_(checkpoint: Path, out: Path) -> None:
    """Convert a checkpoint of the original DrumClassifier.

    Only reads weights: code in the file is never executed. The suffix .safetensors is added to OUT.
    """
    from libindex.network.analyser import import_original

    converted = import_original(checkpoint, out)
    click.echo(_wrote(converted))
    click.echo("Its probabilities are not calibrated; its classes are the original's 30.", err=True)
    _hint_scan(converted)


@model.command()
@click.argument("network", metavar="[MODEL]", type=_FILE, required=False)
def info(network: Path | None) -> None:
    """Describe a network; by default the one that comes with libindex."""
    from libindex.network.analyser import load_network
    from libindex.resources import default_model

    description, loaded = load_network(network or default_model())
    parameters = sum(p.numel() for p in loaded.parameters())
    width = 20
    for title, text in _facts(description, parameters).items():
        click.echo(f"{title:<{width}}{text}")


def _show(report: "Report", nearest: "list[NearestFiles]", as_json: bool) -> None:
    from libindex.training.about import rounded
    from libindex.training.evaluation.nearest import as_table
    from libindex.training.evaluation.report_text import as_text

    if as_json:
        document = report.to_json()
        if nearest:
            document["nearest"] = [files.to_json() for files in nearest]
        click.echo(json.dumps(rounded(document), indent=2))
    else:
        click.echo(as_text(report) + (f"\n\n{as_table(nearest)}" if nearest else ""))


def _plan(folder: Path, out: Path | None, name: str | None, **options: Any) -> "Plan":
    from libindex.training.run import Plan

    name = name or (out.stem if out else folder.resolve().name)
    fit = FitConfig(epochs=options.pop("epochs"), seed=options.pop("seed"))
    return Plan(folder, out or Path(f"{name}.safetensors"), name, fit, **options)


def _run_training(plan: "Plan") -> "Outcome":
    from libindex.training.run import train as run

    _say(f"Reading {display(plan.folder)} ...")
    try:
        with _progress() as progress:
            return run(plan, progress, _say)
    except KeyboardInterrupt:
        kept = plan.checkpoint.exists()
        _say(
            f"Interrupted. Saved {display(plan.checkpoint)}; continue with --resume."
            if kept
            else "Interrupted during the first epoch; nothing was saved."
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
    if description.has_percussion_score:
        facts["percussion score"] = "yes"
    for name in ("top1", "balanced_top1", "top3", "calibration_error", "neighbours"):
        figure = _member(about, "metrics", "valid", name)
        if _member(figure, "value") is not None:
            facts[name.replace("_", " ")] = _interval(figure)
    return facts


def _member(document: Any, *path: str) -> Any:
    """A value in nested JSON objects, or None; people may edit the file by hand."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _wrote(description: "ModelFile") -> str:
    return f"Wrote {display(description.path)}, and the .json beside it."


def _hint_scan(description: "ModelFile") -> None:
    path = shlex.quote(display(description.path))
    next_step(f"Analyse your library with it: libindex scan --model {path}")


def _interval(figure: dict[str, Any]) -> str:
    value, low, high = (figure.get(key) for key in ("value", "low", "high"))
    if not isinstance(value, float):
        return str(value)
    if not isinstance(low, float) or not isinstance(high, float):
        return f"{value:.3f}"
    return f"{value:.3f} (95 % interval {low:.3f} to {high:.3f})"


def _say(line: str) -> None:
    # Not err=True, which would write over the progress bar.
    click.echo(line, file=sys.stderr)


@contextmanager
def _progress() -> "Iterator[Callable[[Progress], None]]":
    """A line for each epoch, and on a terminal a progress bar."""
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    console, hidden = Console(stderr=True), not sys.stderr.isatty()
    with bars.Progress(*columns, console=console, transient=True, disable=hidden) as shown:
        task = shown.add_task("reading", total=None)

        def update(progress: "Progress") -> None:
            if progress.seconds is not None:
                _say(_epoch_line(progress))
            shown.update(
                task,
                description=f"epoch {progress.epoch}/{progress.epochs}, loss {progress.loss:.3f}",
                completed=(progress.epoch - 1) * progress.steps + progress.step,
                total=progress.epochs * progress.steps,
            )

        yield update


def _epoch_line(progress: "Progress") -> str:
    held = progress.held_top1
    shown = "" if held is None else f", held-out top-1 {held:.3f}"
    return (
        f"epoch {progress.epoch}/{progress.epochs}: loss {progress.loss:.3f}{shown}, "
        f"{progress.seconds:.0f} s"
    )
