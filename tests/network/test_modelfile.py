import json
import math
import shutil
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest

from libindex.errors import ModelError
from libindex.instruments import CODES
from libindex.network.architecture import NetworkConfig, parse_architecture
from libindex.network.modelfile import ModelFile
from libindex.resources import default_model
from libindex.sound.mel import MelConfig


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    """A network of two classes on the disk, its weights being any bytes."""
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"weights")
    model = ModelFile(
        weights,
        "mine",
        ("kick", "zap"),
        MelConfig(hop_length=512),
        NetworkConfig(outdim=2, kernel_size_11=(2, 20)),
        temperature=1.5,
        about={"top1": 0.75, "sources": ["mine"]},
    )
    model.write()
    return model


def changed(model: ModelFile, **changes: Any) -> None:
    """Write other values into the JSON."""
    document = json.loads(model.config_path.read_text())
    model.config_path.write_text(json.dumps({**document, **changes}))


def test_what_is_written_is_read(model: ModelFile) -> None:
    assert ModelFile.read(model.path) == model
    assert ModelFile.read(str(model.path)) == model


def test_the_json_is_for_people_too(model: ModelFile) -> None:
    document = json.loads(model.config_path.read_text())
    assert model.config_path == model.path.with_suffix(".json")
    assert document["format"] == "libindex-model"
    assert document["version"] == 1
    assert document["name"] == "mine"
    assert document["classes"] == ["kick", "zap"]
    assert document["mel"]["hop_length"] == 512
    assert document["network"]["kernel_size_11"] == [2, 20]
    assert document["calibration"] == {"temperature": 1.5}
    assert document["about"] == {"top1": 0.75, "sources": ["mine"]}


def test_only_a_network_with_a_percussion_score_says_so(model: ModelFile) -> None:
    assert not ModelFile.read(model.path).has_percussion_score
    knowing = replace(model, has_percussion_score=True)
    knowing.write()
    document = json.loads(model.config_path.read_text())
    assert document["calibration"] == {"temperature": 1.5, "percussion_score": True}
    assert ModelFile.read(model.path) == knowing
    changed(model, calibration={"temperature": 1.5, "percussion_score": False})
    assert ModelFile.read(model.path) == model
    assert ModelFile.read(model.path).fingerprint == model.fingerprint


def test_files_with_the_old_name_of_the_percussion_score_are_read(model: ModelFile) -> None:
    knowing = replace(model, has_percussion_score=True)
    changed(model, calibration={"temperature": 1.5, "strangers": True})
    assert ModelFile.read(model.path) == knowing
    assert ModelFile.read(model.path).fingerprint == knowing.fingerprint
    changed(model, calibration={"temperature": 1.5, "strangers": False})
    assert ModelFile.read(model.path) == model


def test_fingerprints_are_those_of_earlier_versions(model: ModelFile) -> None:
    # Else every library would be analysed again.
    assert model.fingerprint == "afccc49495ac444ecb82b25e565374ff"
    assert (
        replace(model, has_percussion_score=True).fingerprint == "3052a37dcfa2d44e6551f3b7053329aa"
    )
    assert ModelFile.read(default_model()).fingerprint == "66f5eef428269c37f882f7900a2b7970"


@pytest.mark.parametrize("key", ["percussion_score", "strangers"])
@pytest.mark.parametrize("value", [None, 0, 1, "true", [], {}])
def test_having_a_percussion_score_is_true_or_false(
    model: ModelFile, key: str, value: object
) -> None:
    changed(model, calibration={"temperature": 1.5, key: value})
    message = r"percussion_score is .*, neither true nor false"
    with pytest.raises(ModelError, match=message) as caught:
        ModelFile.read(model.path)
    assert caught.value.path == model.config_path


def test_what_a_file_does_not_say_of_itself_may_be_left_out(model: ModelFile) -> None:
    document = json.loads(model.config_path.read_text())
    del document["about"]
    document["mel"], document["network"] = {}, {"outdim": 2}
    model.config_path.write_text(json.dumps(document))
    read = ModelFile.read(model.path)
    assert (read.about, read.mel, read.network) == ({}, MelConfig(), NetworkConfig(outdim=2))


def test_the_defaults_are_the_originals() -> None:
    config = NetworkConfig()
    assert (config.n_channels, config.outdim, config.latent_size) == (3, len(CODES), 256)


def test_the_fingerprint_stays_when_the_file_moves(model: ModelFile, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for path in (model.path, model.config_path):
        shutil.copy(path, tmp_path / "elsewhere" / f"other{path.suffix}")
    moved = ModelFile.read(tmp_path / "elsewhere" / "other.safetensors")
    assert moved.fingerprint == model.fingerprint == ModelFile.read(model.path).fingerprint


def test_the_fingerprint_changes_with_what_a_result_depends_on(model: ModelFile) -> None:
    variants = [
        model,
        replace(model, classes=("zap", "kick")),
        replace(model, mel=MelConfig(hop_length=128)),
        replace(model, network=NetworkConfig(outdim=2, kernel_size_11=(2, 20), stride_13=(1, 1))),
        replace(model, temperature=1.0),
        replace(model, has_percussion_score=True),
    ]
    prints = {variant.fingerprint for variant in variants}
    model.path.write_bytes(b"Weights")
    prints.add(model.fingerprint)
    assert len(prints) == len(variants) + 1


def test_the_fingerprint_does_not_change_with_its_name(model: ModelFile) -> None:
    other = replace(model, name="other", about={})
    assert other.fingerprint == model.fingerprint


def test_no_fingerprint_without_weights(model: ModelFile) -> None:
    model.path.unlink()
    with pytest.raises(ModelError, match=r"can't be read \(No such file or directory\)"):
        model.fingerprint  # noqa: B018


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        ModelFile.read(tmp_path / "none.safetensors")
    assert caught.value.reason == "no such network"
    assert caught.value.path == tmp_path / "none.safetensors"


def test_missing_json(model: ModelFile) -> None:
    model.config_path.unlink()
    with pytest.raises(ModelError) as caught:
        ModelFile.read(model.path)
    assert caught.value.reason == "is missing; it belongs beside the weights"
    assert caught.value.path == model.config_path


def test_a_checkpoint_is_sent_to_the_converter(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="libindex model import"):
        ModelFile.read(tmp_path / "mel_cnn_model_high_v2.model")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '"text"', "{}", '{"format": "other"}', "\x00", "\xff"]
)
def test_a_damaged_json(model: ModelFile, text: str) -> None:
    model.config_path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match="is not a network's description") as caught:
        ModelFile.read(model.path)
    assert caught.value.path == model.config_path


def test_every_cut_of_the_json_is_refused(model: ModelFile) -> None:
    text = model.config_path.read_text().rstrip()
    for end in range(0, len(text), 7):
        model.config_path.write_text(text[:end])
        with pytest.raises(ModelError):
            ModelFile.read(model.path)


@pytest.mark.parametrize("classes", ["ab", [1, 2], {"a": 1, "b": 2}])
def test_classes_are_a_list_of_words(model: ModelFile, classes: object) -> None:
    changed(model, classes=classes)
    with pytest.raises(ModelError, match="classes are not a list of words"):
        ModelFile.read(model.path)


def test_a_json_that_is_too_deep(model: ModelFile) -> None:
    model.config_path.write_text("[" * 100_000)
    with pytest.raises(ModelError, match="is not a network's description"):
        ModelFile.read(model.path)


@pytest.mark.parametrize("temperature", [math.inf, math.nan, 0, -1])
def test_temperatures_are_positive_and_finite(model: ModelFile, temperature: float) -> None:
    changed(model, calibration={"temperature": temperature})
    with pytest.raises(ModelError, match="temperature is"):
        ModelFile.read(model.path)


@pytest.mark.parametrize("version", [2, 100])
def test_a_newer_version(model: ModelFile, version: int) -> None:
    changed(model, version=version, network={"attention_heads": 8})
    with pytest.raises(ModelError, match="is from a newer libindex; update this one"):
        ModelFile.read(model.path)


@pytest.mark.parametrize(
    "key", ["format", "version", "name", "classes", "mel", "network", "calibration"]
)
def test_each_part_is_needed(model: ModelFile, key: str) -> None:
    document = json.loads(model.config_path.read_text())
    del document[key]
    model.config_path.write_text(json.dumps(document))
    with pytest.raises(ModelError, match=key):
        ModelFile.read(model.path)


@pytest.mark.parametrize("value", [None, [], "x", -1, 0, ["kick"], {"x": 1}])
@pytest.mark.parametrize("key", ["format", "classes", "mel", "network", "calibration"])
def test_parts_of_another_kind(model: ModelFile, key: str, value: object) -> None:
    changed(model, **{key: value})
    with pytest.raises(ModelError):
        ModelFile.read(model.path)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["kick"], "names 1 classes for 2 outputs"),
        (["kick", "kick"], "names 1 classes for 2 outputs"),
        (["kick", "zap", "snr"], "names 3 classes for 2 outputs"),
    ],
)
def test_classes_fit_the_outputs(model: ModelFile, classes: list[str], message: str) -> None:
    changed(model, classes=classes)
    with pytest.raises(ModelError, match=message):
        ModelFile.read(model.path)


@pytest.mark.parametrize("temperature", [0, -1, "NaN"])
def test_a_temperature_is_above_zero(model: ModelFile, temperature: object) -> None:
    changed(model, calibration={"temperature": temperature})
    with pytest.raises(ModelError, match=r"temperature is .*, not above 0"):
        ModelFile.read(model.path)


@pytest.mark.parametrize("field", [f.name for f in fields(NetworkConfig)])
@pytest.mark.parametrize("value", [None, "x", -1, [0, 1], [1], [1, 2, 3], {}])
def test_layer_sizes_are_checked(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        parse_architecture({field: value})


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_there_are_three_channels(channels: int) -> None:
    with pytest.raises(ValueError, match="time, band and mel are 3"):
        parse_architecture({"n_channels": channels})


def test_layer_sizes_come_from_json_and_from_the_original() -> None:
    config = NetworkConfig(lstm_dim=64, kernel_size_13=(5, 5), dropout_11=0)
    assert parse_architecture(asdict(config)) == config
    assert parse_architecture(json.loads(json.dumps(asdict(config)))) == config
    assert parse_architecture({}) == NetworkConfig()


@pytest.mark.parametrize("values", [None, [], "x", 1])
def test_layer_sizes_of_another_kind(values: object) -> None:
    with pytest.raises(TypeError, match="not a dictionary"):
        parse_architecture(values)


def test_unknown_layer_sizes_are_named() -> None:
    with pytest.raises(ValueError, match="unknown keys depth, width"):
        parse_architecture({"width": 1, "lstm_dim": 2, "depth": 3})


def test_a_description_is_read_without_torch(model: ModelFile) -> None:
    program = (
        "import sys\n"
        "from libindex.network.modelfile import ModelFile\n"
        "ModelFile.read(sys.argv[1]).fingerprint\n"
        "print(sorted({'torch', 'librosa', 'scipy', 'soundfile'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(model.path)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
