"""Stopping, and things that go wrong."""

import errno
import os
import shutil
import threading

import pytest
from support.libraries import (
    check_integrity,
    counts,
    paths,
    put,
    state,
)

from libindex.errors import DatabaseError
from libindex.indexing import Progress
from libindex.store import database as database_module


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_a_copy_is_analysed_when_the_first_file_goes(
    library, ear, folder, monkeypatch, chunk: int
) -> None:
    monkeypatch.setattr("libindex.indexing.ingest._CHUNK", chunk)
    first, *copies = (put(folder / f"{name}.wav", "the same") for name in ("0", "1", "zzz"))

    def go(path: str) -> None:
        if path == str(first):
            first.unlink()

    ear.before = go
    summary = library.scan(folder)
    assert (summary.new, summary.failed) == (4 + len(copies), 0)
    assert {str(copy) for copy in copies} < set(paths(library))


def test_a_stopped_scan_keeps_what_is_done(library, ear, folder, fresh, monkeypatch) -> None:
    monkeypatch.setattr("libindex.indexing.ingest._CHUNK", 2)
    library.scan(folder)
    (folder / "snares/1.wav").unlink()
    for number in range(6):
        put(folder / f"{number}.wav")
    stop = threading.Event()
    ear.analysed.clear()
    ear.before = lambda _path: len(ear.analysed) == 2 and stop.set()
    summary = library.scan(stop=stop)
    assert summary.interrupted
    assert (summary.new, summary.removed) == (3, 0)
    assert len(paths(library)) == 7
    ear.before = lambda _path: None
    first = set(ear.analysed)
    ear.analysed.clear()
    assert counts(library.scan()) == {"new": 3, "unchanged": 6, "removed": 1}
    assert not first & set(ear.analysed)
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


def test_a_scan_that_is_stopped_at_once_does_nothing(library, ear, folder) -> None:
    stop = threading.Event()
    stop.set()
    assert library.scan(folder, stop=stop).interrupted
    assert ear.analysed == []
    assert paths(library) == []
    assert [root.scanned_at for root in library.status().roots] == [None]


def test_a_move_that_was_stopped_halfway_costs_no_analysis(
    library, ear, folder, monkeypatch
) -> None:
    monkeypatch.setattr("libindex.indexing.ingest._CHUNK", 1)
    library.scan(folder)
    ear.analysed.clear()
    (folder / "kicks").rename(folder / "bass drums")
    stop = threading.Event()
    done = []
    library.scan(stop=stop, on_progress=lambda p: done.append(p) or (p.done >= 1 and stop.set()))
    assert counts(library.scan())["unchanged"] >= 2
    assert ear.analysed == []
    assert sorted(paths(library)) == sorted(map(str, folder.rglob("*.wav")))


def test_progress_rises_to_the_number_of_files_to_read(library, ear, folder, monkeypatch) -> None:
    monkeypatch.setattr("libindex.indexing.ingest._CHUNK", 3)
    shutil.copy(folder / "kicks/1.wav", folder / "copy.wav")
    seen: list[Progress] = []
    library.scan(folder, on_progress=seen.append)
    assert seen[0] == Progress(0, 5)
    assert seen[-1] == Progress(5, 5)
    assert [p.done for p in seen] == sorted(p.done for p in seen)


def test_an_error_in_the_middle_loses_nothing_that_was_committed(
    library, ear, folder, fresh, monkeypatch
) -> None:
    monkeypatch.setattr("libindex.indexing.ingest._CHUNK", 1)

    def fail(path: str) -> None:
        if len(ear.analysed) == 2:
            raise MemoryError

    ear.before = fail
    with pytest.raises(MemoryError):
        library.scan(folder)
    assert len(paths(library)) == 2
    check_integrity(library.database.path)
    ear.before = lambda _path: None
    assert counts(library.scan()) == {"new": 2, "unchanged": 2}
    assert len(ear.analysed) == 4


@pytest.mark.slow
def test_a_full_disk_loses_nothing_that_was_committed(
    library, ear, folder, fresh, monkeypatch
) -> None:
    library.scan(folder)
    before = state(library)
    for number in range(500):
        put(folder / f"{number}.wav")
    with library.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with monkeypatch.context() as patch:
        limit = f"max_page_count = {pages + 40}"
        patch.setattr(database_module, "_PRAGMAS", (*database_module._PRAGMAS, limit))
        with pytest.raises(DatabaseError, match="the disk is full"):
            library.scan()
        assert state(library) == before
    check_integrity(library.database.path)
    assert counts(library.scan()) == {"new": 500, "unchanged": 4}
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


def test_a_neighbour_index_that_can_not_be_written_is_no_obstacle(
    library, ear, folder, monkeypatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert counts(library.scan(folder)) == {"new": 4}
    assert len(library.similar(folder / "kicks/1.wav")) == 3


def test_a_preview_reports_and_records_nothing(library, ear, folder, tmp_path) -> None:
    library.scan(folder)
    put(folder / "new.wav")
    put(folder / "kicks/1.wav", "another sound")
    (folder / "kicks/2.wav").unlink()
    put(tmp_path / "Others/hat.wav")
    before = state(library)
    ear.analysed.clear()
    summary = library.scan(folder, tmp_path / "Others", dry_run=True)
    # Fresh files count as changed: only reading them would show.
    assert (summary.new, summary.removed) == (2, 1)
    assert summary.changed + summary.unchanged == 3
    assert ear.analysed == []
    assert state(library) == before
