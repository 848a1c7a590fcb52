import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.ear import Ear
from support.watchers import SYSTEM, Running

from libindex.errors import BusyError, NotFoundError
from libindex.library import Library
from libindex.watching.events import Events
from libindex.watching.notices import Problem
from libindex.watching.options import Intervals

pytestmark = pytest.mark.slow


def names(library: Library) -> list[str]:
    """Names of all samples, good and bad."""
    with library.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT path FROM samples ORDER BY path").scalars()
        return [os.fsdecode(row) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "Samples"
    (folder / "kicks").mkdir(parents=True)
    for name in ("kicks/1.wav", "kicks/2.wav", "3.wav"):
        (folder / name).write_text(name)
    return folder


def test_it_compares_first_and_then_follows(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    running = watch(folder)
    running.until(lambda: names(library) == ["3.wav", "kicks/1.wav", "kicks/2.wav"])
    (folder / "new.wav").write_text("new")
    running.until(lambda: "new.wav" in names(library))
    (folder / "new.wav").rename(folder / "kicks" / "renamed.wav")
    running.until(lambda: "kicks/renamed.wav" in names(library))
    (folder / "3.wav").unlink()
    shutil.rmtree(folder / "kicks")
    running.until(lambda: names(library) == [])


def test_a_file_that_moves_keeps_its_row(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    running = watch(folder)
    running.until(lambda: len(names(library)) == 3)
    running.until_quiet()
    query = "SELECT id FROM samples WHERE name = '1.wav'"
    with library.database.reading() as connection:
        before = connection.exec_driver_sql(query).scalar()
    (folder / "kicks").rename(folder / "drums")
    running.until(lambda: "drums/1.wav" in names(library))
    (folder / "drums").rename(folder / "Drums")
    (folder / "Drums" / "2.wav").rename(folder / "Drums" / "2.WAV")
    running.until(lambda: names(library) == ["3.wav", "Drums/1.wav", "Drums/2.WAV"])
    with library.database.reading() as connection:
        assert connection.exec_driver_sql(query).scalar() == before
    assert len(ear.analysed) == 3


def test_saving_by_a_temporary_file_is_a_change(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    running = watch(folder)
    running.until(lambda: len(names(library)) == 3)
    running.until_quiet()
    (folder / "3.wav.tmp").write_text("another")
    (folder / "3.wav.tmp").replace(folder / "3.wav")
    running.until(lambda: len(ear.analysed) == 4)
    running.until_quiet()
    assert len(names(library)) == 3


def test_a_file_that_is_being_written_is_left(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    running = watch(folder)
    running.until_quiet()
    with (folder / "long.wav").open("w") as stream:
        for _ in range(10):
            stream.write("more")
            stream.flush()
            time.sleep(0.1)
            assert "long.wav" not in names(library)
    running.until(lambda: "long.wav" in names(library))
    assert len([path for path in ear.analysed if path.endswith("long.wav")]) == 1


def test_a_root_that_goes_away_is_offline_and_comes_back(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    running = watch(folder)
    running.until_quiet()
    folder.rename(folder.with_name("away"))
    running.until(lambda: not library.status().roots[0].is_online)
    assert len(names(library)) == 3
    (folder.with_name("away") / "while away.wav").write_text("while away")
    folder.with_name("away").rename(folder)
    running.until(lambda: "while away.wav" in names(library))
    assert library.status().roots[0].is_online
    assert len(ear.analysed) == 4
    (folder / "later.wav").write_text("later")
    running.until(lambda: "later.wav" in names(library))


def test_a_root_that_is_away_from_the_start_is_logged(
    library: Library,
    ear: Ear,
    folder: Path,
    watch: Callable[..., Running],
    caplog: pytest.LogCaptureFixture,
) -> None:
    library.scan(folder)
    folder.rename(folder.with_name("away"))
    caplog.set_level("INFO", "libindex")
    running = watch()
    running.until(lambda: f"{folder}: offline; its samples are kept" in caplog.messages)
    folder.with_name("away").rename(folder)
    running.until(lambda: f"{folder}: watched" in caplog.messages)
    assert len(names(library)) == 3


def test_folders_that_others_add_and_forget(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    running = watch(intervals=Intervals(roots_s=0.2))
    running.until(lambda: running.activity() is not None)
    library.scan(folder)
    running.until(lambda: [f.path for f in running.current().folders] == [str(folder)])
    running.until_quiet()
    (folder / "new.wav").write_text("new")
    running.until(lambda: "new.wav" in names(library))
    library.forget(folder, on_wait=lambda _: None)
    running.until(lambda: running.current().folders == [])


def test_a_drive_that_is_mounted_inside_is_compared(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    points = {"/": "ext4"}
    running = watch(folder, system=replace(SYSTEM, mounts=lambda: points))
    running.until_quiet()
    running.events.unwatch(str(folder))
    (folder / "kicks" / "unseen.wav").write_text("unseen")
    points = {"/": "ext4", str(folder / "kicks"): "vfat"}
    running.until(lambda: "kicks/unseen.wav" in names(library))


def test_links_to_folders_elsewhere_are_followed(
    library: Library, ear: Ear, folder: Path, tmp_path: Path, watch: Callable[..., Running]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "link").symlink_to(elsewhere)
    running = watch(folder)
    running.until_quiet()
    (elsewhere / "there.wav").write_text("there")
    running.until(lambda: "link/there.wav" in names(library))


def test_a_link_to_a_folder_that_moves_on_leaves_nothing(
    library: Library, ear: Ear, folder: Path, tmp_path: Path, watch: Callable[..., Running]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "there.wav").write_text("there")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    running = watch(folder)
    running.until(lambda: "link/there.wav" in names(library))
    running.until_quiet()
    (folder / "link").rename(folder / "moved")
    running.until(lambda: "moved/there.wav" in names(library))
    (folder / "moved").rename(folder / "again")
    (folder / "again").rename(folder / "last")
    running.until(lambda: "last/there.wav" in names(library))
    running.until_quiet()
    assert [name for name in names(library) if "there" in name] == ["last/there.wav"]


def test_a_link_is_looked_through_again_once_it_is_watched(
    library: Library, ear: Ear, folder: Path, tmp_path: Path, watch: Callable[..., Running]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")

    class Slow(Events):
        def watch(self, path: str) -> None:
            if path == str(folder / "link"):
                (tmp_path / "elsewhere" / "meanwhile.wav").write_text("meanwhile")
            super().watch(path)

    watch(folder, system=replace(SYSTEM, start_events=Slow)).until(
        lambda: "link/meanwhile.wav" in names(library)
    )


def test_a_folder_that_was_away_is_reported_by_its_present_name(
    library: Library, ear: Ear, folder: Path, tmp_path: Path, watch: Callable[..., Running]
) -> None:
    running = watch(folder)
    (folder / "kicks" / "dry").mkdir()
    (folder / "kicks" / "dry" / "1.wav").write_text("dry")
    running.until(lambda: "kicks/dry/1.wav" in names(library))
    running.until_quiet()
    (folder / "kicks").rename(tmp_path / "away")
    running.until(lambda: names(library) == ["3.wav"])
    (tmp_path / "away").rename(folder / "back")
    running.until(lambda: "back/dry/1.wav" in names(library))
    (folder / "kicks").mkdir()
    running.until_quiet()
    (folder / "kicks").rename(folder / "drums")
    running.until_quiet(2.5)  # a folder that appeared is looked at twice
    (folder / "back" / "dry" / "1.wav").rename(folder / "back" / "dry" / "2.wav")
    (folder / "back" / "dry" / "2.wav").rename(folder / "back" / "dry" / "3.wav")
    running.until(lambda: "back/dry/3.wav" in names(library))
    running.until_quiet()
    assert names(library) == ["3.wav", "back/1.wav", "back/2.wav", "back/dry/3.wav"]


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_a_folder_that_appears_while_the_root_is_away_is_watched(
    library: Library,
    ear: Ear,
    folder: Path,
    watch: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from watchdog.observers.inotify import InotifyWatchGroup

    add = InotifyWatchGroup._add_all_callbacks

    def meanwhile(self: InotifyWatchGroup, path: bytes) -> None:
        if path != os.fsencode(folder / "new"):
            add(self, path)
            return
        folder.rename(folder.with_name("away"))
        add(self, path)
        folder.with_name("away").rename(folder)

    monkeypatch.setattr(InotifyWatchGroup, "_add_all_callbacks", meanwhile)
    running = watch(folder)
    running.until_quiet()
    (folder / "new").mkdir()
    running.until_quiet(2.5)  # a folder that appeared is looked at twice
    (folder / "new" / "inside.wav").write_text("inside")
    running.until(lambda: "new/inside.wav" in names(library))


def test_polled_folders_are_compared(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    often = Intervals(poll_s=0.2, poll_pause=1)
    running = watch(folder, polled=(str(folder),), intervals=often)
    running.until(lambda: len(names(library)) == 3)
    assert [f.how for f in running.current().folders] == ["polled"]
    (folder / "new.wav").write_text("new")
    running.until(lambda: "new.wav" in names(library))


def test_folders_that_can_not_be_watched_are_compared(
    library: Library,
    ear: Ear,
    folder: Path,
    watch: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import errno

    from watchdog.observers.inotify_c import InotifyFD

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(InotifyFD, "add_callback", full)
    running = watch(folder, intervals=Intervals(poll_s=0.2, poll_pause=1))
    running.until(lambda: len(names(library)) == 3)
    (folder / "new.wav").write_text("new")
    running.until(lambda: "new.wav" in names(library))
    logged = [r.getMessage() for r in caplog.records if "sysctl" in r.getMessage()]
    assert len(logged) == 1


def test_lost_events_are_made_up_for(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running]
) -> None:
    running = watch(folder)
    running.until_quiet()
    running.events.unwatch(str(folder))
    (folder / "unseen.wav").write_text("unseen")
    running.until_quiet()
    assert "unseen.wav" not in names(library)
    running.on_problem(Problem("overflow"))
    running.until(lambda: "unseen.wav" in names(library))


def test_a_second_watcher_learns_who_watches(
    library: Library, ear: Ear, folder: Path, watch: Callable[..., Running], small_model: Path
) -> None:
    watch(folder).until_quiet()
    second = Running(library.database.path, small_model, folder)
    with pytest.raises(BusyError, match=rf"libindex watch \(process {os.getpid()} on "):
        second.stop()


def test_a_folder_that_is_nowhere(
    library: Library, ear: Ear, tmp_path: Path, small_model: Path
) -> None:
    running = Running(library.database.path, small_model, tmp_path / "nowhere")
    with pytest.raises(NotFoundError, match="no such folder"):
        running.stop()


def test_a_hook_gets_every_change(
    library: Library, ear: Ear, folder: Path, tmp_path: Path, watch: Callable[..., Running]
) -> None:
    log = tmp_path / "changes.jsonl"
    running = watch(folder, command=f"cat >> '{log}'")

    def lines() -> list[dict[str, object]]:
        with suppress(FileNotFoundError):
            return [json.loads(line) for line in log.read_text().splitlines()]
        return []

    running.until(lambda: len(lines()) == 3)
    assert {line["change"] for line in lines()} == {"new"}
    assert all(line["class"] and line["probability"] for line in lines())
    (folder / "3.wav").rename(folder / "4.wav")
    running.until(lambda: len(lines()) == 4)
    last = lines()[-1]
    assert (last["change"], last["path"]) == ("moved", str(folder / "4.wav"))
    assert last["previous_path"] == str(folder / "3.wav")
    (folder / "5.wav").write_text("bad")
    (folder / "4.wav").unlink()
    running.until(lambda: len(lines()) == 6)
    changes = {line["change"]: line for line in lines()[4:]}
    assert changes["failed"]["reason"] == "is not audio"
    assert changes["removed"]["path"] == str(folder / "4.wav")


def test_old_failures_are_not_reported_again(
    library: Library,
    ear: Ear,
    folder: Path,
    tmp_path: Path,
    watch: Callable[..., Running],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "libindex")
    (folder / "bad.wav").write_text("bad")
    changes = tmp_path / "changes.jsonl"
    running = watch(folder, command=f"cat >> '{changes}'")

    def failures() -> int:
        return sum(getattr(record, "failed", 0) for record in caplog.records)

    running.until(lambda: len(names(library)) == 4)
    running.until_quiet(2.5)  # files that are fresh are looked at again
    assert failures() == 1
    caplog.clear()
    running.watcher.reconcile()
    running.until(lambda: any("compared 4 files" in text for text in caplog.messages))
    (folder / "bad.wav").touch()
    (folder / "new.wav").write_text("new")
    running.until(lambda: "1 new" in caplog.messages)
    running.until_quiet()
    assert failures() == 0
    assert changes.read_text().count('"failed"') == 1
    (folder / "bad.wav").write_text("bad as well")
    running.until(lambda: failures() == 1)
    running.until(lambda: changes.read_text().count('"failed"') == 2)


def test_a_database_that_can_not_be_written_is_tried_again(
    library: Library,
    ear: Ear,
    folder: Path,
    watch: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from libindex.errors import DatabaseError
    from libindex.indexing import Indexer

    running = watch(folder, intervals=Intervals(retry_s=0.1, max_retry_s=0.2))
    running.until_quiet()
    update = Indexer.update

    def full(*_: Any, **__: Any) -> None:
        raise DatabaseError("can't be written: the disk is full", library.database.path)

    monkeypatch.setattr(Indexer, "update", full)
    (folder / "new.wav").write_text("new")
    running.until(lambda: running.current().trouble is not None)
    assert "the disk is full" in str(running.current().trouble)
    monkeypatch.setattr(Indexer, "update", update)
    running.until(lambda: "new.wav" in names(library))
    running.until(lambda: running.current().trouble is None)
