import csv
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

import libindex
from libindex.disk.walk import audio_files
from libindex.drumclassifier.classifier import FORMATS, DrumClassifier, formatted
from libindex.errors import LibindexError, ModelError, SampleError, UsageError
from libindex.instruments import CODES
from libindex.network.analyser import Analyser, load_network
from libindex.sound.preparation import Preparer

WriteSound = Callable[..., Path]


@pytest.fixture(scope="module")
def classifier(small_model: Path) -> DrumClassifier:
    return DrumClassifier(path_to_model=small_model, device="cpu", jobs=1)


@pytest.fixture
def sounds(write_sound: WriteSound) -> list[str]:
    return [str(write_sound(f"{name}.wav", seed)) for seed, name in enumerate("cab")]


@pytest.fixture
def expected(small_model: Path, sounds: list[str]) -> np.ndarray:
    """The probabilities of `sounds`, one file at a time."""
    analyser = Analyser.load(small_model, "cpu")
    prepare = Preparer(analyser.model.log_mel())
    return np.concatenate([analyser.analyse([prepare(p).mel]).probabilities for p in sounds])


def test_it_is_found_at_the_top() -> None:
    assert libindex.DrumClassifier is DrumClassifier


@pytest.mark.slow
@pytest.mark.parametrize("form", ["mat", None])
def test_mat(
    classifier: DrumClassifier, sounds: list[str], expected: np.ndarray, form: str | None
) -> None:
    found = classifier.predict_list_of_files(sounds, format=form)
    assert set(found) == {"prob", "row", "col"}
    assert found["row"] == sounds
    assert found["col"] == list(CODES)
    assert found["prob"].dtype == np.float32
    np.testing.assert_allclose(found["prob"], expected, atol=1e-5)


@pytest.mark.slow
def test_mat_is_the_default(classifier: DrumClassifier, sounds: list[str]) -> None:
    assert classifier.predict_list_of_files(sounds)["row"] == sounds
    assert classifier.predict_proba_directory(Path(sounds[0]).parent)["row"] == sorted(sounds)


@pytest.mark.parametrize("form", ["prob", "dictproba"])
def test_prob(
    classifier: DrumClassifier, sounds: list[str], expected: np.ndarray, form: str
) -> None:
    found = classifier.predict_list_of_files(sounds, form)
    assert list(found) == sounds
    for path, row in zip(sounds, expected, strict=True):
        assert list(found[path]) == list(CODES)
        assert all(type(p) is float for p in found[path].values())
        assert list(found[path].values()) == pytest.approx(row.tolist(), abs=1e-5)


def test_label(classifier: DrumClassifier, sounds: list[str], expected: np.ndarray) -> None:
    found = classifier.predict_list_of_files(sounds, "label")
    assert found == {p: CODES[row.argmax()] for p, row in zip(sounds, expected, strict=True)}


def test_rank(classifier: DrumClassifier, sounds: list[str], expected: np.ndarray) -> None:
    found = classifier.predict_list_of_files(sounds, "rank")
    assert list(found) == sounds
    for path, row in zip(sounds, expected, strict=True):
        assert sorted(found[path]) == sorted(CODES)
        falling = [row[CODES.index(code)] for code in found[path]]
        assert falling == sorted(falling, reverse=True)


def test_equal_probabilities_rank_in_the_order_of_the_classes() -> None:
    matrix = np.full((1, 30), 0.03, np.float32)
    matrix[0, 17] = 0.13
    rest = [code for code in CODES if code != CODES[17]]
    assert formatted(["f"], CODES, matrix, "rank") == {"f": [CODES[17], *rest]}
    matrix[0, 3] = 0.13
    assert formatted(["f"], CODES, matrix, "label") == {"f": CODES[3]}


@pytest.mark.parametrize("form", ["csv", "", "LABEL", "proba"])
def test_an_unknown_format(classifier: DrumClassifier, form: str) -> None:
    message = "choose from label, rank, prob, dictproba, mat"
    with pytest.raises(UsageError, match=message):
        classifier.predict_list_of_files([], form)
    with pytest.raises(UsageError, match=message):
        classifier.predict_proba_directory(".", form)


@pytest.mark.slow
def test_paths_stay_as_they_were_given(
    classifier: DrumClassifier, sounds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(sounds[0]).parent
    monkeypatch.chdir(folder)
    assert list(classifier.predict_list_of_files(["./c.wav", Path("a.wav")], "label")) == [
        "./c.wav",
        "a.wav",
    ]
    assert list(classifier.predict_proba_directory(".", "label")) == [
        "./a.wav",
        "./b.wav",
        "./c.wav",
    ]
    assert list(classifier.predict_proba_directory(f"{folder}/", "label")) == sorted(sounds)


def test_a_file_named_twice_is_there_once(classifier: DrumClassifier, sounds: list[str]) -> None:
    found = classifier.predict_list_of_files([*sounds, sounds[0], Path(sounds[1])])
    assert found["row"] == sounds
    assert len(found["prob"]) == 3


def test_any_iterable_of_files(classifier: DrumClassifier, sounds: list[str]) -> None:
    assert list(classifier.predict_list_of_files(iter(sounds), "label")) == sounds


@pytest.mark.slow
def test_errors_are_left_out_with_a_warning(
    classifier: DrumClassifier, sounds: list[str], tmp_path: Path
) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    bad = [str(tmp_path / "gone.wav"), str(tmp_path / "text.wav")]
    with pytest.warns(UserWarning, match=r"^2 files left out, such as .*\.wav: ") as caught:
        found = classifier.predict_list_of_files([bad[0], *sounds, bad[1]])
    assert caught[0].filename == __file__
    assert found["row"] == sounds
    assert {path: error.reason for path, error in classifier.errors.items()} == {
        bad[0]: "can't be read (No such file or directory)",
        bad[1]: "is not audio, or is damaged",
    }
    assert all(isinstance(error, SampleError) for error in classifier.errors.values())
    # They are those of the last call.
    classifier.predict_list_of_files(sounds)
    assert classifier.errors == {}


@pytest.mark.slow
@pytest.mark.parametrize("form", [*FORMATS, None])
def test_no_file_that_could_be_used(
    classifier: DrumClassifier, tmp_path: Path, form: str | None
) -> None:
    with pytest.warns(UserWarning, match="1 files left out"):
        found = classifier.predict_list_of_files([tmp_path / "gone.wav"], form)
    assert list(classifier.errors) == [str(tmp_path / "gone.wav")]
    if form in ("mat", None):
        assert found["prob"].shape == (0, 30)
        assert (found["row"], found["col"]) == ([], list(CODES))
    else:
        assert found == {}


def test_no_files(classifier: DrumClassifier, tmp_path: Path) -> None:
    assert classifier.predict_list_of_files([], "label") == {}
    assert classifier.predict_proba_directory(tmp_path)["prob"].shape == (0, 30)


@pytest.fixture
def folder(write_sound: WriteSound, tmp_path: Path) -> Path:
    """A folder with files of all kinds."""
    for name in ("b.wav", "a.FLAC", ".hidden.wav", "sub/d.wav", "sub/.e.wav"):
        write_sound(name)
    write_sound("c.Aif", format="AIFF", subtype="PCM_16")
    top = tmp_path / "Samples"
    (top / "._b.wav").write_bytes(b"\x00\x05\x16\x07")
    (top / "notes.txt").write_text("not a sound")
    (top / "wav").write_text("not a sound")
    (top / "folder.wav").mkdir()
    (top / "link.wav").symlink_to("b.wav")
    (top / "loop").symlink_to(".")
    return top


def test_a_directory(classifier: DrumClassifier, folder: Path) -> None:
    found = classifier.predict_proba_directory(folder, format="label")
    names = ["a.FLAC", "b.wav", "c.Aif", "link.wav"]
    assert list(found) == [str(folder / name) for name in names]
    assert classifier.errors == {}


def test_a_directory_and_those_below_it(classifier: DrumClassifier, folder: Path) -> None:
    found = classifier.predict_proba_directory(folder, "label", recursive=True)
    names = ["a.FLAC", "b.wav", "c.Aif", "link.wav", "sub/d.wav"]
    assert list(found) == [str(folder / name) for name in names]


def test_names_that_are_not_utf8(folder: Path, classifier: DrumClassifier) -> None:
    name = os.fsdecode(b"kick\xff.wav")
    (folder / "b.wav").rename(folder / name)
    assert str(folder / name) in classifier.predict_list_of_files([folder / name], "label")
    assert str(folder / name) in audio_files(folder)


def test_what_is_no_directory(classifier: DrumClassifier, tmp_path: Path) -> None:
    (tmp_path / "file.wav").touch()
    for name, reason in (("file.wav", "Not a directory"), ("none", "No such file or directory")):
        with pytest.raises(LibindexError, match=rf"can't be listed \({reason}\)"):
            classifier.predict_proba_directory(tmp_path / name)


def test_a_checkpoint_of_the_original(
    classifier: DrumClassifier,
    small_model: Path,
    sounds: list[str],
    expected: np.ndarray,
    tmp_path: Path,
) -> None:
    model, network = load_network(small_model)
    path = tmp_path / "mel_cnn_model_high_v2.model"
    torch.save({"params": asdict(model.network), "model_state_dict": network.state_dict()}, path)
    original = DrumClassifier(path_to_model=str(path), jobs=1)
    assert original.classes == CODES
    found = original.predict_list_of_files(sounds, "mat")
    np.testing.assert_allclose(found["prob"], expected, atol=1e-5)


def test_a_network_that_is_not_there(small_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such network"):
        DrumClassifier(path_to_model=tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="no device 'gpu'"):
        DrumClassifier(path_to_model=small_model, device="gpu")


@pytest.mark.slow
def test_the_default_network(
    small_model: Path, sounds: list[str], expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libindex.resources.default_model", lambda: small_model)
    found = DrumClassifier(jobs=1).predict_list_of_files(sounds)
    np.testing.assert_allclose(found["prob"], expected, atol=1e-5)


@pytest.mark.slow
def test_a_slow_file_is_given_up(small_model: Path, sounds: list[str]) -> None:
    hasty = DrumClassifier(small_model, jobs=1, timeout_s=1e-6)
    with pytest.warns(UserWarning, match="3 files left out"):
        assert hasty.predict_list_of_files(sounds, "label") == {}
    reasons = {e.reason for e in hasty.errors.values()}
    # Whichever is noticed first, the processor's time or ten times as much by the clock.
    assert reasons <= {
        "took longer than 1e-06 s to decode",
        "took longer than 1e-05 s to read and decode",
    }


def test_as_the_original(golden: Path) -> None:
    with (golden / "probabilities.csv").open() as file:
        (_, *codes), *rows = csv.reader(file)
    files = [str(golden / row[0]) for row in rows]
    classifier = DrumClassifier(path_to_model=golden / "random_weights.model", jobs=2)
    found = classifier.predict_list_of_files(files, format="mat")
    assert found["row"] == files
    assert found["col"] == codes
    assert len(files) == 12
    expected = np.array([row[1:] for row in rows], float)
    np.testing.assert_allclose(found["prob"], expected, atol=1e-4)
