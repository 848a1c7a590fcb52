"""The folders of a library, parts of them, and folders inside of folders."""

import errno
import os
import shutil

import pytest
from support.libraries import (
    counts,
    paths,
    put,
    state,
)

from libindex.errors import NotFoundError
from libindex.indexing import forget_root


def test_a_root_that_is_gone_is_kept(library, ear, folder, tmp_path) -> None:
    put(tmp_path / "Others/hat.wav")
    library.scan(folder, tmp_path / "Others")
    folder.rename(tmp_path / "away")
    ear.analysed.clear()
    summary = library.scan()
    assert counts(summary) == {"unchanged": 1}
    assert summary.offline == [(str(folder), "is offline")]
    assert len(paths(library)) == 5
    assert [root.is_online for root in library.status().roots] == [True, False]
    assert {hit.is_online for hit in library.query(under=folder)} == {False}
    (tmp_path / "away").rename(folder)
    assert counts(library.scan()) == {"unchanged": 5}
    assert all(root.is_online for root in library.status().roots)
    assert ear.analysed == []


def test_an_empty_mount_point_is_an_unplugged_drive(library, ear, folder, monkeypatch) -> None:
    mounted = {str(folder)}
    monkeypatch.setattr("os.path.ismount", lambda path: path in mounted)
    library.scan(folder)
    folder.rename(folder.with_name("drive"))
    folder.mkdir()
    mounted.clear()
    summary = library.scan()
    assert (counts(summary), summary.offline) == ({}, [(str(folder), "is offline")])
    assert len(paths(library)) == 4
    folder.rmdir()
    folder.with_name("drive").rename(folder)
    mounted.add(str(folder))
    assert counts(library.scan()) == {"unchanged": 4}


def test_a_root_that_was_emptied_is_empty(library, ear, folder) -> None:
    library.scan(folder)
    shutil.rmtree(folder)
    folder.mkdir()
    assert counts(library.scan()) == {"removed": 4}
    assert state(library)["analyses"] == []


def test_a_root_inside_of_a_new_one_becomes_part_of_it(library, ear, folder, fresh) -> None:
    library.scan(folder / "kicks/deep")
    library.scan(folder / "kicks", folder / "snares")
    ear.analysed.clear()
    assert counts(library.scan(folder)) == {"unchanged": 4}
    assert ear.analysed == []
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


@pytest.mark.parametrize("order", [1, -1])
def test_nested_roots_that_come_together_are_one(library, ear, folder, order) -> None:
    library.scan(*[folder, folder / "kicks", folder / "kicks/deep"][::order])
    assert [root.path for root in library.status().roots] == [str(folder)]
    assert len(paths(library)) == len(ear.analysed) == 4


def test_roots_whose_names_begin_alike_are_two(library, ear, tmp_path) -> None:
    put(tmp_path / "Kick/a.wav")
    put(tmp_path / "Kicks/b.wav")
    library.scan(tmp_path / "Kicks")
    library.scan(tmp_path / "Kick")
    assert [root.samples for root in library.status().roots] == [1, 1]


def test_a_part_of_a_root_is_scanned_alone(library, ear, folder, fresh) -> None:
    library.scan(folder)
    put(folder / "kicks/new.wav")
    put(folder / "snares/new.wav", "another")
    (folder / "kicks/1.wav").unlink()
    (folder / "snares/1.wav").unlink()
    assert counts(library.scan(folder / "kicks")) == {"new": 1, "removed": 1, "unchanged": 2}
    assert counts(library.scan(folder / "snares/new.wav")) == {"new": 1}
    assert counts(library.scan(folder / "snares/1.wav")) == {"removed": 1}
    library.scan()  # what lost its last path is let go only when everything was looked at
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


def test_a_part_and_its_root_are_scanned_once(library, ear, folder) -> None:
    library.scan(folder)
    assert counts(library.scan(folder / "kicks", folder)) == {"unchanged": 4}


def test_a_move_into_the_scanned_part_keeps_the_other_until_it_is_looked_at(
    library, ear, folder, fresh
) -> None:
    library.scan(folder)
    (folder / "snares/1.wav").rename(folder / "kicks/was a snare.wav")
    ear.analysed.clear()
    library.scan(folder / "kicks")
    library.scan(folder / "snares")
    assert ear.analysed == []
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


@pytest.mark.parametrize("missing", ["none", "Samples/none", "Samples/kicks/none.wav"])
def test_a_path_that_is_neither_there_nor_known(library, ear, folder, tmp_path, missing) -> None:
    library.scan(folder)
    with pytest.raises(NotFoundError, match="no such"):
        library.scan(tmp_path / missing)


def test_a_file_is_no_root(library, ear, folder) -> None:
    with pytest.raises(NotFoundError, match="scan the folder it is in"):
        library.scan(folder / "kicks/1.wav")


def test_a_path_that_is_wrong_scans_nothing(library, ear, folder, tmp_path) -> None:
    with pytest.raises(NotFoundError):
        library.scan(folder, tmp_path / "none")
    assert library.status().roots == []


def test_an_unreadable_folder_keeps_its_samples(library, ear, folder, monkeypatch) -> None:
    library.scan(folder)
    scandir = os.scandir

    def guarded(path: str) -> object:
        if path == str(folder / "kicks"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", guarded)
        summary = library.scan()
    assert counts(summary) == {"unchanged": 4}
    assert summary.unreadable == [str(folder / "kicks")]
    assert counts(library.scan()) == {"unchanged": 4}


def test_forgetting_a_root(library, ear, folder, tmp_path) -> None:
    put(tmp_path / "Others/hat.wav")
    shutil.copy(folder / "kicks/1.wav", tmp_path / "Others/kick.wav")
    library.scan(folder, tmp_path / "Others")
    assert forget_root(library.database, str(folder)) == 4
    assert len(paths(library)) == 2
    assert len(state(library)["contents"]) == len(state(library)["analyses"]) == 2
    assert all(path.exists() for path in folder.rglob("*"))
    with pytest.raises(NotFoundError, match="is not one of the library's folders"):
        forget_root(library.database, str(folder))


def test_what_is_forgotten_is_named_on_one_line(library, ear, tmp_path) -> None:
    put(tmp_path / "two\nlines \udcff/hat.wav", "sound")
    library.scan(tmp_path / "two\nlines \udcff")
    with pytest.raises(NotFoundError) as caught:
        forget_root(library.database, "/none")
    assert "two\\nlines \\xff" in str(caught.value)
    assert str(caught.value).isprintable()
