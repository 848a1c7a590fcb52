import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path, library, ear) -> Path:
    """Fifteen sounds, of which ten have a copy, and a bad file."""
    folder = tmp_path / "Samples"
    (folder / "copies").mkdir(parents=True)
    for number in range(15):
        (folder / f"{number:02}.wav").write_bytes(b"sound %d" % number)
        if number >= 5:
            shutil.copy(folder / f"{number:02}.wav", folder / "copies" / f"c{number:02}.wav")
    (folder / "bad.wav").write_bytes(b"bad")
    library.scan(folder)
    return folder


def lines(result) -> list[str]:
    return result.stdout.splitlines()


def test_the_ten_most_similar_one_path_a_line(cli, folder, library) -> None:
    expected = [hit.path for hit in library.similar(folder / "00.wav")]
    assert len(expected) == 10
    assert lines(cli("similar", folder / "00.wav")) == expected
    assert lines(cli("similar", "00.wav")) == expected
    assert lines(cli("similar", "-n", "3", "00.wav")) == expected[:3]


@pytest.mark.parametrize(
    ("options", "filters"),
    [
        (["--copies", "-n", "50"], {"copies": True, "n": 50}),
        (["--min-similarity", "0.1"], {"min_similarity": 0.1}),
        (
            ["-c", "snr", "-c", "kick", "-p", "0.005"],
            {"classes": ["snr", "kick"], "min_prob": 0.005},
        ),
        (["--max-duration", "2"], {"max_duration_s": 2}),
        (["--name", "c*"], {"name": "c*"}),
    ],
)
def test_each_option_is_what_it_says(cli, folder, library, options, filters) -> None:
    expected = [hit.path for hit in library.similar("00.wav", **filters)]
    assert lines(cli("similar", *options, "00.wav")) == expected
    assert expected


def test_what_is_hardly_percussion_is_left_out_if_asked_for(cli, folder, library) -> None:
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE analyses SET percussion = id / 15.0")
    expected = [hit.path for hit in library.similar("00.wav", 50, min_percussion=0.5)]
    assert lines(cli("similar", "--min-percussion", "0.5", "-n", "50", "00.wav")) == expected
    assert 0 < len(expected) < len(library.similar("00.wav", 50))


def test_a_path_beginning_with_a_dash(cli, folder, library, monkeypatch) -> None:
    (folder / "-n.wav").write_bytes(b"sound 0")
    library.scan()
    monkeypatch.chdir(folder)
    assert lines(cli("similar", "--", "-n.wav")) == [
        hit.path for hit in library.similar(folder / "-n.wav")
    ]


def test_a_file_that_is_not_in_the_library(cli, folder, library, tmp_path) -> None:
    shutil.copy(folder / "00.wav", tmp_path / "elsewhere.wav")
    result = cli("similar", tmp_path / "elsewhere.wav")
    assert lines(result)[0] == str(folder / "00.wav")
    assert library.status().samples == 26
    assert result.stderr == (
        f"libindex: similar to {tmp_path}/elsewhere.wav (not in the library; analysing it)\n"
    )


def test_it_says_what_file_was_taken_for_where_that_is_not_plain(cli, folder, monkeypatch) -> None:
    assert cli("similar", folder / "00.wav").stderr == ""
    named = f"libindex: similar to {folder}/00.wav"
    assert cli("similar", "00.wav").stderr == named + "\n"
    monkeypatch.chdir(folder)
    assert cli("similar", "00.wav").stderr == ""
    (folder / "00.wav").write_bytes(b"quite another sound")
    expected = f"{named} (changed since the last scan; analysing it)\n"
    assert cli("similar", "00.wav").stderr == expected


def test_a_folder_is_no_sound(fails, folder) -> None:
    assert fails("similar", folder) == f"{folder}: is a folder, not an audio file"


def test_a_name_that_is_not_utf8(cli, folder, library) -> None:
    path = folder / "\udcff.wav"
    path.write_bytes(b"sound 0")
    library.scan()
    expected = [hit.path for hit in library.similar(path)]
    assert lines(cli("similar", path)) == lines(cli("similar", "\udcff.wav")) == expected
    found = cli("similar", folder / "01.wav", "-n", "50", "--copies", "-0").stdout_bytes
    assert os.fsencode(path) in found.split(b"\0")


def test_json_has_similarity_and_copies(cli, folder, library) -> None:
    records = json.loads(cli("similar", "00.wav", "-f", "json").stdout)
    hits = library.similar("00.wav")
    assert [r["path"] for r in records] == [hit.path for hit in hits]
    assert [r["similarity"] for r in records] == [round(hit.similarity, 6) for hit in hits]
    assert [[c["path"] for c in r["copies"]] for r in records] == [list(h.copies) for h in hits]
    assert any(r["copies"] for r in records)


def test_csv_has_similarity_and_copies(cli, folder, library) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("similar", "00.wav", "-f", "csv").stdout)))
    hits = library.similar("00.wav")
    assert [row["path"] for row in rows] == [hit.path for hit in hits]
    copies = [[copy["path"] for copy in json.loads(row["copies"])] for row in rows]
    assert copies == [list(hit.copies) for hit in hits]
    assert float(rows[0]["similarity"]) == pytest.approx(hits[0].similarity, abs=1e-6)


def test_a_table_shows_copies_below_their_hit(terminal, folder, library) -> None:
    said, *shown = terminal("similar", "00.wav").splitlines()
    assert said == f"libindex: similar to {folder}/00.wav"
    assert shown[0].split() == ["similarity", "class", "probability", "length", "file"]
    expected = [
        line
        for hit in library.similar("00.wav")
        for line in (Path(hit.path).name, *("= copies/" + Path(c).name for c in hit.copies))
    ]
    assert [line.strip().rpartition("  ")[2] for line in shown[1:]] == expected


def test_nothing_is_similar(cli, folder) -> None:
    result = cli("similar", "00.wav", "--min-similarity", "1")
    said = f"libindex: similar to {folder}/00.wav\nlibindex: nothing is similar\n"
    assert (result.stdout, result.stderr) == ("", said)


def test_a_file_that_failed_gives_its_reason(fails, folder) -> None:
    assert fails("similar", "bad.wav") == f"{folder}/bad.wav: is not audio"


def test_a_name_of_several_files_lists_them(fails, folder, library) -> None:
    for number in range(2):
        path = folder / f"{number}" / "new\nline.wav"
        path.parent.mkdir()
        path.write_bytes(b"another sound %d" % number)
    library.scan()
    name = r"new\nline.wav"
    expected = f"{name}: is the name of 2 files: {folder}/0/{name}, {folder}/1/{name}"
    assert fails("similar", "new\nline.wav") == expected


def test_a_file_that_is_nowhere(fails, folder) -> None:
    assert fails("similar", "none.wav") == (
        "none.wav: no such file, and none of this name in the library"
    )
