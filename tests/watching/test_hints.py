from pathlib import Path

import pytest
from support.clock import Clock

from libindex.watching.hints import Hints
from libindex.watching.notices import Notice, NoticeKind


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hints(clock: Clock) -> Hints:
    return Hints(clock)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "kick.wav"
    path.write_bytes(b"boom")
    return str(path)


def taken_within(hints: Hints, clock: Clock, seconds: float) -> list[str]:
    """What is taken by somebody who looks every 10 ms."""
    taken, end = [], clock.now + seconds
    while clock.now < end:
        taken += hints.take()
        clock.now += 0.01
    return taken


def test_a_file_that_was_closed_is_taken_at_once(hints: Hints, clock: Clock, file: str) -> None:
    hints.appeared(file)
    hints.written(file)
    hints.closed(file)
    assert hints.take() == []
    assert taken_within(hints, clock, 0.1) == [file]
    assert len(hints) == 0


def test_a_file_that_appeared_is_taken_when_it_is_still(
    hints: Hints, clock: Clock, file: str
) -> None:
    hints.appeared(file)
    assert taken_within(hints, clock, 0.3) == [file]


def test_a_file_that_grows_is_left(hints: Hints, clock: Clock, file: str) -> None:
    hints.appeared(file)
    for _ in range(20):
        with Path(file).open("ab") as stream:
            stream.write(b"more")
        assert taken_within(hints, clock, 0.09) == []
    assert taken_within(hints, clock, 0.3) == [file]


def test_writing_delays_what_was_closed_before(hints: Hints, clock: Clock, file: str) -> None:
    hints.closed(file)
    hints.written(file)
    assert taken_within(hints, clock, 1.9) == []
    hints.closed(file)
    assert taken_within(hints, clock, 0.1) == [file]


def test_writing_that_is_never_closed_ends_by_being_still(
    hints: Hints, clock: Clock, file: str
) -> None:
    hints.written(file)
    assert taken_within(hints, clock, 5) == [file]


def test_an_empty_file_is_given_time(hints: Hints, clock: Clock, file: str) -> None:
    Path(file).write_bytes(b"")
    hints.appeared(file)
    assert taken_within(hints, clock, 1.9) == []
    assert taken_within(hints, clock, 0.5) == [file]


def test_both_ends_of_a_move_are_taken_together(hints: Hints, clock: Clock) -> None:
    hints.closed("/a.wav")
    clock.now += 0.001
    hints.closed("/b.wav")
    due = hints.next_due()
    assert due is not None
    clock.now = due
    assert hints.take() == ["/a.wav", "/b.wav"]


def test_constant_closing_does_not_delay_for_ever(hints: Hints, clock: Clock, file: str) -> None:
    taken = []
    for _ in range(20):
        hints.closed(file)
        taken += taken_within(hints, clock, 0.02)
    assert len(taken) >= 5


def test_a_file_that_went_is_taken(hints: Hints, clock: Clock, file: str) -> None:
    hints.appeared(file)
    Path(file).unlink()
    hints.gone(file)
    assert taken_within(hints, clock, 0.2) == [file]


@pytest.mark.parametrize(
    ("kind", "after_s"),
    [("appeared", 0.1), ("written", 2.0), ("closed", 0.05), ("gone", 0.1), ("folder", 0.2)],
)
def test_every_kind_of_notice_has_its_time(
    hints: Hints, clock: Clock, kind: NoticeKind, after_s: float
) -> None:
    hints.add(Notice(kind, "/a.wav"))
    assert hints.next_due() == clock.now + after_s


def test_a_folder_is_looked_at_twice(hints: Hints, clock: Clock) -> None:
    hints.folder("/a")
    assert taken_within(hints, clock, 0.3) == ["/a"]
    assert taken_within(hints, clock, 2) == ["/a"]
    assert hints.next_due() is None


def test_the_next_is_the_first_that_is_due(hints: Hints, clock: Clock) -> None:
    hints.again(["/b"], 7.0)
    hints.again(["/a"], 3.0)
    assert hints.next_due() == 103.0
    clock.now = 103.0
    assert hints.take() == ["/a"]
    hints.clear()
    assert hints.next_due() is None
