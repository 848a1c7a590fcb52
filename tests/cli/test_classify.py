import ast
import csv
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import Result

from libindex.drumclassifier.classifier import DrumClassifier
from libindex.instruments import CODES

pytestmark = pytest.mark.slow  # each loads the network


@pytest.fixture(scope="module")
def sounds(tmp_path_factory, tone) -> Path:
    """Two sounds, one in a sub-folder, a file that is none, and one that is hidden."""
    folder = tmp_path_factory.mktemp("sounds")
    (folder / "deep").mkdir()
    for seed, name in enumerate(("b.wav", "a.flac", "deep/c.ogg")):
        soundfile.write(folder / name, tone(seed), 44_100)
    shutil.copy(folder / "b.wav", folder / "._b.wav")
    (folder / "notes.txt").write_text("no sound")
    return folder


@pytest.fixture(scope="module")
def expected(sounds, small_model) -> dict[str, dict[str, float]]:
    """Probabilities of all three, by path."""
    files = [str(sounds / name) for name in ("a.flac", "b.wav", "deep/c.ogg")]
    return DrumClassifier(small_model, jobs=1).predict_list_of_files(files, "prob")


@pytest.fixture
def files(expected) -> list[str]:
    return list(expected)


def label(probabilities: dict[str, float]) -> str:
    return max(probabilities, key=probabilities.__getitem__)


def printed(result: Result) -> Any:
    """The dictionary on standard output."""
    assert result.stdout.count("\n") == 1
    return ast.literal_eval(result.stdout)


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.reader(file))


def test_the_originals_dictionary_is_printed(cli, files, expected) -> None:
    result = cli("classify", *files)
    assert printed(result) == {file: label(expected[file]) for file in files}
    assert result.stderr == ""


def test_files_separated_by_commas(cli, files, expected) -> None:
    assert printed(cli("classify", "-l", ",".join(files[:2]))) == {
        file: label(expected[file]) for file in files[:2]
    }
    assert list(printed(cli("classify", files[2], "-l", files[0]))) == [files[2], files[0]]


def test_a_directory(cli, sounds, files) -> None:
    assert list(printed(cli("classify", "-d", sounds))) == files[:2]
    assert list(printed(cli("classify", "-d", f"{sounds}/"))) == files[:2]
    assert list(printed(cli("classify", "-d", sounds, "--recursive"))) == files


def test_a_directory_without_sounds(cli, tmp_path) -> None:
    assert printed(cli("classify", "-d", tmp_path)) == {}


def test_paths_are_printed_as_they_were_given(cli, sounds, monkeypatch) -> None:
    monkeypatch.chdir(sounds)
    assert list(printed(cli("classify", "./b.wav", "deep/../a.flac"))) == [
        "./b.wav",
        "deep/../a.flac",
    ]
    assert list(printed(cli("classify", "-d", "deep"))) == ["deep/c.ogg"]


def test_type_prob(cli, files, expected) -> None:
    found = printed(cli("classify", "-t", "prob", *files))
    assert list(found) == files
    for file in files:
        assert list(found[file]) == list(CODES)
        assert found[file] == pytest.approx(expected[file], abs=1e-5)


def test_type_rank(cli, files, expected) -> None:
    found = printed(cli("classify", "-t", "rank", *files))
    for file in files:
        assert found[file] == sorted(CODES, key=lambda code: -expected[file][code])


def test_type_mat(cli, files) -> None:
    shown = cli("classify", "-t", "mat", *files).stdout
    assert shown.startswith("{'prob': array([[")
    assert f"'row': {files!r}" in shown
    assert f"'col': {list(CODES)!r}" in shown


@pytest.mark.parametrize("kind", ["prob", "mat"])
def test_probabilities_as_csv(cli, files, expected, tmp_path, kind) -> None:
    out = tmp_path / "out.csv"
    assert cli("classify", "-t", kind, "-o", out, *files).stdout == ""
    header, *found = rows(out)
    assert header == ["file", *CODES]
    assert [row[0] for row in found] == files
    for row in found:
        np.testing.assert_allclose(
            [float(value) for value in row[1:]], list(expected[row[0]].values()), atol=1e-5
        )


def test_labels_and_ranks_as_csv(cli, files, expected, tmp_path) -> None:
    out = tmp_path / "out.csv"
    cli("classify", "-o", out, *files)
    assert rows(out) == [["file", "class"], *([f, label(expected[f])] for f in files)]
    cli("classify", "-t", "rank", "-o", out, *files)
    header, *found = rows(out)
    assert header == ["file", *(str(place) for place in range(1, 31))]
    assert [row[:2] for row in found] == [[f, label(expected[f])] for f in files]


def test_csv_of_a_name_that_is_not_utf8(cli, files, tmp_path) -> None:
    path = tmp_path / "\udcff,\n.wav"
    shutil.copy(files[1], path)
    out = tmp_path / "out \udcfe.csv"
    cli("classify", "-o", out, path)
    assert rows(out)[1][0] == str(path)
    assert os.fsencode(path) in out.read_bytes()


def test_a_bad_file_is_left_out_and_named(cli, files, expected, tmp_path) -> None:
    bad = tmp_path / "bad\n.wav"
    bad.write_text("no sound")
    result = cli("classify", bad, files[0], tmp_path / "none.wav", code=1)
    assert printed(result) == {files[0]: label(expected[files[0]])}
    assert sorted(result.stderr.splitlines()) == [
        f"libindex: {tmp_path}/bad\\n.wav: is not audio, or is damaged",
        f"libindex: {tmp_path}/none.wav: can't be read (No such file or directory)",
    ]


def test_verbose_logs_what_is_done(cli, files, tmp_path) -> None:
    out = tmp_path / "out.csv"
    result = cli("classify", "-v", "-o", out, *files)
    assert result.stderr == f"libindex: classifying 3 files\nlibindex: wrote {out}\n"


def test_nothing_to_classify_is_wrong_usage(fails) -> None:
    assert fails("classify", code=2).startswith("nothing to classify")


def test_a_directory_that_is_not_there(fails, tmp_path) -> None:
    assert fails("classify", "-d", tmp_path / "none") == (
        f"{tmp_path}/none: can't be listed (No such file or directory)"
    )


def test_a_csv_that_can_not_be_written(fails, files, tmp_path) -> None:
    out = tmp_path / "none" / "out.csv"
    assert fails("classify", "-o", out, files[0]) == (
        f"{out}: can't be written (No such file or directory)"
    )


def test_no_library_is_made(cli, files, tmp_path) -> None:
    db = tmp_path / "none.db"
    cli("classify", files[0], env={"LIBINDEX_DB": str(db)})
    assert not db.exists()


def test_a_directory_is_walked_as_by_a_scan(cli, sounds, files, tmp_path) -> None:
    (tmp_path / "linked").symlink_to(sounds)
    (tmp_path / "loop").symlink_to(tmp_path)
    result = cli("classify", "-d", tmp_path, "--recursive")
    expected = [str(tmp_path / "linked" / Path(file).relative_to(sounds)) for file in files]
    assert list(printed(result)) == expected
