"""`Indexer.update`, and what a scan leaves alone and lists while somebody is writing."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.libraries import paths, put

from libindex.analysis.engine import Engine
from libindex.indexing import Change, Indexer
from libindex.similarity.embeddings import index_path, is_current
from libindex.store.schema import samples


@pytest.fixture
def indexer(library, ear) -> Iterator[Indexer]:
    with Engine(library.settings, ear) as engine, Indexer(library.database, engine) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, indexer: Indexer) -> Path:
    folder = tmp_path / "Samples"
    for name in ("a.wav", "pack/b.wav", "pack/c.wav"):
        put(folder / name)
    indexer.scan([str(folder)])
    return folder


def test_only_what_is_named_is_looked_at(library, indexer, folder, ear) -> None:
    (folder / "a.wav").write_text("another")
    new = put(folder / "pack" / "new.wav")
    summary = indexer.update([str(new)])
    assert (summary.new, summary.changed, summary.unchanged) == (1, 0, 0)
    assert str(new) in paths(library)
    assert ear.analysed.count(str(folder / "a.wav")) == 1


def test_both_ends_of_a_move_are_one_thing(library, indexer, folder, ear) -> None:
    (folder / "a.wav").rename(folder / "pack" / "z.wav")
    changes: list[Change] = []
    named = [str(folder / "a.wav"), str(folder / "pack" / "z.wav")]
    summary = indexer.update(named, on_commit=changes.extend)
    assert (summary.moved, summary.new, summary.removed) == (1, 0, 0)
    (hit,) = library.query(name="z.wav")
    what = (hit.class_code, hit.probability, hit.facts.duration_s)
    assert changes == [Change("moved", named[1], named[0], *what)]
    assert len(ear.analysed) == 3


def test_a_folder_that_went_takes_its_samples_along(library, indexer, folder) -> None:
    (folder / "pack").rename(folder.with_name("elsewhere"))
    changes: list[Change] = []
    assert indexer.update([str(folder / "pack")], on_commit=changes.extend).removed == 2
    assert sorted(change.path for change in changes) == [
        str(folder / "pack" / "b.wav"),
        str(folder / "pack" / "c.wav"),
    ]
    assert paths(library) == [str(folder / "a.wav")]


def test_paths_that_mean_nothing_are_no_error(library, indexer, folder, tmp_path) -> None:
    summary = indexer.update(["/nowhere", str(tmp_path), str(folder / "none.wav")])
    assert (summary.new, summary.removed) == (0, 0)


def test_fresh_files_that_were_not_named_are_left(library, indexer, folder) -> None:
    fresh = put(folder / "pack" / "fresh.wav")
    summary = indexer.update([str(folder / "pack")])
    assert str(fresh) in summary.fresh
    assert str(fresh) not in paths(library)
    assert indexer.update([str(fresh)]).new == 1
    assert str(fresh) in paths(library)


def test_a_scan_can_leave_fresh_files_alone(library, indexer, folder) -> None:
    fresh = put(folder / "fresh.wav")
    summary = indexer.scan([], leave_fresh=True)
    assert str(fresh) in summary.fresh
    assert indexer.scan().new == 1


def test_what_moved_is_not_fresh(library, indexer, folder, ear) -> None:
    (folder / "pack").rename(folder / "drums")
    summary = indexer.update([str(folder / "pack"), str(folder / "drums")])
    assert (summary.moved, summary.fresh) == (2, [])


@pytest.mark.parametrize("link", [os.link, lambda a, b: Path(b).symlink_to(a)])
def test_links_to_a_file_change_with_it(library, indexer, folder, link) -> None:
    link(folder / "a.wav", folder / "link.wav")
    indexer.scan()
    (folder / "a.wav").write_text("another")
    assert indexer.update([str(folder / "a.wav")]).changed == 2
    query = select(samples.c.content_id).where(samples.c.name.in_(["a.wav", "link.wav"]))
    with library.database.reading() as connection:
        assert len(set(connection.execute(query).scalars())) == 1


@pytest.mark.parametrize("what", ["made", "moved", "removed", "replaced"])
def test_hard_links_change_with_their_other_names(library, indexer, folder, ear, what) -> None:
    one, other = folder / "a.wav", folder / "link.wav"
    os.link(one, other)
    indexer.scan()
    third = folder / "pack" / "third.wav"
    if what == "made":
        os.link(one, third)
    elif what == "moved":
        one.rename(third)
    elif what == "removed":
        one.unlink()
    else:
        put(folder / "new.tmp", "another").rename(one)
    indexer.update([str(one), str(third)])
    query = select(samples.c.path, samples.c.ctime_ns)
    with library.database.reading() as connection:
        stored = {folder / os.fsdecode(path): ctime for path, ctime in connection.execute(query)}
    assert stored == {path: path.stat().st_ctime_ns for path in folder.rglob("*.wav")}
    assert ear.analysed.count(str(other)) == 0


def test_a_copy_that_is_being_written_is_left_when_another_changes(
    library, indexer, folder, ear
) -> None:
    for name in ("a.wav", "b.wav"):
        (folder / name).write_text("the same")
    indexer.scan()
    (folder / "b.wav").write_text("half of")
    (folder / "a.wav").write_text("another")
    assert indexer.update([str(folder / "a.wav")]).changed == 1
    assert indexer.update([str(folder / "b.wav")]).changed == 1


def test_a_file_that_moves_on_while_it_is_read_leaves_nothing(
    library, indexer, folder, ear
) -> None:
    new, target = put(folder / "new.wav"), folder / "moved.wav"
    ear.before = lambda path: path == str(new) and new.rename(target)
    changes: list[Change] = []
    assert indexer.update([str(new)], on_commit=changes.extend).failed == 0
    assert (changes, len(paths(library))) == ([], 3)
    assert indexer.update([str(new), str(target)]).new == 1


def test_what_can_not_be_looked_at_is_kept(library, indexer, folder, monkeypatch) -> None:
    stat = os.stat

    def guarded(path, *arguments: Any, **options: Any) -> os.stat_result:
        if os.fsdecode(path) == str(folder / "pack" / "b.wav"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return stat(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", guarded)
        assert indexer.update([str(folder / "pack" / "b.wav")]).removed == 0
    assert len(paths(library)) == 3


@pytest.mark.parametrize("link", ["link", "link.wav"])
def test_below_a_link_that_leads_nowhere_all_is_kept(
    library, indexer, folder, tmp_path, link
) -> None:
    there = put(tmp_path / "elsewhere" / "there.wav")
    (folder / "link").symlink_to(there.parent)
    (folder / "link.wav").symlink_to(there)
    indexer.scan()
    there.parent.rename(tmp_path / "away")
    named = {"link": folder / "link" / "there.wav", "link.wav": folder / "link.wav"}[link]
    assert indexer.update([str(named)]).removed == 0
    assert str(named) in paths(library)


def test_the_neighbour_index_waits(library, indexer, folder) -> None:
    path = index_path(library.database.path, library.network().fingerprint)
    indexer.update([str(put(folder / "new.wav"))])
    with library.database.reading() as connection:
        assert not is_current(connection, path)
    indexer.refresh_neighbours()
    with library.database.reading() as connection:
        assert is_current(connection, path)


def test_each_kind_of_change_is_reported(library, indexer, folder) -> None:
    put(folder / "new.wav")
    put(folder / "bad.wav", "bad")
    (folder / "a.wav").write_text("another")
    (folder / "pack" / "b.wav").rename(folder / "moved.wav")
    (folder / "pack" / "c.wav").unlink()
    changes: list[Change] = []
    indexer.scan(on_commit=changes.extend)
    assert {change.kind: Path(change.path).name for change in changes} == {
        "new": "new.wav",
        "failed": "bad.wav",
        "changed": "a.wav",
        "moved": "moved.wav",
        "removed": "c.wav",
    }
    changes.clear()
    indexer.scan(on_commit=changes.extend)
    assert changes == []


def test_a_walk_is_stopped_between_folders(library, indexer, folder, monkeypatch) -> None:
    stop = threading.Event()
    listed: list[str] = []
    scandir = os.scandir

    def listing(path: str) -> object:
        listed.append(path)
        stop.set()
        return scandir(path)

    monkeypatch.setattr("libindex.disk.walk.os.scandir", listing)
    put(folder / "new.wav")
    assert indexer.scan(stop=stop).interrupted
    assert listed == [str(folder)]
    assert len(paths(library)) == 3


def test_links_that_were_followed_are_listed(library, indexer, folder, tmp_path) -> None:
    put(tmp_path / "elsewhere" / "x.wav")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    assert indexer.scan().links == [str(folder / "link")]
