import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libindex.errors import BusyError, DatabaseError
from libindex.store import locking

HOLD = """
import sys
from pathlib import Path
from libindex.store import locking
with locking.writer_lock(Path(sys.argv[1]), "watch"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "library.db"


@pytest.fixture
def other(database: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Another process that holds the database until its standard input is closed."""
    command = [sys.executable, "-c", HOLD, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process


@pytest.fixture
def gone() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_free_database_can_be_held_again_and_again(database: Path) -> None:
    for _ in range(3):
        with locking.writer_lock(database, "scan"):
            holder = locking.holder(database)
            assert (holder.command, holder.pid) == ("scan", os.getpid())
        assert locking.holder(database) is None


def test_it_is_let_go_after_an_error(database: Path) -> None:
    with pytest.raises(ZeroDivisionError), locking.writer_lock(database, "scan"):
        raise ZeroDivisionError
    with locking.writer_lock(database, "scan"):
        pass


def test_a_second_writer_learns_who_holds_it(
    database: Path, other: "subprocess.Popen[bytes]"
) -> None:
    with pytest.raises(BusyError) as caught, locking.writer_lock(database, "scan"):
        pytest.fail("two writers at once")
    assert str(caught.value).startswith(
        f"{database}: is being written by libindex watch (process {other.pid} on "
    )


def test_a_failed_attempt_leaves_the_holders_note(
    database: Path, other: "subprocess.Popen[bytes]"
) -> None:
    with pytest.raises(BusyError), locking.writer_lock(database, "scan"):
        pytest.fail("two writers at once")
    assert locking.holder(database).pid == other.pid


def test_a_second_writer_can_wait(database: Path, other: "subprocess.Popen[bytes]") -> None:
    holders: list[str] = []

    def waiting(who: str) -> None:
        holders.append(who)
        other.stdin.close()

    with locking.writer_lock(database, "scan", waiting):
        assert locking.holder(database).pid == os.getpid()
    assert len(holders) == 1
    assert f"process {other.pid}" in holders[0]


def test_one_that_was_killed_holds_nothing(
    database: Path, other: "subprocess.Popen[bytes]"
) -> None:
    other.kill()
    other.wait()
    assert locking.holder(database) is None
    with locking.writer_lock(database, "scan"):
        pass


def test_a_process_on_another_machine_is_believed(database: Path, gone: int) -> None:
    note = database.with_name("library.db.writer")
    note.write_text(f'{{"command": "scan", "pid": {gone}, "host": "studio", "since": 0}}')
    assert locking.holder(database).host == "studio"


def test_two_threads_exclude_each_other(database: Path) -> None:
    inside = threading.Event()
    leave = threading.Event()

    def hold() -> None:
        with locking.writer_lock(database, "scan"):
            inside.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()
    try:
        with pytest.raises(BusyError), locking.writer_lock(database, "forget"):
            pytest.fail("two writers at once")
    finally:
        leave.set()
        thread.join()


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff\xfe"])
def test_a_damaged_note_is_no_note(database: Path, note: bytes) -> None:
    database.with_name("library.db.writer").write_bytes(note)
    assert locking.holder(database) is None


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with (
        pytest.raises(DatabaseError, match="can't be locked"),
        locking.writer_lock(path / "db", "scan"),
    ):
        pytest.fail("locked nothing")


def test_a_note_that_can_not_be_written_is_no_obstacle(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with (
        locking.writer_lock(database, "scan"),
        pytest.raises(BusyError, match="another process"),
        locking.writer_lock(database, "forget"),
    ):
        pytest.fail("two writers at once")
