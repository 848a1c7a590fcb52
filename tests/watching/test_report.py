"""What is logged and shown, and how often."""

import logging
from pathlib import Path

import pytest
from support.clock import Clock

from libindex.errors import LibindexError
from libindex.indexing import ScanSummary
from libindex.store.locking import this_process
from libindex.watching import activity
from libindex.watching.activity import WatchedFolder
from libindex.watching.report import Report

FOLDERS = [WatchedFolder("/Samples", "events")]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def report(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> Report:
    caplog.set_level(logging.INFO)
    return Report(tmp_path / "library.db", this_process("watch"), 0.5, clock)


def shown(folder: Path) -> activity.Activity:
    """What the activity file says; there must be one."""
    found = activity.read(folder / "library.db")
    assert found is not None
    return found


def test_an_error_is_logged_once_until_it_is_over(
    report: Report, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    for _ in range(3):
        report.on_error(LibindexError("the disk is full"))
    report.show("idle", 0, FOLDERS)
    assert shown(tmp_path).trouble == "the disk is full"
    report.on_error(LibindexError("the disk is gone"))
    report.clear_error()
    report.clear_error()
    report.show("idle", 0, FOLDERS)
    assert shown(tmp_path).trouble is None
    assert caplog.messages == [
        "the disk is full; trying again",
        "the disk is gone; trying again",
        "working again",
    ]


def test_old_failures_are_not_logged_again(
    report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    summary = ScanSummary(unchanged=4000, new=2, failed=3, seconds=0.21)
    report.on_compared(summary, 1, everything=True)
    summary = ScanSummary(unchanged=4002, failed=3, seconds=0.2)
    report.on_compared(summary, 0, everything=True)
    report.on_updated(ScanSummary(failed=1), 0)
    report.on_updated(ScanSummary(failed=2, moved=1200), 1)
    assert caplog.messages == [
        "compared 4,005 files in 0.2 s: 2 new, 1 failed",
        "compared 4,005 files in 0.2 s: no changes",
        "1,200 moved, 1 failed",
    ]
    assert [vars(record)["failed"] for record in caplog.records] == [1, 0, 1]


def test_a_folder_that_can_not_be_read_is_logged_once(
    report: Report,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    barred = {"/a"}
    monkeypatch.setattr("libindex.disk.presence.is_barred", lambda path: path in barred)
    for _ in range(2):
        report.on_updated(ScanSummary(unreadable=["/a"]), 0)
    barred.clear()
    report.on_updated(ScanSummary(), 0)
    barred.add("/a")
    report.on_updated(ScanSummary(unreadable=["/a"]), 0)
    assert caplog.messages == ["/a: can't be read; its samples are kept"] * 2


def test_the_length_of_the_queue_is_shown_twice_a_second(
    report: Report, clock: Clock, tmp_path: Path
) -> None:
    report.show("idle", 0, FOLDERS)
    report.show("idle", 7, FOLDERS)
    assert shown(tmp_path).queue == 0
    clock.now += 0.5
    report.show("idle", 8, FOLDERS)
    assert shown(tmp_path).queue == 8
    report.show("checking 9 paths", 9, FOLDERS)
    assert (shown(tmp_path).doing, shown(tmp_path).queue) == ("checking 9 paths", 9)
    report.on_compared(ScanSummary(), 0, everything=False)
    report.show("idle", 0, FOLDERS)
    assert shown(tmp_path).reconciled_at is None
    report.on_compared(ScanSummary(), 0, everything=True)
    report.show("idle", 0, FOLDERS)
    assert shown(tmp_path).reconciled_at
    report.close()
    assert activity.read(tmp_path / "library.db") is None
