import json
import os
import shutil
import time

import pytest
from support.libraries import put

from libindex.instruments import CODES


@pytest.fixture
def kick(tmp_path, library, ear):
    kick = tmp_path / "Samples" / "kick.wav"
    kick.parent.mkdir()
    kick.write_bytes(b"a sound")
    library.scan(kick.parent)
    return kick


def test_everything_known_is_shown(cli, kick, library) -> None:
    shutil.copy(kick, kick.with_name("copy.wav"))
    library.scan()
    info = library.info(kick)
    shown = cli("info", kick).stdout.splitlines()
    assert shown[0] == str(kick)
    facts = dict(line.strip().split(maxsplit=1) for line in shown[1:])
    assert facts["format"] == "WAV PCM_16, 44100 Hz, mono"
    assert facts["length"] == f"{info.facts.duration_s:.2f} s"
    assert facts["loudness"] == f"{info.facts.loudness_dbfs:.1f} dBFS"
    assert facts["peak"] == f"{info.facts.peak:.3f}"
    assert facts["centroid"] == f"{info.facts.centroid_hz:,.0f} Hz"
    assert facts["size"] == "7 bytes"
    assert facts["root"] == str(kick.parent)
    assert facts["copy"] == str(kick.with_name("copy.wav"))
    for label, moment in (("added", info.added_at), ("analysed", info.analysed_at)):
        assert facts[label] == time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    best = list(info.probabilities.items())[:5]
    assert [line.split()[0] for line in shown[-5:]] == [code for code, _ in best]
    for line, (_, probability) in zip(shown[-5:], best, strict=True):
        assert f" {probability:.2f}  " in line
        assert line.count("█") == round(probability * 80) // 8


def test_percussion_is_shown_if_the_network_has_a_score(cli, kick, library) -> None:
    assert "  percussion " not in cli("info", kick).stdout
    assert json.loads(cli("info", kick, "--json").stdout)["percussion"] is None
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE analyses SET percussion = 0.968")
    assert "  percussion  0.97\n" in cli("info", kick).stdout
    assert json.loads(cli("info", kick, "--json").stdout)["percussion"] == 0.968


def test_json_has_all_classes(cli, kick, library) -> None:
    found = json.loads(cli("info", "kick.wav", "--json").stdout)
    info = library.info(kick)
    assert found["path"] == str(kick)
    assert found["root"] == str(kick.parent)
    assert found["probabilities"] == info.probabilities
    assert (found["digest"], found["failure"], found["copies"]) == (info.digest, None, [])


def test_a_name_that_is_not_utf8(cli, kick, library) -> None:
    path = kick.with_name("\udcff\n.wav")
    kick.rename(path)
    library.scan()
    assert cli("info", path).stdout.splitlines()[0] == f"{kick.parent}/\\xff\\n.wav"
    found = json.loads(cli("info", path, "--json").stdout)
    assert os.fsdecode(bytes.fromhex(found["path_hex"])) == str(path)


def test_what_can_not_be_used_and_is_offline_says_so(cli, kick, library) -> None:
    kick.write_bytes(b"bad")
    library.scan()
    kick.parent.rename(kick.parent.with_name("away"))
    library.scan()
    shown = cli("info", "kick.wav").stdout
    assert "  not usable  is not audio\n" in shown
    assert f"  root        {kick.parent} (offline)\n" in shown


def test_a_file_outside_of_the_library_is_analysed(cli, kick, library, tmp_path, ear) -> None:
    new = put(tmp_path / "elsewhere.wav", b"another sound")
    result = cli("info", new)
    shown = result.stdout.splitlines()
    expected = ear.result(str(new))
    assert shown[0] == str(new)
    facts = dict(line.strip().split(maxsplit=1) for line in shown[1:])
    assert facts["root"] == "none (not in the library)"
    assert facts["format"] == "WAV PCM_16, 44100 Hz, mono"
    assert facts["length"] == f"{expected.facts.duration_s:.2f} s"
    assert "added" not in facts
    best = CODES[int(expected.probabilities.argmax())]
    assert shown[-5].split()[0] == best
    assert ear.analysed[-1] == str(new)
    assert library.status().samples == 1


def test_a_file_outside_of_the_library_as_json(cli, kick, library, tmp_path, ear) -> None:
    inside = json.loads(cli("info", kick, "--json").stdout)
    copy = shutil.copy(kick, tmp_path / "copy.wav")
    outside = json.loads(cli("info", copy, "--json").stdout)
    assert outside.keys() == inside.keys()
    assert (inside["in_library"], outside["in_library"]) == (True, False)
    assert (outside["root"], outside["added_at"]) == (None, None)
    assert outside["copies"] == [{"path": str(kick)}]
    assert outside["digest"] == inside["digest"]
    assert outside["probabilities"] == pytest.approx(inside["probabilities"])


def test_a_file_where_there_is_no_library(cli, tmp_path, ear, monkeypatch) -> None:
    monkeypatch.setenv("LIBINDEX_DB", str(tmp_path / "none.db"))
    new = put(tmp_path / "elsewhere.wav", b"another sound")
    assert "  root        none (not in the library)\n" in cli("info", new).stdout
    assert not (tmp_path / "none.db").exists()


def test_a_file_outside_that_is_not_audio(fails, kick, tmp_path) -> None:
    assert fails("info", put(tmp_path / "bad.wav", b"bad")) == f"{tmp_path}/bad.wav: is not audio"


def test_what_is_not_in_the_library(fails, kick, tmp_path) -> None:
    assert fails("info", "none.wav").endswith("none of this name in the library")
    assert fails("info", tmp_path) == f"{tmp_path}: is a folder, not an audio file"


def test_a_name_that_is_mistyped_brings_the_nearest(fails, kick, library) -> None:
    assert fails("info", "kcik.wav").endswith("in the library; did you mean kick.wav?")
    assert fails("similar", "kik.wav").endswith("in the library; did you mean kick.wav?")
