import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select

from libindex.errors import DatabaseError, NotFoundError
from libindex.store import database as database_module
from libindex.store.database import Database
from libindex.store.schema import classes

LONG = "x" * 200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.db"


@pytest.fixture
def database(path: Path) -> Database:
    return Database.open(str(path), create=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock; for databases that are opened after this."""
    monkeypatch.setattr(database_module, "_BUSY_TIMEOUT_S", 0.0)


def add(connection: Connection, code: str) -> None:
    connection.execute(insert(classes).values(code=code))


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(classes)).scalar_one()


def message(path: Path) -> str:
    """What is said when a database can't be opened: one line that names it."""
    with pytest.raises(DatabaseError) as caught:
        Database.open(str(path), create=True)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


def test_the_lock_of_an_upgrade_is_the_databases_whatever_its_name(path: Path) -> None:
    link = path.parent / "links" / "another name.db"
    link.parent.mkdir()
    link.symlink_to(path)
    Database.open(str(link), create=True)
    assert path.with_name("library.db.lock").exists()
    assert [p.name for p in link.parent.iterdir()] == [link.name]


# Transactions


def test_what_is_written_is_kept(database: Database, path: Path) -> None:
    with database.writing() as connection:
        add(connection, "kick")
    with Database.open(str(path)).reading() as connection:
        assert count(connection) == 1


def test_what_fails_is_undone(database: Database) -> None:
    with pytest.raises(DatabaseError, match="UNIQUE"):
        _write(database, "kick", "kick")
    with database.reading() as connection:
        assert count(connection) == 0


def test_a_reader_neither_waits_for_a_writer_nor_sees_it(
    impatient: None, database: Database
) -> None:
    with database.writing() as writer:
        add(writer, "kick")
        with database.reading() as reader:
            assert count(reader) == 0


@pytest.mark.slow
def test_a_reader_sees_one_state_throughout(database: Database) -> None:
    with database.reading() as reader:
        assert count(reader) == 0
        with database.writing() as writer:
            add(writer, "kick")
        assert count(reader) == 0
    with database.reading() as reader:
        assert count(reader) == 1


def test_a_writer_that_reads_first_can_still_write(database: Database) -> None:
    # In WAL mode that fails unless the transaction was begun as one that writes.
    with database.writing() as connection:
        number = count(connection)
        other = threading.Thread(target=lambda: _write(database, "snr"))
        other.start()
        add(connection, f"class {number}")
    other.join()
    with database.reading() as connection:
        assert count(connection) == 2


def _write(database: Database, *codes: str) -> None:
    with database.writing() as connection:
        for code in codes:
            add(connection, code)


def test_every_connection_is_set_up(database: Database) -> None:
    expected = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 30_000}
    for transaction in (database.reading, database.writing):
        with transaction() as connection:
            found = {n: connection.exec_driver_sql(f"PRAGMA {n}").scalar() for n in expected}
        assert found == expected


def test_the_size_includes_what_is_not_yet_checkpointed(database: Database, path: Path) -> None:
    with database.reading():  # keeps the log from being written back when the writer closes
        _write(database, LONG)
        assert database.size_bytes >= path.stat().st_size + len(LONG)


# Opening


def test_a_new_database_and_its_folder_are_made(tmp_path: Path) -> None:
    path = tmp_path / "some" / "where" / "library.db"
    Database.open(str(path), create=True)
    assert path.is_file()


def test_nothing_is_made_where_nothing_was_asked_for(path: Path) -> None:
    with pytest.raises(NotFoundError, match="libindex scan FOLDER"):
        Database.open(str(path))
    assert list(path.parent.iterdir()) == []


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    with Database.open(str(path)).reading() as connection:
        assert count(connection) == 0


@pytest.mark.parametrize(
    "name",
    ["with space.db", "ünïcode 🥁.db", "percent%20.db", "a?b#c.db", os.fsdecode(b"\xff.db")],
    ids=ascii,
)
def test_the_name_of_a_database_may_be_any(tmp_path: Path, name: str) -> None:
    Database.open(str(tmp_path / name), create=True)
    assert (tmp_path / name).is_file()


def test_a_url_names_the_same_database(database: Database, path: Path) -> None:
    _write(database, "kick")
    with Database.open(f"sqlite:///{path}").reading() as connection:
        assert count(connection) == 1


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("postgresql://host/library", "SQLite, not postgresql"),
        ("sqlite://", "not one in memory"),
        ("sqlite:///:memory:", "not one in memory"),
        ("://", "neither a path nor a database URL"),
    ],
)
def test_other_urls_are_refused(location: str, reason: str) -> None:
    with pytest.raises(DatabaseError, match=reason):
        Database.open(location, create=True)


# What can be in its place


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"kick drum\n" * 1_000)
    assert "is not a database" in message(path)


def test_a_database_of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    assert "another program" in message(path)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_database_of_another_program_that_uses_alembic_too(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.execute("CREATE TABLE alembic_version (version_num TEXT)")
        other.execute("INSERT INTO alembic_version VALUES ('ae1027a6acf')")
        other.commit()
    assert "another program" in message(path)


def test_a_database_from_a_newer_libindex(database: Database, path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '8888'")
        newer.commit()
    assert "newer libindex" in message(path)
    assert list(path.parent.glob("*.backup")) == []


def test_a_damaged_database(database: Database, path: Path) -> None:
    with database.writing() as connection:
        for number in range(200):
            add(connection, f"{number:03}" + "x" * 500)
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    with (
        pytest.raises(DatabaseError, match="is damaged"),
        Database.open(str(path)).reading() as connection,
    ):
        connection.execute(select(classes)).all()


def test_a_folder(path: Path) -> None:
    path.mkdir()
    assert "can't be opened" in message(path)


def test_a_path_below_a_file(path: Path) -> None:
    path.touch()
    assert "can't be created" in message(path / "library.db")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    assert "can't be opened" in message(tmp_path / ("x" * 300))


@pytest.fixture
def held(path: Path, database: Database) -> Iterator[None]:
    """Another program has the whole database to itself, even against readers."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("INSERT INTO classes (code) VALUES ('theirs')")
        yield


def test_a_database_that_another_connection_has_locked(
    impatient: None, held: None, path: Path
) -> None:
    assert "locked" in message(path)


def test_a_second_writer_has_to_give_up_in_the_end(
    database: Database, impatient: None, path: Path
) -> None:
    second = Database.open(str(path))
    with database.writing() as connection:
        add(connection, "kick")
        with pytest.raises(DatabaseError, match="locked by another program"), second.writing():
            pytest.fail("two writers at once")


def test_a_full_disk_loses_nothing_that_was_committed(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(database, "kick")
    pages = path.stat().st_size // 4096
    monkeypatch.setattr(database_module, "_PRAGMAS", (f"max_page_count = {pages + 3}",))
    with (
        pytest.raises(DatabaseError, match=r"disk is full \(what was committed is safe\)"),
        database.writing() as connection,
    ):
        add(connection, LONG)
    with database.reading() as connection:
        assert connection.execute(select(classes.c.code)).scalars().all() == ["kick"]
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


# Permissions, in a process for which they count even if the tests run as root


_INTERRUPTED = """
import sqlite3, sys
from libindex.store.database import Database

class Interrupted(sqlite3.Connection):
    def close(self):
        super().close()
        raise KeyboardInterrupt

connect = sqlite3.connect
sqlite3.connect = lambda path, **options: connect(path, factory=Interrupted, **options)
try:
    with Database.open(sys.argv[1]).reading():
        pass
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interruption_while_a_connection_is_closed_prints_nothing(
    database: Database, path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def outcome(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, error = process.communicate()
    return process.returncode, out.decode(), error.decode()


def test_a_read_only_file_can_be_read_and_not_written(
    database: Database, path: Path, tmp_path: Path, libindex: Callable[..., subprocess.Popen[bytes]]
) -> None:
    (tmp_path / "Samples").mkdir()
    path.chmod(0o444)
    code, out, _ = outcome(libindex("status"))
    assert code == 0
    assert "samples     0" in out
    code, out, error = outcome(libindex("scan", tmp_path / "Samples"))
    assert (code, out) == (1, "")
    assert error == f"libindex: {path}: can't be written: it is read-only\n"


def test_a_folder_that_can_not_be_written(
    tmp_path: Path, libindex: Callable[..., subprocess.Popen[bytes]]
) -> None:
    tmp_path.chmod(0o555)
    try:
        code, out, error = outcome(libindex("scan", tmp_path))
    finally:
        tmp_path.chmod(0o755)
    assert (code, out) == (1, "")
    assert error.startswith(f"libindex: {tmp_path}/library.db: can't be opened")
    assert error.count("\n") == 1
