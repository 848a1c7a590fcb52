import errno
import itertools
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import Connection, select

from libindex import settings as settings_module
from libindex.errors import DatabaseError, NotFoundError, SampleError
from libindex.indexing import Indexer, Progress, ScanSummary, forget_root
from libindex.library import Library
from libindex.network.modelfile import ModelFile
from libindex.store import database as database_module
from libindex.store.database import Database
from libindex.store.schema import (
    analyses,
    class_probabilities,
    classes,
    contents,
    embeddings,
    networks,
    roots,
    samples,
)

COUNTS = ("new", "changed", "moved", "removed", "unchanged", "failed")


def counts(summary: ScanSummary) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: getattr(summary, name) for name in COUNTS if getattr(summary, name)}


def content_of(connection: Connection) -> dict[str, object]:
    """All that a library knows, without its ids and the times of its own work."""
    what = [c for c in contents.c if c.name != "id"]
    stamp = (samples.c.size_bytes, samples.c.mtime_ns, samples.c.ctime_ns)
    opinions = (
        select(contents.c.digest, networks.c.fingerprint, classes.c.code)
        .select_from(analyses)
        .join(contents)
        .join(networks)
    )
    queries = {
        "roots": select(roots.c.path, roots.c.is_online),
        "samples": select(
            roots.c.path, samples.c.path, samples.c.name, samples.c.failure, *stamp, *what
        ).select_from(samples.join(roots).outerjoin(contents)),
        "contents": select(*what),
        "analyses": opinions.add_columns(
            analyses.c.probability, embeddings.c.vector, embeddings.c.norm
        )
        .join(classes, classes.c.id == analyses.c.class_id)
        .outerjoin(embeddings),
        "probabilities": opinions.add_columns(class_probabilities.c.probability)
        .join(class_probabilities)
        .join(classes, classes.c.id == class_probabilities.c.class_id),
    }
    return {n: sorted(map(tuple, connection.execute(q)), key=repr) for n, q in queries.items()}


def state(library: Library) -> dict[str, object]:
    with library.database.reading() as connection:
        return content_of(connection)


def check_integrity(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def paths(library: Library) -> list[str]:
    """Paths of all samples, good and bad."""
    query = select(roots.c.path, samples.c.path).select_from(samples.join(roots))
    with library.database.reading() as connection:
        rows = connection.execute(query).all()
    return sorted(os.fsdecode(root + b"/" + path) for root, path in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three kicks and a snare, all different."""
    folder = tmp_path / "Samples"
    for name in ("kicks/1.wav", "kicks/2.wav", "kicks/deep/3.wav", "snares/1.wav"):
        put(folder / name)
    return folder


def put(path: Path, content: str | bytes | None = None) -> Path:
    """Write a file; without content, bytes of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = content if content is not None else str(path)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def fresh(tmp_path: Path, small_model: Path) -> Iterator[Callable[..., Library]]:
    """Make another library: `fresh(model=...)`."""
    with ExitStack() as stack:
        made = Counter()

        def make(**options: object) -> Library:
            made["libraries"] += 1
            path = tmp_path / f"fresh {made['libraries']}.db"
            given = {"model": str(small_model), "jobs": 1, **options}
            return stack.enter_context(Library.open(path, **given))

        yield make


@pytest.fixture
def other_model(small_model: Path, tmp_path: Path) -> Path:
    """The same network with another calibration, which is another network."""
    path = tmp_path / "other.safetensors"
    shutil.copy(small_model, path)
    text = small_model.with_suffix(".json").read_text()
    path.with_suffix(".json").write_text(text.replace('"temperature": 1.0', '"temperature": 2.0'))
    return path


# What a scan counts, and what it costs


def test_everything_is_new_at_first_and_unchanged_then(library, ear, folder) -> None:
    first = library.scan(folder)
    assert counts(first) == {"new": 4}
    assert first.analysed == len(ear.heard) == 4
    before = state(library)
    second = library.scan(folder)
    assert counts(second) == {"unchanged": 4}
    assert second.analysed == 0
    assert len(ear.heard) == 4
    assert state(library) == before


def test_each_kind_of_change_is_counted(library, ear, folder) -> None:
    put(folder / "bad.wav", "bad")
    put(folder / "gone.wav")
    library.scan(folder)
    put(folder / "new.wav")
    put(folder / "kicks/1.wav", "another sound")
    (folder / "kicks/2.wav").rename(folder / "moved.wav")
    (folder / "gone.wav").unlink()
    ear.heard.clear()
    summary = library.scan()
    assert counts(summary) == {
        "new": 1,
        "changed": 1,
        "moved": 1,
        "removed": 1,
        "unchanged": 2,
        "failed": 1,
    }
    assert sorted(map(os.path.basename, ear.heard)) == ["1.wav", "new.wav"]


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
    ear.heard.clear()
    operation(folder)
    summary = library.scan()
    assert ear.heard == []
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
    ear.heard.clear()
    assert counts(library.scan()) == {"changed": 2, "unchanged": 2}
    assert ear.heard == []
    swap = {str(one): str(two), str(two): str(one)}
    for hit in library.query(under=folder / "kicks"):
        assert hit.path == swap.get(expected[hit.content_id], expected[hit.content_id])


def test_of_several_missing_copies_the_one_of_the_same_name_moved(library, ear, tmp_path) -> None:
    folder = tmp_path / "Samples"
    for name in ("a/x.wav", "a/y.wav"):
        put(folder / name, "the same")
    library.scan(folder)
    with library.database.writing() as connection:
        for number, name in enumerate((b"a/x.wav", b"a/y.wav")):
            connection.execute(
                samples.update().where(samples.c.path == name).values(added_at=number)
            )
    (folder / "a").rename(folder / "b")
    assert counts(library.scan()) == {"moved": 2}
    found = {Path(hit.path).name: hit.added_at for hit in library.query()}
    assert found == {"x.wav": 0, "y.wav": 1}


def test_copies_are_heard_once_and_all_are_samples(library, ear, tmp_path) -> None:
    for name in ("a.wav", "b/b.wav", "c/c/c.flac"):
        put(tmp_path / "Samples" / name, "the same")
    summary = library.scan(tmp_path / "Samples")
    assert (counts(summary), summary.analysed, len(ear.heard)) == ({"new": 3}, 1, 1)
    assert len({hit.content_id for hit in library.query()}) == 1
    assert len(library.query()) == 3


def test_a_move_between_roots_costs_no_analysis(library, ear, folder, tmp_path) -> None:
    put(tmp_path / "Others/hat.wav")
    library.scan(folder, tmp_path / "Others")
    ear.heard.clear()
    (folder / "kicks/1.wav").rename(tmp_path / "Others/1.wav")
    assert counts(library.scan()) == {"moved": 1, "unchanged": 4}
    assert ear.heard == []


def test_a_move_is_seen_whatever_the_size_of_a_chunk(
    library, ear, folder, fresh, monkeypatch
) -> None:
    monkeypatch.setattr("libindex.indexing.reading._CHUNK", 1)
    library.scan(folder)
    ear.heard.clear()
    folder.joinpath("kicks").rename(folder / "z")
    assert counts(library.scan()) == {"moved": 3, "unchanged": 1}
    assert ear.heard == []


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
    assert ear.heard[-1] == str(kick)


def test_a_settled_library_is_not_read(library, ear, folder, monkeypatch) -> None:
    newest = max(p.stat().st_ctime_ns for p in folder.rglob("*"))
    monkeypatch.setattr("libindex.disk.walk.time.time_ns", lambda: newest + 10**10)
    library.scan(folder)
    monkeypatch.setattr(
        "libindex.indexing.reading.digest_of", lambda path: pytest.fail(f"{path} was read")
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


# Bad files


def test_a_bad_file_is_recorded_and_stops_nothing(library, ear, folder) -> None:
    put(folder / "bad.wav", "bad one")
    put(folder / "copy of bad.wav", "bad one")
    assert counts(library.scan(folder)) == {"new": 4, "failed": 2}
    expected = [
        (str(folder / "bad.wav"), "is not audio"),
        (str(folder / "copy of bad.wav"), "is not audio"),
    ]
    assert [(f.path, f.reason) for f in library.failures()] == expected


def test_a_bad_file_is_heard_again_only_when_it_changed(library, ear, folder) -> None:
    bad = put(folder / "bad.wav", "bad one")
    library.scan(folder)
    ear.heard.clear()
    assert counts(library.scan()) == {"unchanged": 4, "failed": 1}
    bad.rename(folder / "still bad.wav")
    assert counts(library.scan()) == {"unchanged": 4, "failed": 1}
    assert ear.heard == []
    put(folder / "still bad.wav", "good now")
    assert counts(library.scan()) == {"unchanged": 4, "changed": 1}
    assert ear.heard == [str(folder / "still bad.wav")]
    assert library.failures() == []


def test_a_good_file_may_become_bad(library, ear, folder, fresh) -> None:
    library.scan(folder)
    put(folder / "kicks/1.wav", "bad now")
    assert counts(library.scan()) == {"unchanged": 3, "failed": 1}
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


def test_bad_files_can_be_tried_again(library, ear, folder, monkeypatch) -> None:
    put(folder / "bad.wav", "bad one")
    put(folder / "worse.wav", "bad another")
    library.scan(folder)
    ear.heard.clear()
    assert counts(library.scan(retry_failed=True)) == {"unchanged": 4, "failed": 2}
    assert len(ear.heard) == 2
    result = ear._result
    data = b"bad one"

    def mended(path: str) -> object:
        if Path(path).read_bytes() != data:
            return result(path)
        shutil.copy(path, folder / "scratch")
        put(folder / "scratch", "good")
        good = result(str(folder / "scratch"))
        return type(good)(path, result(path).digest, good.facts, good.probabilities, good.latent)

    monkeypatch.setattr(ear, "_result", mended)
    assert counts(library.scan(retry_failed=True)) == {"unchanged": 4, "changed": 1, "failed": 1}
    assert [f.path for f in library.failures()] == [str(folder / "worse.wav")]
    assert [hit.path for hit in library.query(name="bad.wav")] == [str(folder / "bad.wav")]


@pytest.fixture
def unreadable(monkeypatch) -> set[str]:
    """Files that can't be read: put their paths into this set."""
    from libindex.sound import digests

    forbidden: set[str] = set()
    stat = os.stat

    def guarded(path: object, *arguments: object, **options: object) -> os.stat_result:
        if path in forbidden:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return stat(path, *arguments, **options)

    class Guarded:
        stat = staticmethod(guarded)
        fstat = staticmethod(os.fstat)

    monkeypatch.setattr(digests, "os", Guarded)
    return forbidden


def test_a_file_that_can_not_be_read_is_tried_at_every_scan(
    library, ear, folder, unreadable
) -> None:
    kick = str(folder / "kicks/1.wav")
    unreadable.add(kick)
    for summary in (library.scan(folder), library.scan()):
        assert summary.failed == 1
        assert [str(f.path) for f in library.failures()] == [kick]
        assert library.failures()[0].reason == "can't be read (Permission denied)"
    assert kick not in ear.heard
    unreadable.clear()
    assert counts(library.scan()) == {"unchanged": 3, "changed": 1}
    assert ear.heard[-1] == kick
    assert library.failures() == []


def test_a_file_that_vanishes_before_it_is_heard(library, ear, folder, fresh) -> None:
    ear.before = lambda path: path.endswith("2.wav") and Path(path).unlink()
    summary = library.scan(folder)
    assert counts(summary) == {"new": 3}
    assert library.failures() == []
    assert counts(library.scan()) == {"unchanged": 3}
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


def test_a_file_that_changes_while_it_is_heard(library, ear, folder, fresh) -> None:
    def change(path: str) -> None:
        ear.before = lambda _: None
        put(Path(path), "something else")

    ear.before = change
    library.scan(folder)
    library.scan()
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)
    assert counts(library.scan()) == {"unchanged": 4}


def test_a_copy_is_heard_when_the_first_of_them_vanishes(library, ear, tmp_path, fresh) -> None:
    folder = tmp_path / "Samples"
    first, second = (put(folder / f"{name}.wav", "the same") for name in "ab")

    def remove(path: str) -> None:
        ear.before = lambda _: None
        Path(path).unlink()

    ear.before = remove
    library.scan(folder)
    library.scan()
    assert not first.exists()
    assert [hit.path for hit in library.query()] == [str(second)]


# Roots


def test_a_root_that_is_gone_is_kept(library, ear, folder, tmp_path) -> None:
    put(tmp_path / "Others/hat.wav")
    library.scan(folder, tmp_path / "Others")
    folder.rename(tmp_path / "away")
    ear.heard.clear()
    summary = library.scan()
    assert counts(summary) == {"unchanged": 1}
    assert summary.offline == [str(folder)]
    assert len(paths(library)) == 5
    assert [root.is_online for root in library.status().roots] == [True, False]
    assert {hit.is_online for hit in library.query(under=folder)} == {False}
    (tmp_path / "away").rename(folder)
    assert counts(library.scan()) == {"unchanged": 5}
    assert all(root.is_online for root in library.status().roots)
    assert ear.heard == []


def test_an_empty_mount_point_is_an_unplugged_drive(library, ear, folder, monkeypatch) -> None:
    mounted = {str(folder)}
    monkeypatch.setattr("os.path.ismount", lambda path: path in mounted)
    library.scan(folder)
    folder.rename(folder.with_name("drive"))
    folder.mkdir()
    mounted.clear()
    summary = library.scan()
    assert (counts(summary), summary.offline) == ({}, [str(folder)])
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
    ear.heard.clear()
    assert counts(library.scan(folder)) == {"unchanged": 4}
    assert ear.heard == []
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


@pytest.mark.parametrize("order", [1, -1])
def test_nested_roots_that_come_together_are_one(library, ear, folder, order) -> None:
    library.scan(*[folder, folder / "kicks", folder / "kicks/deep"][::order])
    assert [root.path for root in library.status().roots] == [str(folder)]
    assert len(paths(library)) == len(ear.heard) == 4


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
    ear.heard.clear()
    library.scan(folder / "kicks")
    library.scan(folder / "snares")
    assert ear.heard == []
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
    with pytest.raises(NotFoundError, match="is not a root of this library"):
        forget_root(library.database, str(folder))


def test_what_is_forgotten_is_named_on_one_line(library, ear, tmp_path) -> None:
    put(tmp_path / "two\nlines \udcff/hat.wav", "sound")
    library.scan(tmp_path / "two\nlines \udcff")
    with pytest.raises(NotFoundError) as caught:
        forget_root(library.database, "/none")
    assert "two\\nlines \\xff" in str(caught.value)
    assert str(caught.value).isprintable()


# Several networks


def test_two_networks_live_side_by_side(library, ear, folder, other_model, fresh) -> None:
    library.scan(folder)
    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        assert counts(second.scan()) == {"unchanged": 4}
        assert len(ear.heard) == 8
        assert len(state(second)["analyses"]) == 8
    ear.heard.clear()
    assert counts(library.scan()) == {"unchanged": 4}
    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        assert counts(second.scan()) == {"unchanged": 4}
    assert ear.heard == []


def test_another_network_hears_each_content_once(library, ear, folder, other_model) -> None:
    shutil.copytree(folder, folder / "copies")
    put(folder / "bad.wav", "bad")
    library.scan(folder)
    ear.heard.clear()
    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        assert counts(second.scan()) == {"unchanged": 8, "failed": 1}
    assert len(ear.heard) == 4


def test_a_network_that_fails_leaves_the_other_its_results(
    library, ear, folder, other_model, monkeypatch
) -> None:
    library.scan(folder)
    expected = library.query()
    kick = folder / "kicks/1.wav"
    result = ear._result

    def slow(path: str) -> object:
        found = result(path)
        if path != str(kick):
            return found
        return SampleError("took longer than 30 s to decode", path, found.digest)

    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        with monkeypatch.context() as patch:
            patch.setattr(ear, "_result", slow)
            assert counts(second.scan()) == {"unchanged": 3, "failed": 1}
        assert len(second.query()) == 3
        assert library.query() == expected
        assert counts(second.scan(retry_failed=True)) == {"unchanged": 3, "changed": 1}
        assert len(second.query()) == 4


# Stopping, and things that go wrong


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_a_copy_is_heard_when_the_first_file_goes(
    library, ear, folder, monkeypatch, chunk: int
) -> None:
    monkeypatch.setattr("libindex.indexing.reading._CHUNK", chunk)
    first, *copies = (put(folder / f"{name}.wav", "the same") for name in ("0", "1", "zzz"))

    def go(path: str) -> None:
        if path == str(first):
            first.unlink()

    ear.before = go
    summary = library.scan(folder)
    assert (summary.new, summary.failed) == (4 + len(copies), 0)
    assert {str(copy) for copy in copies} < set(paths(library))


def test_a_stopped_scan_keeps_what_is_done(library, ear, folder, fresh, monkeypatch) -> None:
    monkeypatch.setattr("libindex.indexing.reading._CHUNK", 2)
    library.scan(folder)
    (folder / "snares/1.wav").unlink()
    for number in range(6):
        put(folder / f"{number}.wav")
    stop = threading.Event()
    ear.heard.clear()
    ear.before = lambda _path: len(ear.heard) == 2 and stop.set()
    summary = library.scan(stop=stop)
    assert summary.interrupted
    assert (summary.new, summary.removed) == (3, 0)
    assert len(paths(library)) == 7
    ear.before = lambda _path: None
    first = set(ear.heard)
    ear.heard.clear()
    assert counts(library.scan()) == {"new": 3, "unchanged": 6, "removed": 1}
    assert not first & set(ear.heard)
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


def test_a_scan_that_is_stopped_at_once_does_nothing(library, ear, folder) -> None:
    stop = threading.Event()
    stop.set()
    assert library.scan(folder, stop=stop).interrupted
    assert ear.heard == []
    assert paths(library) == []
    assert [root.scanned_at for root in library.status().roots] == [None]


def test_a_move_that_was_stopped_halfway_costs_no_analysis(
    library, ear, folder, monkeypatch
) -> None:
    monkeypatch.setattr("libindex.indexing.reading._CHUNK", 1)
    library.scan(folder)
    ear.heard.clear()
    (folder / "kicks").rename(folder / "bass drums")
    stop = threading.Event()
    done = []
    library.scan(stop=stop, progress=lambda p: done.append(p) or (p.done >= 1 and stop.set()))
    assert counts(library.scan())["unchanged"] >= 2
    assert ear.heard == []
    assert sorted(paths(library)) == sorted(map(str, folder.rglob("*.wav")))


def test_progress_rises_to_the_number_of_files_to_read(library, ear, folder, monkeypatch) -> None:
    monkeypatch.setattr("libindex.indexing.reading._CHUNK", 3)
    shutil.copy(folder / "kicks/1.wav", folder / "copy.wav")
    seen: list[Progress] = []
    library.scan(folder, progress=seen.append)
    assert seen[0] == Progress(0, 5)
    assert seen[-1] == Progress(5, 5)
    assert [p.done for p in seen] == sorted(p.done for p in seen)


def test_an_error_in_the_middle_loses_nothing_that_was_committed(
    library, ear, folder, fresh, monkeypatch
) -> None:
    monkeypatch.setattr("libindex.indexing.reading._CHUNK", 1)

    def fail(path: str) -> None:
        if len(ear.heard) == 2:
            raise MemoryError

    ear.before = fail
    with pytest.raises(MemoryError):
        library.scan(folder)
    assert len(paths(library)) == 2
    check_integrity(library.database.path)
    ear.before = lambda _path: None
    assert counts(library.scan()) == {"new": 2, "unchanged": 2}
    assert len(ear.heard) == 4


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


def test_a_preview_tells_and_records_nothing(library, ear, folder, tmp_path) -> None:
    library.scan(folder)
    put(folder / "new.wav")
    put(folder / "kicks/1.wav", "another sound")
    (folder / "kicks/2.wav").unlink()
    put(tmp_path / "Others/hat.wav")
    before = state(library)
    ear.heard.clear()
    summary = library.scan(folder, tmp_path / "Others", dry_run=True)
    # Fresh files count as changed: only reading them would tell.
    assert (summary.new, summary.removed) == (2, 1)
    assert summary.changed + summary.unchanged == 3
    assert ear.heard == []
    assert state(library) == before


# Killed


def heard_by(path: Path) -> dict[bytes, int]:
    """What is committed: ids of analyses by digest. An analysis that is done again gets another."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT digest, analyses.id FROM analyses JOIN contents ON contents.id = content_id"
        return dict(connection.execute(query).fetchall())


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.005)


def test_a_scan_that_is_killed_loses_only_its_last_chunk(
    library, write_sound, libindex, fresh, tmp_path
) -> None:
    # Three chunks of 256. Killed as it starts, after the first chunk, and after the second.
    rng = random.Random(0)
    for number in range(600):
        write_sound(f"{number % 7}/{number}.wav", number, seconds=0.02)
    folder, path = tmp_path / "Samples", library.database.path
    note = path.with_name("library.db.writer")
    committed: dict[bytes, int] = {}
    for at_least in (0, 1, 257):
        note.unlink(missing_ok=True)
        scan = libindex("scan", folder)
        wait_until(lambda: note.exists() and len(heard_by(path)) >= at_least, scan)  # noqa: B023
        time.sleep(rng.uniform(0, 0.4))
        decoders = psutil.Process(scan.pid).children(recursive=True)
        scan.kill()
        scan.communicate()
        assert psutil.wait_procs(decoders, timeout=60)[1] == []  # they end by themselves
        check_integrity(path)
        now = heard_by(path)
        assert len(now) >= at_least
        assert committed.items() <= now.items()
        committed = now
    last = libindex("scan", folder)
    out, error = last.communicate()
    assert (last.returncode, error) == (0, b"")
    assert f"unchanged {len(committed):>9,}" in out.decode()
    check_integrity(path)
    now = heard_by(path)
    assert len(now) == 600
    assert committed.items() <= now.items()
    again = fresh(jobs=2)
    again.scan(folder)
    assert [(h.path, h.class_code) for h in library.query(sort="name")] == [
        (h.path, h.class_code) for h in again.query(sort="name")
    ]
    mine, theirs = state(library), state(again)
    assert mine["samples"] == theirs["samples"]
    assert mine["contents"] == theirs["contents"]
    for ours, others in zip(mine["probabilities"], theirs["probabilities"], strict=True):
        assert ours[:3] == others[:3]
        assert ours[3] == pytest.approx(others[3], abs=1e-5)


# Any sequence of operations ends in what a fresh scan gives

# Few, so that things happen to the same ones again and again.
NAMES = st.sampled_from(["a", "a/x.wav", "a/y/z.wav", "b", "b/x.wav", "c.wav", "d.wav", "d.txt"])
WHICH = st.integers(0, 20)


class Disk(RuleBasedStateMachine):
    """A folder in which anything may happen, and a library that is scanned now and then.

    What the operating system refuses has not happened.
    """

    def new_library(self) -> Indexer:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.root = self.home / "root"
        self.root.mkdir()
        (self.home / "outside").mkdir()
        self.numbers = itertools.count()
        self.library = self.new_library()
        self.library.scan([str(self.root)])

    def teardown(self) -> None:
        self.compare()
        shutil.rmtree(self.home)

    @rule(name=NAMES, text=st.sampled_from(["one", "two", "bad", "own"]))
    def write(self, name: str, text: str) -> None:
        with suppress(OSError):
            put(self.root / name, f"own {next(self.numbers)}" if text == "own" else text)

    def one(self, which: int) -> Path:
        """Something that is there, if anything is."""
        there = sorted(self.root.rglob("*"))
        return there[which % len(there)] if there else self.root / "none"

    @rule(which=WHICH, text=st.sampled_from(["one", "two", "bad", "own"]))
    def overwrite(self, which: int, text: str) -> None:
        self.write(str(self.one(which).relative_to(self.root)), text)

    @rule(which=WHICH, to=NAMES)
    def move(self, which: int, to: str) -> None:
        with suppress(OSError):
            (self.root / to).parent.mkdir(parents=True, exist_ok=True)
            self.one(which).replace(self.root / to)

    @rule(which=WHICH, to=NAMES)
    def copy(self, which: int, to: str) -> None:
        with suppress(OSError, shutil.SameFileError):
            (self.root / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.one(which), self.root / to)

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        path = self.one(which)
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    @rule(folder=st.sampled_from("ab"), out=st.booleans())
    def move_out_or_in(self, folder: str, out: bool) -> None:
        there, here = self.home / "outside" / folder, self.root / folder
        with suppress(OSError):
            (here if out else there).rename(there if out else here)

    @rule(name=NAMES, to=st.sampled_from(["a", "b", "outside/a", "outside/b", ".", "a/x.wav"]))
    def link(self, name: str, to: str) -> None:
        with suppress(OSError):
            (self.root / name).symlink_to((self.home if "out" in to else self.root) / to)

    @rule()
    def scan(self) -> None:
        self.library.scan()

    @rule(name=NAMES)
    def scan_a_part(self, name: str) -> None:
        with suppress(NotFoundError):
            self.library.scan([str(self.root / name)])

    @rule(after=st.integers(0, 3))
    def scan_and_stop(self, after: int) -> None:
        stop = threading.Event()
        self.library.scan(stop=stop, progress=lambda p: p.done >= after and stop.set())

    @rule()
    def compare(self) -> None:
        # What is known below a link that leads nowhere is kept; a fresh scan can't know it.
        for path in [path for path in self.root.rglob("*") if not path.exists()]:
            path.unlink()
        fresh = self.new_library()
        found = fresh.scan([str(self.root)])
        self.library.scan()
        with self.library._database.reading() as mine, fresh._database.reading() as theirs:
            assert content_of(mine) == content_of(theirs)
        expected = {"unchanged": found.new, "failed": found.failed}
        assert counts(self.library.scan()) == {k: v for k, v in expected.items() if v}


def test_any_sequence_of_operations_ends_in_what_a_fresh_scan_gives(
    ear, empty_database, small_model
) -> None:
    model = ModelFile.read(small_model)
    options = settings_module.load({"model": str(small_model), "jobs": 1})

    class DiskWithLibrary(Disk):
        def new_library(self) -> Indexer:
            path = self.home / f"{next(self.numbers)}.db"
            shutil.copy(empty_database, path)
            return Indexer(Database.open(str(path)), model, options)

    run_state_machine_as_test(
        DiskWithLibrary,
        settings=settings(max_examples=25, stateful_step_count=15, report_multiple_bugs=False),
    )
