"""The SQLite database: connecting, transactions, and bringing the schema up to date."""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, exc
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from libindex import resources
from libindex.disk.posix import is_read_only
from libindex.errors import DatabaseError, NotFoundError
from libindex.store.locking import writer_lock
from libindex.store.patterns import path_matches
from libindex.store.schema import REVISION

_BUSY_TIMEOUT_S = 30.0
_PRAGMAS = (
    "foreign_keys = ON",
    "synchronous = NORMAL",  # in WAL mode: a crash loses nothing, a power cut the last batch
    "temp_store = MEMORY",
    "cache_size = -32000",  # 32 MB
    "mmap_size = 268435456",
)
_SPARING = ("cache_size = -8000", "mmap_size = 0")  # each of many connections has its own


# An interruption just when a connection is closed goes on to the caller. That the pool tells of it
# as well is for those who set logging up, and no traceback for a terminal.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())


class Database:
    """An open library database.

    Readers never wait for a writer (WAL); writers take the database's own write lock at once
    (BEGIN IMMEDIATE), since a read transaction that turns into a write can't wait.

    Parameters
    ----------
    url : URL
        Of SQLite.
    """

    def __init__(self, url: URL) -> None:
        # Links are followed, so that there is one lock for one database.
        self.path = Path(os.path.realpath(url.database or ""))
        self._engine = sqlalchemy.create_engine(url, poolclass=NullPool, creator=self._connect)
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(libindex_write=True)
        self._migrator = self._writer.execution_options(libindex_migration=True)

    @classmethod
    def open(cls, location: str, *, create: bool = False) -> "Database":
        """Open a database and bring its schema up to date.

        Parameters
        ----------
        location : str
            A path or an SQLAlchemy URL.
        create : bool
            Whether to make it if it is not there.

        Raises
        ------
        NotFoundError
            If it is not there and not to be made.
        DatabaseError
            If it is no database of libindex, from a newer libindex, or can't be opened.
        """
        url = _url(location)
        path = Path(url.database or "")
        if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for names too long
            if not create:
                raise NotFoundError(
                    "no library here yet; make one with: libindex scan FOLDER", path
                )
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DatabaseError(f"can't be created ({error.strerror})", path) from None
        database = cls(url)
        revision = database._revision()
        if revision == REVISION:
            database._use_wal()
        else:
            with writer_lock(database.path, "upgrade", on_wait=lambda _: None):
                database._upgrade(database._revision())
        return database

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view of the library, whatever is written meanwhile."""
        with self._translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction; committed at the end, or nothing of it.

        This is all that a short write needs (a tag, a correction): it waits for the transactions
        of others, which are short too, and not for a scan, which holds the lock file of
        `libindex.store.locking` for all of its time. Read, decode and compute before it begins.
        """
        with self._translated(), self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def observing(self) -> Iterator[Callable[[], int]]:
        """A function that gives another number after every commit of anybody else.

        It costs next to nothing: no table is read.
        """
        with self._translated(), contextlib.closing(self._connect()) as connection:

            def version() -> int:
                with self._translated():
                    return int(connection.execute("PRAGMA data_version").fetchone()[0])

            yield version

    def spare_memory(self) -> None:
        """Keep little of the file in memory from now on, for a process that asks for days.

        The system keeps what is asked for often, so that few queries take longer.
        """
        event.listen(self._engine, "connect", _spare_memory)

    @property
    def size_bytes(self) -> int:
        """Size on disk, with what is still in the write-ahead log [bytes]."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(f.stat().st_size for f in files if f.exists())

    def _connect(self) -> sqlite3.Connection:
        """Connect as bytes, since a path need not be UTF-8.

        SQLite opens no WAL database where it can't write beside it, unless it knows that
        nobody else can either.
        """
        path = os.fsencode(self.path)
        if os.path.exists(path) and is_read_only(os.path.dirname(path)):  # noqa: PTH110, PTH120
            return sqlite3.connect(f"file:{quote(path)}?immutable=1", uri=True)
        return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)

    def _revision(self) -> str | None:
        """The schema's revision; None for a new database."""
        with self.reading() as connection:
            tables = set(
                connection.exec_driver_sql(
                    "SELECT name FROM sqlite_master"
                    " WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
                ).scalars()
            )
            revision = None
            if "alembic_version" in tables:
                query = "SELECT version_num FROM alembic_version"
                revision = connection.exec_driver_sql(query).scalar()
        if not ("samples" in tables if revision else tables <= {"alembic_version"}):
            raise DatabaseError("is a database of another program", self.path)
        return revision

    def _upgrade(self, revision: str | None) -> None:
        """Bring the schema from `revision` to `REVISION`; the caller holds the writer's lock."""
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        if revision == REVISION:  # another process was faster
            return
        config = Config()
        config.set_main_option("script_location", str(resources.migrations()))
        known = {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
        if revision is not None and revision not in known:
            raise DatabaseError("was made by a newer libindex; update this one", self.path)
        if revision is not None:
            self._back_up(revision)
        with self._translated(), self._migrator.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        self._use_wal()

    def _use_wal(self) -> None:
        """Let readers and the writer work side by side; only once it is known to be ours."""
        with self._translated(), contextlib.closing(self._connect()) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                # A file that can't be written is read as it is.
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute("PRAGMA journal_mode = WAL")

    def _back_up(self, revision: str) -> None:
        """Copy the database aside before a migration."""
        copy = self.path.with_name(f"{self.path.name}.{revision}-{int(time.time())}.backup")
        with (
            self._translated(),
            contextlib.closing(sqlite3.connect(self.path)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (exc.DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            raise DatabaseError(_reason(str(cause)), self.path) from error


def _url(location: str) -> URL:
    try:
        url = make_url(location) if "://" in location else URL.create("sqlite", database=location)
    except exc.ArgumentError:
        raise DatabaseError(f"{location!r} is neither a path nor a database URL") from None
    if url.get_backend_name() != "sqlite":
        raise DatabaseError(f"libindex keeps its library in SQLite, not {url.get_backend_name()}")
    if not url.database or url.database == ":memory:":
        raise DatabaseError("a database in a file is needed, not one in memory")
    return url


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`, not by sqlite3
    # SQLite's own knows ASCII only.
    connection.create_function("lower", 1, str.lower, deterministic=True)
    connection.create_function("path_matches", 2, path_matches, deterministic=True)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _spare_memory(connection: Any, _record: object) -> None:
    for pragma in _SPARING:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("libindex_migration"):
        # SQLite alters a table by making it anew; dropping the old one would take along, or be
        # refused for, the rows that refer to it. This has no effect once a transaction has begun.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        # While it is away, views that read it refer to nothing, which must not stop the renaming.
        connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("libindex_write") else "BEGIN")


_REASONS = (
    ("not a database", "is not a database"),
    ("malformed", "is damaged; restore a copy, or delete it and scan again"),
    ("disk is full", "can't be written: the disk is full (what was committed is safe)"),
    ("readonly", "can't be written: it is read-only"),
    ("unable to open", "can't be opened; check that its folder exists and can be written"),
    ("locked", "is locked by another program; try again when that is done"),
    ("disk i/o error", "can't be read or written: the disk reports an error"),
)


def _reason(message: str) -> str:
    for part, reason in _REASONS:
        if part in message.lower():
            return reason
    return f"the database reports: {message}"


def engine_for_migrations(location: str) -> Engine:
    """An engine with libindex's settings, for Alembic's own command line."""
    return Database(_url(location))._migrator
