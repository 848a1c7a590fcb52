import csv
import io
import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from libindex.paths import is_utf8, to_text
from libindex.sound.facts import FACTS

KEYS = {
    "path",
    "class",
    "class_name",
    "probability",
    "percussion",
    *(fact.key for fact in FACTS),
    "added_at",
    "online",
    "warning",
} | {fact.key for fact in FACTS}


@pytest.fixture
def folder(tmp_path, library, ear) -> Path:
    folder = tmp_path / "Samples"
    for number in range(60):
        path = folder / f"{number % 3}" / f"{number:02}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound %d" % number)
    library.scan(folder)
    return folder


@pytest.fixture
def strange(folder, library) -> list[str]:
    """Three files with names that need care; their paths."""
    names = ["\udcff broken.wav", 'new\nline, "quoted".wav', "🥁 ü.wav"]
    for name in names:
        (folder / name).write_bytes(os.fsencode(name))
    library.scan()
    return [str(folder / name) for name in names]


def lines(result) -> list[str]:
    return result.stdout.splitlines()


def test_one_path_a_line_in_a_pipe_and_all_of_them(cli, folder, library) -> None:
    result = cli("query")
    assert lines(result) == [hit.path for hit in library.query()]
    assert len(lines(result)) == 60
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("options", "filters"),
    [
        (["--class", "snr", "--min-prob", "0.01"], {"classes": ["snr"], "min_prob": 0.01}),
        (["-c", "snare", "-c", "bd", "-p", "0.1"], {"classes": ["snr", "kick"], "min_prob": 0.1}),
        (
            ["--min-duration", "1", "--max-duration", "2"],
            {"min_duration_s": 1, "max_duration_s": 2},
        ),
        (["--min-centroid", "2e3"], {"min_centroid_hz": 2000}),
        (["--max-centroid", "2000"], {"max_centroid_hz": 2000}),
        (["--min-loudness", "-20"], {"min_loudness_dbfs": -20}),
        (["--max-loudness", "-20"], {"max_loudness_dbfs": -20}),
        (["--name", "1?.wav"], {"name": "1?.wav"}),
        (["--name", "1?.wav", "--sort", "name"], {"name": "1?.wav", "sort": "name"}),
        (["-s", "duration", "-n", "7"], {"sort": "duration", "limit": 7}),
        (["--limit", "7", "--offset", "3"], {"limit": 7, "offset": 3}),
        (["--sort", "added", "--limit", "0"], {"sort": "added"}),
    ],
)
def test_each_option_is_what_it_says(cli, folder, library, options, filters) -> None:
    expected = [hit.path for hit in library.query(**filters)]
    assert lines(cli("query", *options)) == expected
    assert len(expected) > 0


def test_under_a_folder(cli, folder, library, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    for under in ("1", "./1/", folder / "1", "0/../1"):
        assert lines(cli("query", "--under", under)) == [
            hit.path for hit in library.query(under=folder / "1")
        ]


def test_a_library_can_be_named_by_path_or_url(cli, folder, library, monkeypatch) -> None:
    expected = lines(cli("query"))
    monkeypatch.delenv("LIBINDEX_DB")
    assert lines(cli("query", "--db", library.database.path)) == expected
    assert lines(cli("query", "--db", f"sqlite:///{library.database.path}")) == expected


def test_paths_are_their_own_bytes(cli, strange) -> None:
    for path in strange:
        result = cli("query", "--name", Path(path).name[1:8], "--format", "paths")
        assert result.stdout_bytes == os.fsencode(path) + b"\n"


@pytest.mark.parametrize("options", [["-0"], ["--null"], ["-0", "--format", "paths"]])
def test_paths_can_end_with_a_nul(cli, strange, library, options) -> None:
    found = cli("query", *options).stdout_bytes
    assert found.endswith(b"\0")
    assert [os.fsdecode(p) for p in found.split(b"\0")[:-1]] == [h.path for h in library.query()]


def test_json(cli, folder, library) -> None:
    found = json.loads(cli("query", "-f", "json").stdout)
    hits = library.query()
    assert [record["path"] for record in found] == [hit.path for hit in hits]
    for record, hit in zip(found, hits, strict=True):
        assert set(record) == KEYS | {"copies"}
        assert record["class"] == hit.class_code
        assert record["probability"] == pytest.approx(hit.probability, abs=1e-6)
        assert record["percussion"] is None
        assert record["duration_s"] == hit.facts.duration_s
        assert (record["online"], record["warning"]) == (True, None)


def test_the_documentation_has_every_key() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "export.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page.split("## Fields\n")[1], re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == KEYS | {
        "similarity",
        "copies",
        "path_hex",
    }


def test_json_of_nothing_is_an_empty_list(cli, folder) -> None:
    assert json.loads(cli("query", "--name", "none", "-f", "json").stdout) == []


def test_json_has_the_bytes_of_a_name_that_is_not_utf8(cli, strange) -> None:
    records = {r["path"]: r for r in json.loads(cli("query", "-f", "json").stdout)}
    broken, line, drum = strange
    record = records[broken.replace("\udcff", "\ufffd")]
    assert set(record) == KEYS | {"copies", "path_hex"}
    assert bytes.fromhex(record["path_hex"]) == os.fsencode(broken)
    assert set(records[line]) == set(records[drum]) == KEYS | {"copies"}


def test_jsonl_is_one_object_a_line(cli, strange) -> None:
    whole = json.loads(cli("query", "-f", "json").stdout)
    assert [json.loads(line) for line in lines(cli("query", "-f", "jsonl"))] == whole


def test_csv(cli, strange, library) -> None:
    text = cli("query", "-f", "csv").stdout_bytes.decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    hits = library.query()
    assert [row["path"] for row in rows] == [to_text(hit.path) for hit in hits]
    coded = [bytes.fromhex(row["path_hex"]) for row in rows if row["path_hex"]]
    assert coded == [os.fsencode(hit.path) for hit in hits if not is_utf8(hit.path)] != []
    assert set(rows[0]) == KEYS | {"path_hex", "similarity", "copies"}
    assert float(rows[0]["probability"]) == pytest.approx(library.query()[0].probability, abs=1e-6)
    assert rows[0]["percussion"] == ""


def test_what_is_hardly_percussion_is_left_out_if_asked_for(cli, folder, library) -> None:
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE analyses SET percussion = id / 70.0")
    hits = library.query(min_percussion=0.5)
    assert 0 < len(hits) < 60
    assert lines(cli("query", "--min-percussion", "0.5")) == [hit.path for hit in hits]
    found = json.loads(cli("query", "--min-percussion", "0.5", "-f", "json").stdout)
    assert [record["percussion"] for record in found] == [round(h.percussion, 6) for h in hits]
    rows = csv.DictReader(io.StringIO(cli("query", "--min-percussion", "0.5", "-f", "csv").stdout))
    assert [float(row["percussion"]) for row in rows] == [round(h.percussion, 6) for h in hits]


def test_nothing_matches(cli, folder) -> None:
    result = cli("query", "--name", "none")
    assert (result.stdout, result.stderr) == ("", "libindex: nothing matches\n")


def test_a_table_in_a_pipe_if_asked_for(cli, folder) -> None:
    table = lines(cli("query", "-f", "table", "--name", "07.wav"))
    assert table[0].split() == ["class", "probability", "length", "file"]
    assert len(table) == 2
    assert table[1].endswith("1/07.wav")


def test_the_day_of_addition_is_shown_if_it_is_the_order(cli, folder, library) -> None:
    title, first = lines(cli("query", "-f", "table", "--sort", "added", "-n", "1"))
    assert title.split() == ["class", "probability", "length", "added", "file"]
    added = time.localtime(library.query(sort="added")[0].added_at)
    assert time.strftime("  %Y-%m-%d %H:%M  ", added) in first


def test_a_terminal_shows_50_and_counts_the_rest(terminal, folder, library) -> None:
    shown = terminal("query", "--sort", "name").splitlines()
    assert shown[0].split() == ["class", "probability", "length", "file"]
    assert len(shown) == 52
    assert shown[-1] == "… and 10 more (--limit 0 shows all)"
    first = library.query(sort="name")[0]
    assert shown[1].split()[0] == first.class_code
    words = [f"{first.probability:.2f}", f"{first.facts.duration_s:.2f}", "s", "0/00.wav"]
    assert shown[1].split()[2:] == words
    bar = shown[1].split()[1]
    assert bar.count("█") == int(first.probability * 10)


def test_a_terminal_shows_all_if_asked_for(terminal, folder) -> None:
    shown = terminal("query", "--limit", "0").splitlines()
    assert len(shown) == 61
    assert "more" not in shown[-1]


def test_a_terminal_shows_strange_names_on_one_line(terminal, strange) -> None:
    shown = terminal("query", "--name", "*[a-z ]*.*", "--under", Path(strange[0]).parent)
    assert r"\xff broken.wav" in shown
    assert r'new\nline, "quoted".wav' in shown
    assert "🥁 ü.wav" in shown


def test_a_table_says_what_is_offline_and_what_is_wrong(cli, folder, library) -> None:
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE contents SET warning = 'truncated'")
    shutil.move(folder, folder.with_name("away"))
    library.scan()
    assert "  (truncated, offline)" in cli("query", "-f", "table", "-n", "1").stdout


@pytest.mark.parametrize(
    ("percussion", "notes"), [(0.49, "(not percussion?)"), (0.5, ""), (None, "")]
)
def test_a_table_asks_whether_it_is_percussion(cli, folder, library, percussion, notes) -> None:
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE analyses SET percussion = ?", (percussion,))
    table = lines(cli("query", "-f", "table", "-n", "1", "--name", "07.wav"))
    assert table[0].split() == ["class", "probability", "length", "file"]
    assert table[1].endswith(f"1/07.wav  {notes}".rstrip())


@pytest.mark.parametrize(
    "arguments",
    [["-0", "-f", "json"], ["-p", "1.1"], ["--min-percussion", "2"], ["-n", "-1"], ["-s", "x"]],
)
def test_wrong_usage_exits_with_2(cli, folder, arguments) -> None:
    result = cli("query", *arguments, code=2)
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_an_unknown_class_is_wrong_usage(fails, folder) -> None:
    assert fails("query", "--class", "snaer", code=2).startswith(
        "no class 'snaer': did you mean snr (snare drum)"
    )


def test_a_folder_that_is_no_part_of_the_library(fails, folder, tmp_path) -> None:
    line = fails("query", "--under", tmp_path / "Others")
    assert line == f"{tmp_path}/Others: is not in the library; see: libindex status"


def test_there_is_no_library_yet(fails, library, tmp_path) -> None:
    line = fails("query", "--db", tmp_path / "none.db")
    assert line == f"{tmp_path}/none.db: no library here yet; make one with: libindex scan FOLDER"
    assert not (tmp_path / "none.db").exists()
    assert fails("query") == "this library was never scanned with that network; scan it first"


# Words


def test_a_word_is_a_class_or_a_name(cli, folder, library) -> None:
    assert lines(cli("query", "snare")) == lines(cli("query", "--class", "snare"))
    assert lines(cli("query", "snare", "-p", "0.01", "1/")) == [
        hit.path for hit in library.query(classes=["snr"], min_prob=0.01, name="1/")
    ]
    assert lines(cli("query", "07.wav")) == [str(folder / "1/07.wav")]


def test_words_in_a_process_of_their_own(libindex, folder, library) -> None:
    out, error = libindex("query", "open", "hat", "*.wav", "-p", "0.01").communicate(timeout=60)
    expected = [hit.path for hit in library.query(classes=["hho"], min_prob=0.01)]
    assert (out.decode().splitlines(), error) == (expected, b"")
    assert expected


def test_a_word_that_means_nothing(fails, folder) -> None:
    assert fails("query", "snaer", code=2) == (
        "no class, file or folder 'snaer'; did you mean snare?"
    )


def test_under_the_end_of_a_path(cli, fails, folder, library) -> None:
    assert lines(cli("query", "--under", "Samples/1")) == lines(
        cli("query", "--under", folder / "1")
    )
    (folder / "2" / "1").mkdir()
    shutil.copy(folder / "1/07.wav", folder / "2/1/07.wav")
    library.scan()
    assert fails("query", "--under", "1") == (
        f"1: is the name of 2 folders: {folder}/1, {folder}/2/1"
    )


# Copies


@pytest.fixture
def with_copy(folder, library) -> Path:
    (folder / "copies").mkdir()
    copy = folder / "copies" / "07 copy.wav"
    shutil.copy(folder / "1/07.wav", copy)
    library.scan()
    return copy


def test_a_sound_is_one_path_unless_all_copies_are_asked_for(cli, with_copy, library) -> None:
    assert len(lines(cli("query"))) == 60
    assert len(lines(cli("query", "--copies"))) == 61
    found = json.loads(cli("query", "07", "-f", "json").stdout)
    assert [[copy["path"] for copy in record["copies"]] for record in found] == [[str(with_copy)]]
    rows = list(csv.DictReader(io.StringIO(cli("query", "07", "-f", "csv").stdout)))
    assert json.loads(rows[0]["copies"]) == [{"path": str(with_copy)}]
    assert lines(cli("query", "07", "--copies", "-s", "path")) == [
        str(with_copy.parents[1] / "1/07.wav"),
        str(with_copy),
    ]


def test_a_table_shows_copies_below(terminal, with_copy) -> None:
    shown = terminal("query", "07").splitlines()
    assert [line.split()[-1] for line in shown[1:2]] == ["1/07.wav"]
    assert shown[2].strip() == "= copies/07 copy.wav"
    assert len(shown) == 3


def test_the_rest_is_counted_as_it_is_listed(terminal, with_copy) -> None:
    assert terminal("query").splitlines()[-1] == "… and 10 more (--limit 0 shows all)"
    assert terminal("query", "--copies").splitlines()[-1] == "… and 11 more (--limit 0 shows all)"


# Tables


@pytest.mark.parametrize(
    ("sort", "label"), [("centroid", "centroid"), ("loudness", "loudness"), ("duration", None)]
)
def test_a_table_shows_what_it_is_sorted_by(cli, folder, library, sort, label) -> None:
    table = lines(cli("query", "-f", "table", "--sort", sort, "-n", "5"))
    assert table[0].split() == [
        "class",
        "probability",
        "length",
        *([label] if label else []),
        "file",
    ]
    hits = library.query(sort=sort, limit=5)
    for line, hit in zip(table[1:], hits, strict=True):
        if sort == "centroid":
            assert f" {hit.facts.centroid_hz:,.0f} Hz  " in line
        if sort == "loudness":
            assert f" {hit.facts.loudness_dbfs:.1f} dBFS  " in line


def test_long_paths_lose_their_middle_on_a_narrow_terminal(terminal, folder, library) -> None:
    deep = folder / "A pack with a rather long name (24 bit)" / "🥁 drums" / "one shot 12.wav"
    deep.parent.mkdir(parents=True)
    deep.write_bytes(b"deep")
    library.scan()
    for columns in (60, 80, 100):
        shown = terminal("query", "one shot", "-s", "centroid", columns=columns).splitlines()
        assert len(shown) == 2
        assert shown[1].endswith("12.wav")
        assert len(shown[1]) <= columns
        assert "…" in shown[1]
        assert all(line == line.rstrip() for line in shown)
    assert str(deep.relative_to(folder)) in terminal("query", "one shot", columns=120)


def test_nothing_is_cut_in_a_pipe_and_no_line_ends_with_blanks(cli, folder, library) -> None:
    name = "x" * 200 + ".wav"
    (folder / name).write_bytes(b"long")
    library.scan()
    table = lines(cli("query", "-f", "table"))
    assert any(line.endswith(f"  {name}") for line in table)
    assert all(line == line.rstrip() for line in table)


@pytest.mark.parametrize("name", ["Others", "deep/Samples"])
def test_paths_of_two_roots_can_be_used(cli, folder, library, tmp_path, name) -> None:
    other = tmp_path / name
    (other / "1").mkdir(parents=True)
    (other / "1/07.wav").write_bytes(b"another sound")
    library.scan(other)
    table = lines(cli("query", "07.wav", "-f", "table"))
    shown = [re.split(r"  +", line)[-1] for line in table[1:]]
    prefix = ("Samples", "Others") if name == "Others" else (str(folder), str(other))
    assert sorted(shown) == sorted(f"{root}/1/07.wav" for root in prefix)
    for path in shown:
        assert lines(cli("info", path))[0] in {str(folder / "1/07.wav"), str(other / "1/07.wav")}
        assert lines(cli("query", "--under", Path(path).parent, "07.wav"))


def test_a_higher_threshold_than_anything_has_is_hinted_at(terminal, folder) -> None:
    shown = terminal("query", "snare", "-p", "1").splitlines()
    assert shown == ["libindex: nothing matches", "A lower --min-prob finds more"]
