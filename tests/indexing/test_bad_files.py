"""Files that can't be read, or not be analysed."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.libraries import counts, put, state

from libindex.errors import SampleError
from libindex.store.schema import contents


def test_a_bad_file_is_recorded_and_stops_nothing(library, ear, folder) -> None:
    put(folder / "bad.wav", "bad one")
    put(folder / "copy of bad.wav", "bad one")
    assert counts(library.scan(folder)) == {"new": 4, "failed": 2}
    expected = [
        (str(folder / "bad.wav"), "is not audio"),
        (str(folder / "copy of bad.wav"), "is not audio"),
    ]
    assert [(f.path, f.reason) for f in library.failures()] == expected


def test_a_bad_file_is_analysed_again_only_when_it_changed(library, ear, folder) -> None:
    bad = put(folder / "bad.wav", "bad one")
    library.scan(folder)
    ear.analysed.clear()
    assert counts(library.scan()) == {"unchanged": 4, "failed": 1}
    bad.rename(folder / "still bad.wav")
    assert counts(library.scan()) == {"unchanged": 4, "failed": 1}
    assert ear.analysed == []
    put(folder / "still bad.wav", "good now")
    assert counts(library.scan()) == {"unchanged": 4, "changed": 1}
    assert ear.analysed == [str(folder / "still bad.wav")]
    assert library.failures() == []


@pytest.mark.slow
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
    ear.analysed.clear()
    assert counts(library.scan(retry_failed=True)) == {"unchanged": 4, "failed": 2}
    assert len(ear.analysed) == 2
    result = ear.result
    data = b"bad one"

    def mended(path: str) -> object:
        if Path(path).read_bytes() != data:
            return result(path)
        shutil.copy(path, folder / "scratch")
        put(folder / "scratch", "good")
        good = result(str(folder / "scratch"))
        return type(good)(path, result(path).digest, good.facts, good.probabilities, good.latent)

    monkeypatch.setattr(ear, "result", mended)
    assert counts(library.scan(retry_failed=True)) == {"unchanged": 4, "changed": 1, "failed": 1}
    assert [f.path for f in library.failures()] == [str(folder / "worse.wav")]
    assert [hit.path for hit in library.query(name="bad.wav")] == [str(folder / "bad.wav")]


@pytest.fixture
def unreadable(monkeypatch) -> set[str]:
    """Files that can't be read: put their paths into this set."""
    from libindex.sound import digests

    forbidden: set[str] = set()
    stat = os.stat

    def guarded(path: str, *arguments: Any, **options: Any) -> os.stat_result:
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
    assert kick not in ear.analysed
    unreadable.clear()
    assert counts(library.scan()) == {"unchanged": 3, "changed": 1}
    assert ear.analysed[-1] == kick
    assert library.failures() == []


def test_a_file_that_vanishes_before_it_is_analysed(library, ear, folder, fresh) -> None:
    ear.before = lambda path: path.endswith("2.wav") and Path(path).unlink()
    summary = library.scan(folder)
    assert counts(summary) == {"new": 3}
    assert library.failures() == []
    assert counts(library.scan()) == {"unchanged": 3}
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)


def test_a_file_that_changes_while_it_is_analysed(library, ear, folder, fresh) -> None:
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


def test_the_size_of_bad_bytes_is_their_own_when_the_file_changes_meanwhile(
    library, ear, folder, fresh, monkeypatch
) -> None:
    bad, copy = (put(folder / f"{name}.wav", "bad bytes") for name in ("bad", "copy"))
    result = ear.result

    def change(path: str) -> object:
        found = result(path)
        if path == str(bad):
            put(bad, "bad, and longer by now")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(ear, "result", change)
        library.scan(folder)
    library.scan()
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)
    with library.database.reading() as connection:
        failed = contents.c.failure.is_not(None)
        sizes = connection.execute(select(contents.c.size_bytes).where(failed)).scalars()
        assert set(sizes) == {bad.stat().st_size, copy.stat().st_size}


def test_a_copy_is_analysed_when_the_first_of_them_vanishes(library, ear, tmp_path, fresh) -> None:
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


def timing_out(ear, monkeypatch, slow: set[str], *, with_digest: bool = False) -> None:
    """Have the files of these names take too long."""
    result = ear.result

    def late(path: str) -> object:
        found = result(path)
        if Path(path).name not in slow:
            return found
        digest = found.digest if with_digest else None
        return SampleError("took longer than 30 s to decode", path, digest)

    monkeypatch.setattr(ear, "result", late)


def test_a_file_that_took_too_long_is_tried_at_every_scan(
    library, ear, folder, monkeypatch
) -> None:
    slow = {"3.wav"}
    timing_out(ear, monkeypatch, slow)
    assert counts(library.scan(folder)) == {"new": 3, "failed": 1}
    assert [f.reason for f in library.failures()] == ["took longer than 30 s to decode"]
    assert counts(library.scan()) == {"unchanged": 3, "failed": 1}
    slow.clear()
    assert counts(library.scan()) == {"unchanged": 3, "changed": 1}
    assert library.failures() == []
    ear.analysed.clear()
    assert counts(library.scan()) == {"unchanged": 4}
    assert ear.analysed == []


def test_copies_of_a_file_that_took_too_long_are_tried_too(
    library, ear, folder, monkeypatch
) -> None:
    shutil.copy(folder / "kicks/1.wav", folder / "zzz.wav")
    timing_out(ear, monkeypatch, {"zzz.wav", "1.wav"})
    assert counts(library.scan(folder)) == {"new": 2, "failed": 3}
    assert counts(library.scan()) == {"unchanged": 2, "failed": 3}


def test_a_timeout_of_an_earlier_version_is_not_held_against_the_bytes(
    library, ear, folder, monkeypatch, fresh
) -> None:
    slow = {"3.wav", "copy of it.wav"}
    timing_out(ear, monkeypatch, slow, with_digest=True)  # as they were recorded
    shutil.copy(folder / "kicks/deep/3.wav", folder / "copy of it.wav")
    assert counts(library.scan(folder)) == {"new": 3, "failed": 2}
    slow.clear()
    assert counts(library.scan()) == {"unchanged": 3, "changed": 2}
    again = fresh()
    again.scan(folder)
    assert state(library) == state(again)
