"""What a scan counts, and what it costs."""

import os
import shutil
from pathlib import Path

import pytest
from support.libraries import check_integrity, counts, paths, put, state

from libindex.store.schema import (
    samples,
)


def test_everything_is_new_at_first_and_unchanged_then(library, ear, folder) -> None:
    first = library.scan(folder)
    assert counts(first) == {"new": 4}
    assert first.analysed == len(ear.analysed) == 4
    before = state(library)
    second = library.scan(folder)
    assert counts(second) == {"unchanged": 4}
    assert second.analysed == 0
    assert len(ear.analysed) == 4
    assert state(library) == before


def test_each_kind_of_change_is_counted(library, ear, folder) -> None:
    put(folder / "bad.wav", "bad")
    put(folder / "gone.wav")
    library.scan(folder)
    put(folder / "new.wav")
    put(folder / "kicks/1.wav", "another sound")
    (folder / "kicks/2.wav").rename(folder / "moved.wav")
    (folder / "gone.wav").unlink()
    ear.analysed.clear()
    summary = library.scan()
    assert counts(summary) == {
        "new": 1,
        "changed": 1,
        "moved": 1,
        "removed": 1,
        "unchanged": 2,
        "failed": 1,
    }
    assert sorted(map(os.path.basename, ear.analysed)) == ["1.wav", "new.wav"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation",
    [
        lambda f: (f / "kicks/1.wav").rename(f / "kicks/renamed.wav"),
        lambda f: (f / "kicks/1.wav").rename(f / "snares/moved.wav"),
        lambda f: (f / "kicks").rename(f / "bass drums"),
        lambda f: f.joinpath("kicks").rename(f / "snares/kicks"),
        lambda f: shutil.copy(f / "kicks/1.wav", f / "copy.wav"),
        lambda f: shutil.copytree(f / "kicks", f / "copies"),
        lambda f: os.utime(f / "kicks/1.wav", ns=(0, 0)),
        lambda f: os.link(f / "kicks/1.wav", f / "hard link.wav"),
        lambda f: (f / "link.wav").symlink_to("kicks/1.wav"),
    ],
)
def test_what_changes_no_bytes_costs_no_analysis(library, ear, folder, fresh, operation) -> None:
    library.scan(folder)
    ear.analysed.clear()
    operation(folder)
    summary = library.scan()
    assert ear.analysed == []
    assert summary.analysed == summary.failed == 0
    assert counts(library.scan()) == {"unchanged": len(paths(library))}
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


def test_a_moved_sample_keeps_its_row(library, ear, folder) -> None:
    library.scan(folder)
    (before,) = library.query(name="3.wav")
    added = before.added_at - 1000
    with library.database.writing() as connection:
        connection.execute(samples.update().values(added_at=added))
    (folder / "kicks/deep").rename(folder / "elsewhere")
    assert counts(library.scan()) == {"moved": 1, "unchanged": 3}
    (after,) = library.query(name="3.wav")
    assert after.path == str(folder / "elsewhere/3.wav")
    assert (after.added_at, after.content_id) == (added, before.content_id)


def test_two_files_that_change_places_both_keep_their_analyses(library, ear, folder) -> None:
    library.scan(folder)
    one, two, aside = folder / "kicks/1.wav", folder / "kicks/2.wav", folder / "aside"
    expected = {hit.content_id: hit.path for hit in library.query(under=folder / "kicks")}
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    ear.analysed.clear()
    assert counts(library.scan()) == {"changed": 2, "unchanged": 2}
    assert ear.analysed == []
    swap = {str(one): str(two), str(two): str(one)}
    for hit in library.query(under=folder / "kicks"):
        assert hit.path == swap.get(expected[hit.content_id], expected[hit.content_id])


def test_of_several_missing_copies_the_one_of_the_same_name_moved(library, ear, tmp_path) -> None:
    folder = tmp_path / "Samples"
    for name in ("a/x.wav", "a/y.wav"):
        put(folder / name, "the same")
    library.scan(folder)
    with library.database.writing() as connection:
        for number, stored in enumerate((b"a/x.wav", b"a/y.wav")):
            connection.execute(
                samples.update().where(samples.c.path == stored).values(added_at=number)
            )
    (folder / "a").rename(folder / "b")
    assert counts(library.scan()) == {"moved": 2}
    found = {Path(hit.path).name: hit.added_at for hit in library.query(copies=True)}
    assert found == {"x.wav": 0, "y.wav": 1}


def test_copies_are_analysed_once_and_all_are_samples(library, ear, tmp_path) -> None:
    for name in ("a.wav", "b/b.wav", "c/c/c.flac"):
        put(tmp_path / "Samples" / name, "the same")
    summary = library.scan(tmp_path / "Samples")
    assert (counts(summary), summary.analysed, len(ear.analysed)) == ({"new": 3}, 1, 1)
    assert len({hit.content_id for hit in library.query(copies=True)}) == 1
    assert len(library.query(copies=True)) == 3


def test_a_move_between_roots_costs_no_analysis(library, ear, folder, tmp_path) -> None:
    put(tmp_path / "Others/hat.wav")
    library.scan(folder, tmp_path / "Others")
    ear.analysed.clear()
    (folder / "kicks/1.wav").rename(tmp_path / "Others/1.wav")
    assert counts(library.scan()) == {"moved": 1, "unchanged": 4}
    assert ear.analysed == []


def test_a_move_is_seen_whatever_the_size_of_a_chunk(
    library, ear, folder, fresh, monkeypatch
) -> None:
    monkeypatch.setattr("libindex.indexing.ingest._CHUNK", 1)
    library.scan(folder)
    ear.analysed.clear()
    folder.joinpath("kicks").rename(folder / "z")
    assert counts(library.scan()) == {"moved": 3, "unchanged": 1}
    assert ear.analysed == []


def test_a_change_that_leaves_size_and_mtime_is_seen_right_after_a_scan(
    library, ear, folder
) -> None:
    kick = put(folder / "kicks/1.wav", "one sound")
    library.scan(folder)
    status = kick.stat()
    with kick.open("r+b") as file:  # in place: the inode stays as well
        file.write(b"the other"[: status.st_size])
    os.utime(kick, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert counts(library.scan()) == {"changed": 1, "unchanged": 3}
    assert ear.analysed[-1] == str(kick)


def test_a_settled_library_is_not_read(library, ear, folder, monkeypatch) -> None:
    newest = max(p.stat().st_ctime_ns for p in folder.rglob("*"))
    monkeypatch.setattr("libindex.disk.walk.time.time_ns", lambda: newest + 10**10)
    library.scan(folder)
    monkeypatch.setattr(
        "libindex.indexing.ingest.digest_of", lambda path: pytest.fail(f"{path} was read")
    )
    assert counts(library.scan()) == {"unchanged": 4}


def test_orphans_are_removed(library, ear, folder) -> None:
    library.scan(folder)
    put(folder / "kicks/1.wav", "another sound")
    (folder / "kicks/2.wav").unlink()
    library.scan()
    left = state(library)
    assert len(left["contents"]) == len(left["analyses"]) == len(left["samples"]) == 3
    check_integrity(library.database.path)
