import csv
import io
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from libindex.cli.export import export
from libindex.export.tree import ORDERS
from libindex.export.writing import FORMATS, KINDS


@pytest.fixture
def folder(tmp_path, library, ear) -> Path:
    folder = tmp_path / "Samples"
    for number in range(30):
        path = folder / f"{number % 3}" / f"{number:02}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound %d" % number)
    library.scan(folder)
    return folder


def test_choices_are_those_of_the_library() -> None:
    options: dict[str | None, Any] = {option.name: option for option in export.params}
    for name, choices in (("file_format", FORMATS), ("kind", KINDS), ("by", ORDERS)):
        assert tuple(options[name].type.choices) == choices


def test_csv_on_standard_output_if_nothing_is_said(cli, folder, library) -> None:
    result = cli("export")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["path"] for row in rows] == [hit.path for hit in library.query(sort="path")]
    assert "prob_snr" in rows[0]
    assert result.stderr == ""
    assert cli("export", "-o", "-").stdout == cli("export", "-f", "csv").stdout == result.stdout


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.JSONL", "x.npz", "x"])
def test_the_name_of_the_file_gives_the_format(cli, folder, tmp_path, name) -> None:
    path = tmp_path / name
    result = cli("export", "-o", path)
    assert (result.stdout, result.stderr) == (f"30 samples in {path}\n", "")
    given = path.suffix.lower().removeprefix(".")
    format_ = given if given in FORMATS else "csv"
    assert path.read_bytes() == cli("export", "-f", format_).stdout_bytes


def test_a_format_that_is_given_counts_more(cli, folder, tmp_path) -> None:
    cli("export", "-o", tmp_path / "x.csv", "-f", "json")
    assert len(json.loads((tmp_path / "x.csv").read_text())) == 30


def test_parquet(cli, folder, tmp_path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    cli("export", "-o", tmp_path / "x.parquet")
    assert parquet.read_table(tmp_path / "x.parquet").num_rows == 30


def test_filters_order_and_limit(cli, folder, library) -> None:
    chosen = ["-c", "snr", "-c", "kick", "-p", "0.01", "--sort", "prob", "-n", "5", "--reverse"]
    rows = json.loads(cli("export", "-f", "json", *chosen).stdout)
    hits = library.query(classes=["snr", "kick"], min_prob=0.01, sort="prob", limit=5, reverse=True)
    assert [(r["path"], r["class"]) for r in rows] == [(h.path, h.class_code) for h in hits]
    assert len(rows) == 5


@pytest.mark.slow
def test_the_originals_table_is_what_classify_writes(
    cli, library, write_sound, tmp_path, small_model
) -> None:
    for seed, name in enumerate(("b.wav", "a.flac", "deep/\udcff.ogg")):
        write_sound(name, seed)
    folder = tmp_path / "Samples"
    library.scan(folder)
    cli("classify", "-d", folder, "--recursive", "-t", "prob", "-o", tmp_path / "classified.csv")
    cli("export", "-t", "prob", "-o", tmp_path / "exported.csv")
    tables = []
    for name in ("classified.csv", "exported.csv"):
        raw = (tmp_path / name).read_bytes()
        assert raw.count(b"\r\n") == raw.count(b"\n") == 4
        header, *rows = [line.split(b",") for line in raw.split(b"\r\n")[:-1]]
        tables.append((header, sorted(rows)))
    (header, expected), (other, exported) = tables
    assert header == other
    assert [row[0] for row in expected] == [row[0] for row in exported]
    for one, two in zip(expected, exported, strict=True):
        assert np.array(one[1:], float) == pytest.approx(np.array(two[1:], float), abs=1e-6)


def test_a_playlist(cli, folder, tmp_path) -> None:
    path = tmp_path / "list.m3u8"
    assert cli("export", "--playlist", path).stdout == f"30 samples in {path}\n"
    lines = path.read_text().splitlines()
    assert (lines[0], lines[2], len(lines)) == ("#EXTM3U", "Samples/0/00.wav", 61)
    assert cli("export", "--playlist", "-", "-n", "1", "-s", "path").stdout.splitlines()[2] == str(
        folder / "0/00.wav"
    )


def test_a_tree(cli, folder, library, tmp_path) -> None:
    top = tmp_path / "Sorted"
    assert cli("export", "--tree", top).stdout == f"{top}: 30 added, 0 removed, 0 as before\n"
    for hit in library.query():
        link = top / hit.class_code / Path(hit.path).name
        assert str(link.readlink()) == hit.path
    result = cli("export", "--tree", top, "--by", "class/pack", "--copy", "--name", "0?.wav")
    assert result.stdout == f"{top}: 10 added, 30 removed, 0 as before\n"
    hit = library.query(name="07.wav")[0]
    assert (top / hit.class_code / "1/07.wav").read_bytes() == b"sound 7"
    assert cli("export", "--tree", top, "--name", "no").stderr == "libindex: nothing matches\n"
    assert not top.exists()


def test_copies_of_what_is_offline_are_reported(cli, folder, tmp_path) -> None:
    (folder / "0/00.wav").unlink()
    result = cli("export", "--tree", tmp_path / "Sorted", "--copy", code=1)
    assert result.stdout.endswith(": 29 added, 0 removed, 0 as before\n")
    assert result.stderr == (
        f"libindex: left out 1 that can't be read now, such as {folder}/0/00.wav\n"
    )


def test_nothing_matches(cli, folder, tmp_path) -> None:
    result = cli("export", "--name", "none", "-o", tmp_path / "x.json")
    assert result.stderr == "libindex: nothing matches\n"
    assert json.loads((tmp_path / "x.json").read_text()) == []
    assert cli("export", "--name", "none", "-f", "jsonl").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("--tree T --playlist P", "--playlist and --tree don't go together; run it twice"),
        ("--tree T --format csv", "--format and --tree don't go together; run it twice"),
        ("--playlist P -t prob", "--type and --playlist don't go together; run it twice"),
        ("--playlist P -o O", "--output and --playlist don't go together; run it twice"),
        ("--copy", "--link or --copy goes with --tree only"),
        ("--link --playlist P", "--link or --copy goes with --tree only"),
        ("--by class -o O", "--by goes with --tree only"),
        ("-f npz -t prob", "npz always contains everything; it has no other type"),
        ("-o x.npz -t prob", "npz always contains everything; it has no other type"),
        ("-c snaer", "no class 'snaer': did you mean snr (snare drum)"),
        ("snaer", "no class, file or folder 'snaer'; did you mean snare?"),
        (
            "-o x.xlsx",
            "x.xlsx: can't export .xlsx; choose one with --format, or name a file .csv, .json, "
            ".jsonl, .parquet, .npz",
        ),
        ("-o x.m3u8", "x.m3u8: can't export .m3u8; use --playlist, or name a file .csv"),
    ],
)
def test_wrong_usage_is_one_line(fails, folder, tmp_path, monkeypatch, arguments, line) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert fails("export", *arguments.split(), code=2).startswith(line)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("arguments", [["-f", "xml"], ["-t", "all"], ["--by", "pack"], ["-n", "0"]])
def test_other_wrong_usage(cli, folder, arguments) -> None:
    result = cli("export", *arguments, code=2)
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_where_it_must_not_write(fails, folder, tmp_path) -> None:
    line = fails("export", "-o", folder / "0/00.wav", code=2)
    assert (
        line == f"{folder}/0/00.wav: has the name of an audio file; libindex never writes to those"
    )
    assert (folder / "0/00.wav").read_bytes() == b"sound 0"
    assert fails("export", "--tree", folder / "Sorted", code=2).startswith(
        f"{folder}/Sorted: lies in {folder}, where the next scan would take it"
    )


def test_where_it_can_not_write(fails, folder, tmp_path) -> None:
    (tmp_path / "file").touch()
    for place in ("nowhere/x.csv", "file/x.csv"):
        line = fails("export", "-o", tmp_path / place)
        assert line.startswith(f"{tmp_path / place}: can't be written (")
    line = fails("export", "--tree", tmp_path / "file")
    assert line == f"{tmp_path}/file: can't be written (File exists)"
    assert fails("export", "-o", "/dev/full") == (
        "/dev/full: can't be written (No space left on device)"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="a folder without rights, even for root")
@pytest.mark.parametrize("arguments", [["-o", "x.csv"], ["--tree", "."]])
def test_a_read_only_folder(libindex, folder, tmp_path, arguments) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=0o555)
    process = libindex("export", *arguments, cwd=place)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert error.count(b"\n") == 1
    assert b"can't be written (Permission denied)" in error


def test_arrays_are_not_shown_on_a_terminal(libindex, folder) -> None:
    leader, follower = os.openpty()
    process = libindex("export", "-f", "npz", stdout=follower)
    os.close(follower)
    _, error = process.communicate(timeout=60)
    os.close(leader)
    assert process.returncode == 2
    assert error == b"libindex: npz is binary; name a file with -o\n"


@pytest.mark.parametrize("format_", ["csv", "npz"])
def test_whoever_reads_may_have_seen_enough(libindex, folder, format_) -> None:
    process = libindex("export", "-f", format_)
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""


def test_ctrl_c_loses_track_of_nothing(libindex, folder, library, tmp_path) -> None:
    # The copy of a named pipe waits until somebody writes to it.
    first = folder / "0/00.wav"
    first.unlink()
    os.mkfifo(first)
    top = tmp_path / "Sorted"
    process = libindex("export", "--tree", top, "--copy")
    deadline = time.monotonic() + 60
    while not list(top.rglob(".libindex-tree.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (130, b"", b"libindex: interrupted\n")
    first.unlink()
    first.write_bytes(b"sound 0")
    again = libindex("export", "--tree", top, "--copy")
    assert again.communicate(timeout=60)[0].endswith(b"added, 0 removed, 0 as before\n")
    assert len(list(top.rglob("*.wav"))) == 30
    done = libindex("export", "--tree", top, "--name", "none")
    done.communicate(timeout=60)
    assert not top.exists()


def test_a_library_of_another_drive(cli, folder, library, tmp_path) -> None:
    shutil.move(folder, folder.with_name("away"))
    library.scan()
    rows = json.loads(cli("export", "-f", "json").stdout)
    assert {row["online"] for row in rows} == {False}
    cli("export", "--tree", tmp_path / "Sorted")
    shutil.move(folder.with_name("away"), folder)
    links = [p for p in (tmp_path / "Sorted").rglob("*.wav") if p.exists()]
    assert len(links) == 30


def test_a_limit_takes_what_a_query_shows(cli, folder, library) -> None:
    shutil.copy(folder / "0/00.wav", folder / "1/a copy.wav")
    library.scan()
    for options in ([], ["snare", "-p", "0.01"], ["-s", "path"], ["-s", "centroid", "-r"]):
        rows = json.loads(cli("export", "-f", "json", "-n", "10", *options).stdout)
        shown = cli("query", "-n", "10", *options).stdout.splitlines()
        assert [row["path"] for row in rows] == shown
    assert len(json.loads(cli("export", "-f", "json").stdout)) == 31
    assert len(json.loads(cli("export", "-f", "json", "-n", "99").stdout)) == 30


def test_words_are_those_of_a_query(cli, folder, library) -> None:
    rows = json.loads(cli("export", "-f", "json", "0/", "kick", "-p", "0.01").stdout)
    hits = library.query(name="0/", classes=["kick"], min_prob=0.01, sort="path")
    assert [row["path"] for row in rows] == [hit.path for hit in hits] != []
