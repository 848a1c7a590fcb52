"""What the indexing process does, and when."""

import errno
import math
import os

import pytest
from support.clock import Clock

from libindex.errors import LibindexError
from libindex.indexing import ScanSummary
from libindex.watching.messages import Ended, Request
from libindex.watching.options import Intervals, WatchOptions
from libindex.watching.work import Work

OPTIONS = WatchOptions(
    keep_warm_s=600.0, intervals=Intervals(retry_s=2.0, max_retry_s=5.0, quiet_s=30.0, close_s=1.5)
)
UPDATE = Request("update", ("/a.wav",))


class FakeProcess:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.requests: list[Request] = []
        self.closed: list[float] = []

    def request(self, request: Request) -> None:
        self.requests.append(request)

    def close(self, patience_s: float) -> None:
        self.closed.append(patience_s)


class Factory(list[FakeProcess]):
    """All processes that were started."""

    def __call__(self) -> FakeProcess:
        self.append(FakeProcess(len(self) + 1))
        return self[-1]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def started() -> Factory:
    return Factory()


@pytest.fixture
def work(started: Factory, clock: Clock) -> Work:
    return Work(started, lambda error: pytest.fail(str(error)), OPTIONS, clock)


def test_a_process_that_can_not_be_started_is_a_failed_request(clock: Clock) -> None:
    def start() -> FakeProcess:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    failed: list[LibindexError] = []
    work = Work(start, failed.append, OPTIONS, clock)
    work.begin(UPDATE, "checking 1 paths")
    assert [str(e) for e in failed] == ["can't start the indexing process (Cannot allocate memory)"]
    assert work.fail() == UPDATE
    assert not work.can_begin
    clock.now += 2.0
    assert work.can_begin


def test_one_process_carries_out_one_request_after_the_other(work: Work, started: Factory) -> None:
    assert started == []
    assert (work.can_begin, work.is_busy, work.doing) == (True, False, "idle")
    work.begin(UPDATE, "checking 1 paths")
    assert (work.can_begin, work.is_busy, work.doing) == (False, True, "checking 1 paths")
    work.describe("analysing 1 of 1 files")
    assert work.doing == "analysing 1 of 1 files"
    assert work.succeed(ScanSummary()) == UPDATE
    assert (work.can_begin, work.is_busy, work.doing) == (True, False, "idle")
    work.begin(Request("reconcile"), "comparing everything")
    assert len(started) == 1
    assert started[0].requests == [UPDATE, Request("reconcile")]


def test_what_comes_late_does_not_describe_work_that_is_done(work: Work) -> None:
    work.begin(UPDATE, "checking 1 paths")
    work.succeed(ScanSummary())
    work.describe("analysing 1 of 1 files")
    assert work.doing == "idle"


def test_after_failures_it_waits_longer_each_time(work: Work, clock: Clock) -> None:
    for wait_s in (2.0, 4.0, 5.0, 5.0):
        work.begin(UPDATE, "")
        assert work.fail() == UPDATE
        assert not work.can_begin
        assert work.next_due(clock.now) == clock.now + wait_s
        clock.now += wait_s
        assert work.can_begin
    work.begin(UPDATE, "")
    work.succeed(ScanSummary())
    assert work.can_begin
    work.begin(UPDATE, "")
    work.fail()
    assert work.next_due(clock.now) == clock.now + 2.0


@pytest.mark.parametrize("change", ["new", "changed", "removed", "analysed"])
def test_the_neighbour_index_is_updated_when_changes_have_ended(
    work: Work, started: Factory, clock: Clock, change: str
) -> None:
    summary = ScanSummary()
    setattr(summary, change, 1)
    for _ in range(2):
        work.begin(UPDATE, "")
        work.succeed(summary)
        clock.now += 20
    assert work.next_due(math.inf) == clock.now + 10
    work.tidy_up()
    assert not work.is_busy
    clock.now += 10
    work.tidy_up()
    assert started[0].requests[-1] == Request("refresh")
    assert work.doing == "updating the neighbour index"
    work.succeed(ScanSummary())
    work.tidy_up()
    assert not work.is_busy


def test_the_process_ends_when_it_was_not_used_for_long(
    work: Work, started: Factory, clock: Clock
) -> None:
    work.tidy_up()
    assert work.next_due(math.inf) == math.inf
    work.begin(UPDATE, "")
    work.succeed(ScanSummary(unchanged=1))
    assert work.next_due(math.inf) == clock.now + 600
    clock.now += 599
    work.tidy_up()
    assert started[0].closed == []
    clock.now += 1
    work.tidy_up()
    assert started[0].closed == [1.5]
    assert work.next_due(math.inf) == math.inf
    work.begin(UPDATE, "")
    assert len(started) == 2


def test_nothing_is_due_while_a_request_is_carried_out(work: Work, clock: Clock) -> None:
    work.begin(UPDATE, "")
    assert work.next_due(clock.now) == math.inf
    work.succeed(ScanSummary())
    assert work.next_due(clock.now + 1) == clock.now + 1


def test_the_network_is_loaded_once(work: Work, started: Factory) -> None:
    work.warm_up()
    assert (work.doing, started[0].requests) == ("loading the network", [Request("warm up")])
    work.succeed(ScanSummary())
    work.warm_up()
    assert len(started[0].requests) == 1
    work.close()
    work.warm_up()
    assert started[1].requests == [Request("warm up")]


def test_the_network_is_not_loaded_where_it_has_been_used(work: Work, started: Factory) -> None:
    work.begin(UPDATE, "")
    work.warm_up()  # it is busy
    work.succeed(ScanSummary(analysed=1))
    work.warm_up()
    assert started[0].requests == [UPDATE]


def test_a_process_that_ends_by_accident_is_replaced(work: Work, started: Factory) -> None:
    work.begin(UPDATE, "")
    assert work.on_ended(Ended(1, -9))
    assert work.fail() == UPDATE
    work.begin(UPDATE, "")
    assert len(started) == 2
    assert not work.on_ended(Ended(1, -9))  # the first one's, which comes late
    assert work.is_busy


def test_a_process_that_ends_while_it_has_nothing_to_do_is_no_failure(
    work: Work, started: Factory
) -> None:
    work.begin(UPDATE, "")
    work.succeed(ScanSummary())
    assert not work.on_ended(Ended(1, 0))
    assert work.can_begin
    work.close()
    assert not work.on_ended(Ended(1, 0))
