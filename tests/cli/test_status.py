import json
from collections import Counter
from pathlib import Path

import pytest
from support.libraries import put

from libindex.store import locking


@pytest.fixture
def folder(tmp_path, library, ear) -> Path:
    folder = tmp_path / "Samples"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.wav").write_bytes(b"sound %d" % number)
    (folder / "bad \udcff\n.wav").write_bytes(b"bad")
    library.scan(folder)
    return folder


def test_everything_at_a_glance(cli, folder, library) -> None:
    shown = cli("status").stdout
    assert f"database    {library.database.path} (" in shown
    assert f"network     small ({library.network().fingerprint[:12]})\n" in shown
    assert "MB, current\n" in shown
    assert "samples     6 (6 different, 5 analysed)\n" in shown
    assert "failed      1 (why: libindex status --failures)\n" in shown
    assert f"\n         6  {folder}  (scanned 2" in shown
    by_class = [line.split()[:3] for line in shown.split("\nclasses\n")[1].splitlines()]
    assert {code: int(number) for number, _, code in by_class} == library.status().by_class
    assert "writing" not in shown
    assert "flagged" not in shown


def test_what_is_not_as_it_should_be(cli, folder, library) -> None:
    library.index_status()[0].unlink()
    folder.rename(folder.with_name("away"))
    library.scan()
    library.index_status()[0].unlink()
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE contents SET warning = 'truncated' WHERE id = 1")
    with locking.writer_lock(library.database.path, "watch"):
        shown = cli("status").stdout
    assert "neighbours  made when next needed\n" in shown
    assert "writing     libindex watch (process " in shown
    assert "flagged     1 damaged, but usable\n" in shown
    assert f"{folder}  (scanned " in shown
    assert "  OFFLINE\n" in shown


def test_failures_with_their_reasons(cli, folder) -> None:
    assert cli("status", "--failures").stdout == f"{folder}/bad \\xff\\n.wav: is not audio\n"
    (found,) = json.loads(cli("status", "--failures", "--json").stdout)
    assert found["reason"] == "is not audio"
    assert bytes.fromhex(found["path_hex"]).endswith(b"bad \xff\n.wav")


def test_json(cli, folder, library) -> None:
    found = json.loads(cli("status", "--json").stdout)
    assert (found["samples"], found["contents"], found["analysed"], found["failed"]) == (6, 6, 5, 1)
    assert found["database"] == {"path": str(library.database.path)}
    assert found["database_bytes"] == library.database.size_bytes
    assert found["network"]["fingerprint"] == library.network().fingerprint
    assert found["neighbours_current"] is True
    assert found["writer"] is None
    (root,) = found["roots"]
    assert (root["path"], root["is_online"], root["samples"]) == (str(folder), True, 6)


@pytest.fixture
def packs(tmp_path, library, ear) -> Path:
    """Two packs in one root, one of which has a copy and two bad files, and another root."""
    for number in range(5):
        put(tmp_path / f"Samples/Pack A/{number}.wav", b"sound %d" % number)
        put(tmp_path / f"Other/{number}.wav", b"other %d" % number)
    for name, content in (("a", b"sound 0"), ("b", b"bad"), ("c", b"bad too"), ("d", b"new")):
        put(tmp_path / f"Samples/Pack B/{name}.wav", content)
    library.scan(tmp_path / "Samples", tmp_path / "Other")
    return tmp_path / "Samples"


def test_a_part_of_the_library(cli, packs, library) -> None:
    shown = cli("status", packs / "Pack B").stdout
    lines = shown.splitlines()
    assert lines[:3] == [
        f"folder      {packs}/Pack B",
        "samples     4 (4 different, 2 analysed)",
        f"failed      2 (why: libindex status '{packs}/Pack B' --failures)",
    ]
    assert "database" not in shown
    assert "\nfolders\n" not in shown
    by_class = [line.split()[:3] for line in shown.split("\nclasses\n")[1].splitlines()]
    expected = Counter(hit.class_code for hit in library.query(under=packs / "Pack B"))
    assert {code: int(number) for number, _, code in by_class} == expected
    assert cli("status", packs).stdout.splitlines()[1] == "samples     9 (8 different, 6 analysed)"


def test_the_failures_of_a_part(cli, packs) -> None:
    bad = [f"{packs}/Pack B/{name}.wav: is not audio" for name in "bc"]
    assert cli("status", packs / "Pack B", "--failures").stdout.splitlines() == bad
    assert cli("status", packs / "Pack A", "--failures").stdout == ""
    found = json.loads(cli("status", packs / "Pack B", "--failures", "--json").stdout)
    assert [f["path"] for f in found] == [f"{packs}/Pack B/{name}.wav" for name in "bc"]


def test_a_part_by_the_end_of_its_path(cli, packs, monkeypatch) -> None:
    monkeypatch.chdir(packs.parent)
    assert cli("status", "pack b").stdout == cli("status", packs / "Pack B").stdout
    found = json.loads(cli("status", "Pack B", "--json").stdout)
    assert found["folder"] == {"path": f"{packs}/Pack B"}
    assert cli("status", "Pack B", "--failures").stdout.count("is not audio\n") == 2


def test_hints_name_the_library_that_was_given(cli, folder, library, monkeypatch) -> None:
    database = str(library.database.path)
    monkeypatch.setenv("LIBINDEX_DB", "elsewhere.db")
    shown = cli("status", "--db", database).stdout
    assert f"failed      1 (why: libindex status --failures --db {database})\n" in shown
    shown = cli("scan", "--db", database).stdout
    assert f"   (why: libindex status --failures --db {database})\n" in shown


def test_a_part_as_json(cli, packs, library) -> None:
    found = json.loads(cli("status", packs / "Pack B", "--json").stdout)
    assert found["folder"] == {"path": f"{packs}/Pack B"}
    assert (found["samples"], found["contents"], found["analysed"], found["failed"]) == (4, 4, 2, 2)
    assert found["by_class"] == library.status(packs / "Pack B").by_class
    (root,) = found["roots"]
    assert (root["path"], root["samples"]) == (str(packs), 4)


def test_a_folder_that_holds_several_roots_shows_them(cli, packs) -> None:
    shown = cli("status", packs.parent).stdout
    assert "samples     14 (13 different, 11 analysed)\n" in shown
    assert f"\n         5  {packs.parent}/Other  (scanned 2" in shown
    assert f"\n         9  {packs}  (scanned 2" in shown


def test_a_folder_that_is_no_part_of_the_library(fails, packs, tmp_path) -> None:
    expected = f"{tmp_path}/Wrong: is not in the library; see: libindex status"
    assert fails("status", tmp_path / "Wrong") == expected
    assert fails("status", tmp_path / "Wrong", "--failures") == expected


def test_an_empty_library(cli, library) -> None:
    shown = cli("status").stdout
    assert "samples     0 (0 different, 0 analysed)\n" in shown
    assert "neighbours  none before the first scan\n" in shown
    assert json.loads(cli("status", "--json").stdout)["network"] is None
    assert cli("status", "--failures").stdout == ""


def test_no_library(fails, tmp_path) -> None:
    assert "no library here yet" in fails("status", "--db", tmp_path / "none.db")


def test_a_file_that_is_no_library(fails, tmp_path) -> None:
    path = tmp_path / "kick.wav"
    path.write_bytes(b"RIFF....WAVEfmt " * 100)
    assert fails("status", "--db", path) == f"{path}: is not a database"
