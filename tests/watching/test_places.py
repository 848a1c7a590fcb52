"""Which folders are watched, how, and when they are compared."""

import errno
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.clock import Clock

from libindex.errors import DatabaseError, NotFoundError
from libindex.store.locking import this_process
from libindex.store.roots import Root
from libindex.watching.activity import WatchedFolder
from libindex.watching.options import WatchOptions
from libindex.watching.places import Places
from libindex.watching.report import Report


class FakeEvents:
    """Notes what is watched; fails where the test wants it to."""

    def __init__(self) -> None:
        self.watched: list[str] = []
        self.error: OSError | None = None
        self.starts = 0

    def start(self) -> "FakeEvents":
        self.starts += 1
        return self

    def watch(self, folder: str) -> None:
        if self.error:
            raise self.error
        self.watched.append(folder)

    def unwatch(self, folder: str) -> None:
        if folder in self.watched:
            self.watched.remove(folder)

    def close(self) -> None:
        self.watched.clear()


@dataclass
class World:
    """What `Places` knows of the world outside, for a test to change."""

    home: Path
    clock: Clock = field(default_factory=Clock)
    events: FakeEvents = field(default_factory=FakeEvents)
    roots: list[Root] = field(default_factory=list)
    mounts: dict[str, str] = field(default_factory=lambda: {"/": "ext4"})
    kind: str = "ext4"
    error: DatabaseError | None = None

    def folder(self, name: str) -> str:
        path = self.home / name
        path.mkdir(parents=True)
        return str(path)

    def root(self, name: str) -> str:
        path = self.folder(name)
        self.roots.append(Root(len(self.roots) + 1, path, False, True, True))
        return path

    def read_roots(self) -> list[Root]:
        if self.error:
            raise self.error
        return self.roots

    def places(self, *named: str, **options: Any) -> Places:
        report = Report(self.home / "library.db", this_process("watch"), 0.5, self.clock)
        return Places(
            named,
            WatchOptions(**options),
            report,
            read_roots=self.read_roots,
            start_events=self.events.start,
            mounts=lambda: self.mounts,
            kind_of=lambda _: self.kind,
            clock=self.clock,
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def begun(places: Places) -> Places:
    """After its first look around, with everything compared."""
    places.update_roots()
    places.check()
    places.take_due()
    places.schedule(0.0)
    return places


def test_all_roots_are_watched_and_due_at_once(world: World) -> None:
    a, b = world.root("a"), world.root("b")
    places = world.places()
    assert places.roots_are_due()
    places.update_roots()
    places.check()
    assert not places.roots_are_due()
    assert world.events.watched == [a, b]
    assert places.take_due() == [a, b]
    assert places.folders() == [WatchedFolder(a, "events"), WatchedFolder(b, "events")]


def test_roots_come_and_go(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    a = world.root("a")
    places = begun(world.places())
    b = world.root("b")
    world.roots.pop(0)
    world.clock.now += 5
    assert places.roots_are_due()
    places.update_roots()
    assert places.next_check() <= world.clock.now  # a new one is looked for at once
    places.check()
    assert world.events.watched == [b]
    assert places.take_due() == [b]
    assert f"{a}: no longer watched" in caplog.messages


def test_a_library_that_can_not_be_read_leaves_the_folders(world: World) -> None:
    world.root("a")
    places = begun(world.places())
    world.error = DatabaseError("can't be read", "library.db")
    world.clock.now += 5
    with pytest.raises(DatabaseError):
        places.update_roots()
    assert len(places) == 1
    assert not places.roots_are_due()  # not before its time


def test_of_all_roots_only_drives_inside_of_named_folders_are_watched_too(world: World) -> None:
    world.root("other")
    drive = world.root("named/drive")
    named = str(world.home / "named")
    begun(world.places(named))
    assert world.events.watched == [named, drive]


def test_a_folder_that_goes_away_is_offline_until_it_is_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    a = world.root("a")
    places = begun(world.places())
    Path(a).rename(a + " away")
    places.check()
    assert places.folders()[0].how == "events"  # it is not time yet
    world.clock.now += 2
    places.check()
    assert places.folders()[0].how == "offline"
    assert world.events.watched == []
    assert places.take_due() == [a]  # so that it is recorded as offline
    places.schedule(0.0)
    Path(a + " away").rename(a)
    world.clock.now += 2
    places.check()
    assert world.events.watched == [a]
    assert places.take_due() == [a]
    assert caplog.messages == [
        f"{a}: watched",
        f"{a}: offline; its samples are kept",
        f"{a}: watched",
    ]


def test_another_folder_of_the_same_name_is_another_folder(world: World) -> None:
    a = world.root("a")
    places = begun(world.places())
    Path(a).rename(a + " old")
    Path(a).mkdir()
    world.clock.now += 2
    places.check()
    assert places.take_due() == [a]
    assert world.events.watched == [a]


def test_a_folder_without_permission_is_offline_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a = world.root("a")
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as root
    places = begun(world.places())
    assert places.folders() == [WatchedFolder(a, "offline")]
    assert caplog.messages == [f"{a}: can't be read (permission denied); its samples are kept"]


@pytest.mark.parametrize("kind", ["nfs", "cifs", "fuse.sshfs"])
def test_file_systems_that_do_not_report_are_polled(world: World, kind: str) -> None:
    world.root("a")
    world.kind = kind
    places = begun(world.places())
    assert places.folders()[0].how == "polled"
    assert world.events.watched == []
    assert places.next_comparison() == world.clock.now + 60


def test_folders_are_polled_on_request(world: World) -> None:
    a, b = world.root("a"), world.root("b")
    places = begun(world.places(polled=(a,), reconcile_every_s=900.0))
    assert [folder.how for folder in places.folders()] == ["polled", "events"]
    world.clock.now += 60
    assert places.take_due() == [a]
    places.schedule(10.0)
    assert places.next_comparison() == world.clock.now + 200  # at most 5 % of the time goes into it
    world.clock.now += 840
    assert places.take_due() == [a, b]
    places.schedule(1000.0)
    assert places.next_comparison() == world.clock.now + 900


def test_where_the_limit_is_reached_all_folders_are_polled(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.root("a")
    world.root("b")
    places = begun(world.places())
    world.events.error = OSError(errno.ENOSPC, "watch limit reached")
    places.restart_events()
    assert [folder.how for folder in places.folders()] == ["polled", "polled"]
    assert places.next_comparison() == world.clock.now + 60
    places.on_limit()
    assert len([text for text in caplog.messages if "sysctl" in text]) == 1


def test_a_folder_that_goes_while_it_is_being_watched_is_looked_for_again(world: World) -> None:
    world.root("a")
    world.events.error = OSError(errno.ENOENT, "gone")
    places = world.places()
    places.update_roots()
    places.check()
    assert places.next_check() == 0.0
    assert places.folders()[0].how == "polled"


def test_links_are_watched_with_their_folder(world: World) -> None:
    a, b = world.root("a"), world.root("b")
    places = begun(world.places())
    link = f"{a}/link"
    assert places.follow_links([link]) == [link]
    assert places.follow_links([link]) == []
    assert world.events.watched == [a, b, link]
    Path(a).rename(a + " away")
    world.clock.now += 2
    places.check()
    assert world.events.watched == [b]
    Path(a + " away").rename(a)
    world.clock.now += 2
    places.check()
    assert world.events.watched == [b, a, link]


def test_links_of_a_folder_that_is_polled_are_not_watched(world: World) -> None:
    a = world.root("a")
    places = begun(world.places(polled=(a,)))
    assert places.follow_links([f"{a}/link"]) == []
    assert world.events.watched == []


def test_a_drive_that_is_mounted_or_unmounted_inside_has_its_folder_compared(
    world: World,
) -> None:
    a = world.root("a")
    world.root("b")
    places = begun(world.places())
    for mounts in ({"/": "ext4", f"{a}/drive": "vfat"}, {"/": "ext4"}):
        world.mounts = mounts
        world.clock.now += 2
        places.check()
        assert places.take_due() == []
        world.clock.now += 1
        assert places.take_due() == [a]
        places.schedule(0.0)


def test_a_folder_is_not_due_while_it_is_being_compared(world: World) -> None:
    a = world.root("a")
    places = begun(world.places())
    places.compare_all(1.0)
    assert places.take_due() == []
    world.clock.now += 1
    assert places.take_due() == [a]
    world.clock.now += 10_000
    assert places.take_due() == []
    places.retry()
    assert places.take_due() == [a]
    places.compare_all(3.0)  # something comes up meanwhile
    places.schedule(0.0)
    assert places.next_comparison() == world.clock.now + 3


def test_new_events_watch_all_folders_that_are_there(world: World) -> None:
    a, b = world.root("a"), world.root("b")
    Path(b).rmdir()
    places = begun(world.places())
    places.restart_events()
    assert world.events.starts == 2
    assert world.events.watched == [a]
    places.close()
    assert world.events.watched == []


def test_folders_that_moved_are_watched_and_compared_from_scratch(world: World) -> None:
    a = world.root("a")
    places = begun(world.places())
    places.rewatch()
    places.check()
    assert world.events.watched == [a]
    assert places.take_due() == [a]


@pytest.mark.parametrize(
    ("is_barred", "reason"),
    [(False, "no such folder"), (True, "can't be read (permission denied)")],
)
def test_a_named_folder_must_be_there_or_known(
    world: World, monkeypatch: pytest.MonkeyPatch, is_barred: bool, reason: str
) -> None:
    world.root("known/inside")
    Path(world.home / "known" / "inside").rmdir()
    world.places(world.folder("there"), str(world.home / "known" / "inside")).check_named()
    nowhere = str(world.home / "nowhere")
    if is_barred:
        Path(nowhere).mkdir()
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(NotFoundError) as caught:
        world.places(nowhere).check_named()
    assert str(caught.value) == f"{nowhere}: {reason}"
