import csv
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result
from support.terminal import run_on_terminal

from libindex.cli import main
from libindex.cli.model import model
from libindex.errors import LibindexError, ModelError, UsageError
from libindex.instruments import CODES
from libindex.network.analyser import Analyser, load_network
from libindex.network.architecture import NetworkConfig, ResidualConfig
from libindex.network.modelfile import ModelFile
from libindex.network.original import CnnLstm
from libindex.resources import default_model
from libindex.training.config import FitConfig, Progress
from libindex.training.run import Plan, _initial

RATE = 22_050
SMALL = NetworkConfig(
    num_filters_11=16, num_filters_12=16, num_filters_13=16, lstm_dim=8, fc1_dim=8
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _few_ood_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libindex.training.evaluation.false_alarms.EACH", 1)


def run(*arguments: Any) -> Result:
    # Click keeps a command's help option, so it must have the names that it has below `main`.
    return CliRunner().invoke(
        model, [str(a) for a in arguments], help_option_names=["--help", "-h"]
    )


def succeed(*arguments: Any) -> Result:
    result = run(*arguments)
    if result.exception is not None:
        raise result.exception
    return result


def error_of(*arguments: Any) -> LibindexError:
    error = run(*arguments).exception
    assert isinstance(error, LibindexError)
    assert "\n" not in str(error)
    return error


def write(path: Path, sound: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.5 * sound, RATE)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes with names of the user's own, a folder each."""
    folder = tmp_path_factory.mktemp("own") / "sounds"
    t = np.arange(RATE // 10) / RATE
    for seed in range(6):
        rng = np.random.default_rng(seed)
        write(folder / "boing" / f"{seed}.wav", np.sin(2 * np.pi * rng.uniform(200, 400) * t))
        write(folder / "zap" / f"{seed}.wav", rng.uniform(-1, 1, len(t)) * np.exp(-t / 0.02))
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained network, which makes training quick."""
    from libindex.network.analyser import save_network

    path = tmp_path_factory.mktemp("start") / "start.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_network(ModelFile(path, "start", CODES, network=SMALL), CnnLstm(SMALL))
    return path


@pytest.fixture(scope="module")
def trained(sounds: Path, start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "own.safetensors"
    succeed("train", sounds, "--out", out, "--init", start, "--epochs", 2, "--device", "cpu")
    return out


def write_manifest(sounds: Path, folder: Path, **columns: Callable[[int], str]) -> None:
    folder.mkdir()
    files = sorted(sounds.rglob("*.wav"))
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "class", *columns])
        for i, path in enumerate(files):
            values = [column(i) for column in columns.values()]
            writer.writerow([os.path.relpath(path, folder), path.parent.name, *values])


@pytest.mark.slow
def test_own_classes_can_be_trained(trained: Path) -> None:
    description, network = load_network(trained)
    assert description.name == "own"
    assert description.classes == ("boing", "zap")
    assert network.fc2.out_features == 2
    about = description.about
    assert about["data"]["files_per_class"] == {"boing": 6, "zap": 6}
    assert about["data"]["files"] + about["data"]["held_out_files"] == 12
    assert about["training"]["epochs"] == 2
    assert len(about["training"]["history"]) == 2
    assert description.has_percussion_score
    assert not trained.with_name("own.checkpoint.pt").exists()
    assert str(trained.parent) not in trained.with_suffix(".json").read_text()


@pytest.mark.slow
def test_training_is_reproducible(trained: Path, sounds: Path, start: Path, tmp_path: Path) -> None:
    again = tmp_path / "own.safetensors"
    succeed("train", sounds, "--out", again, "--init", start, "--epochs", 2, "--device", "cpu")
    assert again.read_bytes() == trained.read_bytes()


def test_training_starts_from_random_weights_and_reports_on_valid(
    sounds: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "data", tmp_path / "new" / "net.safetensors"
    write_manifest(
        sounds,
        folder,
        split=lambda i: "valid" if i % 3 == 0 else "train",
        group=lambda i: f"group{i // 2}",
        source=lambda i: "mine",
        licence=lambda i: "CC0-1.0",
    )
    result = succeed("train", folder, "--out", out, "--epochs", 1, "--name", "Mine")
    assert "top-1" in result.stdout
    assert result.stderr.count("epoch 1/1: loss") == 1
    description = ModelFile.read(out)
    assert description.name == "Mine"
    assert description.network == ResidualConfig(outdim=2)
    assert description.about["metrics"]["valid"]["files"] == 4
    assert description.about["data"]["sources"] == [
        {"source": "mine", "licence": "CC0-1.0", "files": 8}
    ]


def test_another_folder_can_be_the_validation(sounds: Path, start: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    arguments = ["--init", start, "--epochs", 1, "--valid", sounds, "--device", "cpu"]
    result = succeed("train", sounds, "--out", out, *arguments)
    assert ModelFile.read(out).about["metrics"]["valid"]["files"] == 12
    assert "12 of the 12 validation sounds are also in the training data" in result.stderr


@pytest.mark.slow
def test_a_terminal_shows_progress_and_the_next_step(
    sounds: Path, start: Path, tmp_path: Path
) -> None:
    out = tmp_path / "my net.safetensors"
    arguments = ["--out", str(out), "--init", str(start), "--epochs", "2", "--device", "cpu"]
    status, shown = run_on_terminal("model", "train", str(sounds), *arguments)
    assert status == 0
    # The bar is drawn ten times a second, and an epoch may take less.
    assert re.search(r"epoch [12]/2, loss", shown)
    assert re.search(r"^epoch 2/2: loss [\d.]+, held-out top-1 [\d.]+, \d+ s$", shown, re.MULTILINE)
    last = shown.strip().splitlines()[-1]
    assert last == f"Analyse your library with it: libindex scan --model '{out}'"


def test_a_bad_file_is_skipped_with_a_warning(sounds: Path, start: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_manifest(sounds, folder)
    with (folder / "manifest.csv").open("a") as file:
        file.write("missing.wav,zap\n")
    out = tmp_path / "net.safetensors"
    result = succeed("train", folder, "--out", out, "--init", start, "--epochs", 1)
    assert "skipped" in result.stderr
    assert "missing.wav: can't be read" in result.stderr


def test_training_data_that_cannot_be_used_is_explained(sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "one" / "kick").mkdir(parents=True)
    write(tmp_path / "one" / "kick" / "a.wav", np.ones(4000))
    assert "at least two" in str(error_of("train", tmp_path / "one"))
    assert "must end in .safetensors" in str(error_of("train", sounds, "--out", "net.pt"))
    assert run("train", tmp_path / "nowhere").exit_code == 2


def test_validation_that_can_not_be_used_is_refused_before_training(
    sounds: Path, tmp_path: Path
) -> None:
    valid = tmp_path / "valid"
    for label in ("boing", "zap"):
        (valid / label).mkdir(parents=True)
        (valid / label / "a.wav").write_bytes(b"no audio")
    out = tmp_path / "net.safetensors"
    error = error_of("train", sounds, "--valid", valid, "--out", out)
    assert "has no usable validation sounds" in str(error)
    assert list(tmp_path.glob("net*")) == []


def test_a_teacher_of_other_classes_is_refused(sounds: Path, start: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    error = error_of("train", sounds, "--teacher", start, "--out", out, "--epochs", 1)
    assert "has other classes than the training data; it can't be its teacher" in str(error)


def test_a_student_says_who_taught_it(trained: Path, sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "student.safetensors"
    options = ["--init", trained, "--teacher", trained, "--epochs", 1, "--device", "cpu"]
    succeed("train", sounds, *options, "--out", out)
    assert ModelFile.read(out).about["training"]["teachers"] == [trained.name]


def test_a_calibration_that_is_taken_over_lets_all_sounds_train(
    trained: Path, sounds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "whole.safetensors"
    options = ["--init", trained, "--calibration", trained, "--epochs", 1, "--device", "cpu"]
    succeed("train", sounds, *options, "--out", out)
    before, after = ModelFile.read(trained), ModelFile.read(out)
    assert before.about["data"]["held_out_files"] > 0
    assert after.about["data"]["held_out_files"] == 0
    assert after.about["data"]["files"] == sum(after.about["data"]["files_per_class"].values())
    assert after.temperature == before.temperature
    assert after.about["training"]["calibration"] == trained.name


def test_a_calibration_of_other_classes_is_refused(
    sounds: Path, start: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net.safetensors"
    error = error_of("train", sounds, "--calibration", start, "--out", out, "--epochs", 1)
    assert "has other classes than the training data; it can't calibrate it" in str(error)


@pytest.mark.parametrize(
    "about", [{"metrics": []}, {"metrics": {"valid": {"top1": 3}}}, {"metrics": {"valid": None}}]
)
def test_what_people_write_about_a_network_does_not_hide_it(
    trained: Path, tmp_path: Path, about: dict[str, Any]
) -> None:
    copy = _copy_of(trained, tmp_path, lambda document: document.update(about=about))
    assert "classes" in succeed("info", copy).output


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        ("network", {"dropout": 0.6}, "dropout is 0.6, more than 0.5"),
        ("mel", {"n_mels": 64}, "its layers take 128 mel bands, its input has 64"),
    ],
)
def test_layers_that_cannot_work_are_refused(
    tmp_path: Path, part: str, change: dict[str, Any], reason: str
) -> None:
    shipped = default_model()
    copy = _copy_of(shipped, tmp_path, lambda document: document[part].update(change))
    assert reason in str(error_of("info", copy))


def _copy_of(network: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    copy = folder / "copy.safetensors"
    shutil.copy(network, copy)
    document = json.loads(network.with_suffix(".json").read_text())
    change(document)
    copy.with_suffix(".json").write_text(json.dumps(document))
    return copy


def test_a_network_to_start_from_is_taken_over_by_class(trained: Path, tmp_path: Path) -> None:
    _, before = load_network(trained)
    classes = ("zap", "new", "boing")
    plan = Plan(tmp_path, tmp_path / "a.safetensors", "a", FitConfig(), init=trained)
    _, network = _initial(plan, classes)
    known = ModelFile.read(trained).classes
    for name, value in before.state_dict().items():
        if not name.startswith("fc2."):
            torch.testing.assert_close(network.state_dict()[name], value, rtol=0, atol=0)
    for row, label in enumerate(classes):
        if label in known:
            old = before.fc2.weight[known.index(label)]
            torch.testing.assert_close(network.fc2.weight[row], old, rtol=0, atol=0)


def test_a_folder_as_the_weights_is_refused_before_training(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    out.mkdir()
    assert "is a folder" in str(error_of("train", sounds, "--out", out))


def test_validation_with_a_class_of_its_own_is_refused_before_training(
    sounds: Path, tmp_path: Path
) -> None:
    valid = tmp_path / "valid"
    for label in ("boing", "clang"):
        write(valid / label / "a.wav", np.ones(4000))
    error = error_of("train", sounds, "--valid", valid, "--out", tmp_path / "net.safetensors")
    assert "validation sounds of clang" in str(error)


def test_resume_without_a_checkpoint_is_explained(
    sounds: Path, start: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net.safetensors"
    error = error_of("train", sounds, "--out", out, "--init", start, "--resume")
    assert "no checkpoint" in str(error)


def test_a_checkpoint_is_not_overwritten(sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "net.checkpoint.pt").write_bytes(b"days of work")
    error = error_of("train", sounds, "--out", tmp_path / "net.safetensors")
    assert "--resume" in str(error)


@pytest.mark.slow
def test_ctrl_c_keeps_the_checkpoint_and_resume_goes_on(
    sounds: Path, start: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, checkpoint = tmp_path / "own.safetensors", tmp_path / "own.checkpoint.pt"
    arguments = ("train", sounds, "--out", out, "--init", start, "--device", "cpu")

    def interrupt(progress: Progress) -> str:
        if progress.epoch == 2:
            signal.raise_signal(signal.SIGINT)
        return ""

    with monkeypatch.context() as patch:
        patch.setattr("libindex.cli.model._epoch_line", interrupt)
        result = run(*arguments, "--epochs", 2)
    assert result.exit_code == 130
    assert f"{checkpoint}; continue with --resume" in result.stderr
    assert not out.exists()
    assert "other data or settings" in str(error_of(*arguments, "--epochs", 4, "--resume"))
    succeed(*arguments, "--epochs", 2, "--resume")
    assert out.read_bytes() == trained.read_bytes()
    assert not checkpoint.exists()


def test_ctrl_c_in_the_first_epoch_says_that_nothing_was_saved(
    sounds: Path, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "libindex.cli.model._epoch_line", lambda _: signal.raise_signal(signal.SIGINT)
    )
    result = run("train", sounds, "--out", tmp_path / "net.safetensors", "--init", start)
    assert result.exit_code == 130
    assert "nothing was saved" in result.stderr


@pytest.mark.slow
def test_evaluate_prints_all_figures(trained: Path, sounds: Path) -> None:
    text = succeed("evaluate", trained, sounds).stdout
    for word in ("top-1", "balanced", "top-3", "calibration", "neighbours", "boing", "recall"):
        assert word in text
    for words in ("MP3 at 96 kbit/s", "mild reverb", "8 sounds that are not percussion"):
        assert words in text
    for words in ("2 of unseen kinds", "detected", "missed as percussion"):
        assert words in text
    document = json.loads(succeed("evaluate", trained, sounds, "--json").stdout)
    assert document["files"] == 12
    assert 0 <= document["top1"]["low"] <= document["top1"]["value"] <= 1
    assert [row["code"] for row in document["classes"]] == ["boing", "zap"]
    assert len(document["robustness"]) == 9
    assert 0 <= document["robustness"]["mean"]["recall_at_1"]["value"] <= 1
    assert document["false_alarms"]["sounds"] == 8
    assert 0 <= document["false_alarms"]["unseen_detected"]["value"] <= 1
    assert 0 <= document["missed_percussion"]["value"] <= 1
    assert "nearest" not in document


@pytest.mark.slow
def test_evaluate_prints_neighbours(trained: Path, sounds: Path) -> None:
    result = succeed("evaluate", trained, sounds, "--neighbours", 3)
    report, _, table = result.stdout.partition("similar  class  group  file")
    assert "top-1" in report
    blocks = table.strip("\n").split("\n\n")
    assert [len(block.splitlines()) for block in blocks] == [6, 6, 6]
    assert sorted(block.split()[0] for block in blocks) == ["boing", "boing", "zap"]
    arguments = ("evaluate", trained, sounds, "--neighbours", 3, "--json")
    nearest = json.loads(succeed(*arguments).stdout)["nearest"]
    assert [len(file["nearest"]) for file in nearest] == [5, 5, 5]
    assert all({"class", "group", "file", "similarity"} == set(n) for n in nearest[0]["nearest"])
    assert all("/" not in n["file"] for n in nearest[0]["nearest"])
    assert run("evaluate", trained, sounds, "--neighbours", 0).exit_code == 2


@pytest.mark.slow
def test_evaluate_draws_pictures(trained: Path, sounds: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = succeed("evaluate", trained, sounds, "--pictures", tmp_path / "new" / "pictures")
    assert sorted(path.name for path in (tmp_path / "new" / "pictures").iterdir()) == [
        "confusion.png",
        "reliability.png",
    ]
    assert "confusion.png" in result.stderr


def test_pictures_without_matplotlib_are_explained(
    trained: Path, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    arguments = ["model", "evaluate", str(trained), str(sounds), "--pictures", str(tmp_path / "p")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "libindex: pictures need matplotlib: pip install 'libindex[plots]'\n"


@pytest.mark.slow
def test_evaluate_takes_a_split(trained: Path, sounds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_manifest(sounds, folder, split=lambda i: "valid" if i % 3 == 0 else "train")
    counts = {
        split: json.loads(succeed("evaluate", trained, folder, "--split", split, "--json").stdout)[
            "files"
        ]
        for split in ("valid", "train", "all")
    }
    assert counts == {"valid": 4, "train": 8, "all": 12}


def test_evaluate_of_an_empty_split_is_explained(
    trained: Path, sounds: Path, tmp_path: Path
) -> None:
    write_manifest(sounds, tmp_path / "data", split=lambda i: "train")
    assert "no files in the split 'valid'" in str(error_of("evaluate", trained, tmp_path / "data"))


def test_evaluate_with_other_classes_is_explained(start: Path, sounds: Path) -> None:
    error = error_of("evaluate", start, sounds)
    assert isinstance(error, UsageError)
    assert "no class boing, zap" in str(error)


def test_import_converts_a_checkpoint_of_the_original(tmp_path: Path) -> None:
    network = CnnLstm(SMALL).eval()
    checkpoint = tmp_path / "original.model"
    torch.save({"params": asdict(SMALL), "model_state_dict": network.state_dict()}, checkpoint)
    result = succeed("import", checkpoint, tmp_path / "mine")
    assert str(tmp_path / "mine.safetensors") in result.stdout
    mel = np.random.default_rng(0).random((40, 128)).astype(np.float32)
    output = Analyser.load(tmp_path / "mine.safetensors", "cpu").analyse([mel])
    with torch.no_grad():
        logits, latents = network(torch.from_numpy(mel)[None], torch.tensor([40]))
    np.testing.assert_allclose(output.latents, latents.numpy(), atol=1e-5)
    np.testing.assert_allclose(output.probabilities, logits.softmax(dim=1).numpy(), atol=1e-5)
    assert ModelFile.read(tmp_path / "mine.safetensors").classes == CODES


class Payload:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.path, "w")


@pytest.mark.parametrize("kind", ["torch", "pickle"])
def test_import_executes_nothing(tmp_path: Path, kind: str) -> None:
    trace, checkpoint = tmp_path / "executed", tmp_path / "evil.model"
    content = {"params": Payload(trace), "model_state_dict": {}}
    if kind == "torch":
        torch.save(content, checkpoint)
    else:
        checkpoint.write_bytes(pickle.dumps(content))
    error = error_of("import", checkpoint, tmp_path / "out")
    assert isinstance(error, ModelError)
    assert "evil.model" in str(error)
    assert not trace.exists()
    assert not (tmp_path / "out.safetensors").exists()


def test_import_explains_what_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "text.model").write_text("not a checkpoint")
    error = error_of("import", tmp_path / "text.model", tmp_path / "out")
    assert "not a checkpoint of DrumClassifier" in str(error)
    assert "no such network" in str(error_of("import", tmp_path / "none.model", tmp_path / "out"))
    torch.save({"something": 1}, tmp_path / "else.model")
    assert "is not a checkpoint" in str(
        error_of("import", tmp_path / "else.model", tmp_path / "out")
    )


def test_info_describes_a_network(trained: Path) -> None:
    text = succeed("info", trained).stdout
    for word in ("own", "2: boing zap", "22050 Hz", "bidirectional LSTM of 8", "temperature"):
        assert word in text
    assert ModelFile.read(trained).fingerprint in text


def test_info_says_that_a_network_has_a_percussion_score(trained: Path, start: Path) -> None:
    assert "percussion score    yes\n" in succeed("info", trained).stdout
    assert "percussion score" not in succeed("info", start).stdout


def test_info_explains_a_missing_network(tmp_path: Path) -> None:
    assert "no such network" in str(error_of("info", tmp_path / "none.safetensors"))


@pytest.mark.parametrize("command", ["train", "evaluate", "import", "info"])
def test_every_option_is_explained(command: str) -> None:
    parameters = model.commands[command].params
    assert all(p.help for p in parameters if p.param_type_name == "option")
    assert succeed(command, "--help").stdout.startswith("Usage:")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; import libindex.cli.model; "
        "print([m for m in ('torch', 'numpy', 'librosa', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
