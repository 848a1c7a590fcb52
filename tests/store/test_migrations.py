import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from libindex import resources
from libindex.errors import DatabaseError
from libindex.library import Library
from libindex.store import database as database_module
from libindex.store import schema
from libindex.store.database import Database
from libindex.store.views import renew_views


def scripts() -> ScriptDirectory:
    return ScriptDirectory(str(resources.migrations()))


REVISIONS = [script.revision for script in scripts().walk_revisions()][::-1]


def config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(resources.migrations()))
    made.attributes["connection"] = connection
    return made


Rows = list[dict[str, object]]


def content(path: Path) -> dict[str, Rows]:
    """All rows of all tables that hold the user's data."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names()) - {"alembic_version"}
        found = {name: connection.exec_driver_sql(f"SELECT * FROM {name}") for name in names}
        return {
            name: sorted(map(dict, rows.mappings()), key=lambda row: repr([*row.values()]))
            for name, rows in found.items()
        }


@pytest.fixture
def populated(
    library: Library, tmp_path: Path, ear: object, write_sound: Callable[..., Path]
) -> Path:
    """The path of a database with a good file, a copy of it, and a bad one."""
    good = write_sound("kicks/good.wav", seed=1)
    shutil.copy(good, good.with_name("copy.wav"))
    good.with_name("poor.wav").write_bytes(b"bad")
    library.scan(tmp_path / "Samples")
    return library.database.path


@pytest.fixture
def with_next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put one more migration on top of those that there are: `with_next_revision(body)`."""

    def add(body: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(resources.migrations(), folder, ignore=shutil.ignore_patterns("__pyc*"))
        (folder / "versions" / "9999_next.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n"
            f"revision = '9999'\ndown_revision = {schema.REVISION!r}\n"
            f"def upgrade():\n{body}\n"
        )
        monkeypatch.setattr(resources, "migrations", lambda: folder)
        monkeypatch.setattr(database_module, "REVISION", "9999")

    return add


def described(connection: Connection) -> dict[str, object]:
    """More than `compare_metadata` sees: AUTOINCREMENT, WITHOUT ROWID, the names of constraints."""
    query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'"
    texts = connection.exec_driver_sql(query).all()
    return {name: sql and sorted(sql.replace(",", "").split()) for name, sql in texts}


# A column that is there becomes one that may be NULL no more: SQLite makes the table anew.
NEW_CONTENTS = """
    with op.batch_alter_table("contents", recreate="always") as batch:
        batch.add_column(sa.Column("stars", sa.Integer(), nullable=False, server_default="0"))
"""
NEW_ANALYSES = NEW_CONTENTS.replace("contents", "analyses")
FAILS_HALFWAY = """
    op.add_column("contents", sa.Column("stars", sa.Integer()))
    raise sa.exc.OperationalError("", {}, Exception("disk I/O error"))
"""


def test_the_schema_names_the_newest_revision() -> None:
    assert scripts().get_heads() == [schema.REVISION]


def test_migrations_lead_to_the_tables_of_the_schema(tmp_path: Path) -> None:
    database = Database.open(str(tmp_path / "library.db"), create=True)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_migrations_give_what_the_schema_would_create(tmp_path: Path) -> None:
    database = Database.open(str(tmp_path / "library.db"), create=True)
    engine = sqlalchemy.create_engine(
        f"sqlite:///{tmp_path}/plain.db", poolclass=sqlalchemy.NullPool
    )
    with database.reading() as migrated, engine.begin() as plain:
        schema.metadata.create_all(plain)
        assert described(migrated) == described(plain)


def test_down_to_nothing_and_up_again(populated: Path) -> None:
    engine = database_module.engine_for_migrations(str(populated))
    for revision in [*reversed(REVISIONS[:-1]), "base"]:
        with engine.begin() as connection:
            command.downgrade(config(connection), revision)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    for revision in REVISIONS:
        with engine.begin() as connection:
            command.upgrade(config(connection), revision)
    with Library.open(populated) as library:
        assert library.status().samples == 0


def test_a_database_that_was_downgraded_to_nothing_opens_as_a_new_one(populated: Path) -> None:
    with database_module.engine_for_migrations(str(populated)).begin() as connection:
        command.downgrade(config(connection), "base")
    with Library.open(populated) as library:
        assert library.status().samples == 0


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_populated_database_of_any_age_opens(populated: Path, revision: str) -> None:
    engine = database_module.engine_for_migrations(str(populated))
    before = content(populated)
    with engine.begin() as connection:
        command.downgrade(config(connection), revision)
    kept = content(populated).keys() - {"alembic_version"}
    Database.open(str(populated))
    after = content(populated)
    for table in kept & after.keys():
        assert len(after[table]) == len(before[table])
    with Library.open(populated) as library:
        found = library.status()
        assert (found.samples, found.contents, found.failed) == (3, 2, 1)


@pytest.mark.parametrize("revision", REVISIONS)
def test_down_leads_to_what_up_had_made(populated: Path, tmp_path: Path, revision: str) -> None:
    engine = database_module.engine_for_migrations(str(populated))
    other = database_module.engine_for_migrations(str(tmp_path / "other.db"))
    with engine.begin() as down, other.begin() as up:
        command.downgrade(config(down), revision)
        command.upgrade(config(up), revision)
        assert described(down) == described(up)


def test_analyses_from_before_there_was_a_word_on_percussion(populated: Path) -> None:
    engine = database_module.engine_for_migrations(str(populated))
    with engine.begin() as connection:
        command.downgrade(config(connection), "0001")
    before = content(populated)
    (old,) = before["analyses"]
    with engine.begin() as connection:
        command.upgrade(config(connection), "0002")
    after = content(populated)
    assert after["analyses"] == [{**old, "percussion": None}]
    assert {**after, "analyses": before["analyses"]} == before
    with Library.open(populated) as library:
        (hit, copy) = library.query(min_percussion=1.0, copies=True)
        assert hit.percussion is copy.percussion is None


def test_the_word_on_percussion_comes_and_goes_without_a_copy_of_the_table(
    populated: Path,
) -> None:
    # A copy would take long, and forget that the id of an analysis that is gone was used before.
    engine = database_module.engine_for_migrations(str(populated))
    with engine.begin() as connection:
        row = connection.execute(schema.analyses.select()).mappings().one()
        connection.execute(schema.analyses.delete())
        command.downgrade(config(connection), "0002")
    said: list[str] = []
    sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    for step, revision in ((command.downgrade, "0001"), (command.upgrade, "0002")):
        with engine.begin() as connection:
            step(config(connection), revision)
    changes = [text.split()[:3] for text in said if "analyses" in text]
    assert changes == [["ALTER", "TABLE", "analyses"]] * 2
    with engine.begin() as connection:
        connection.execute(schema.analyses.insert().values({**row, "id": None}))
        assert connection.execute(schema.analyses.select()).one().id == row["id"] + 1


def test_views_come_to_a_library_from_before_and_go_again(populated: Path) -> None:
    engine = database_module.engine_for_migrations(str(populated))
    with engine.begin() as connection:
        command.downgrade(config(connection), "0002")
        assert inspect(connection).get_view_names() == []
    before = content(populated)
    with engine.begin() as connection:
        command.upgrade(config(connection), "0003")
    assert content(populated) == before
    with Library.open(populated) as library, library.database.reading() as connection:
        assert inspect(connection).get_view_names() == ["sample_classes", "sample_overview"]
        rows = connection.exec_driver_sql("SELECT path, class FROM sample_overview").all()
        failed = [(failure.path, None) for failure in library.failures()]
        assert sorted(rows) == sorted(
            [*((h.path, h.class_code) for h in library.query(copies=True)), *failed]
        )
        assert len(rows) == 3


def test_views_follow_the_columns_of_facts(populated: Path) -> None:
    def columns() -> list[str]:
        return [column["name"] for column in inspect(connection).get_columns("sample_overview")]

    engine = database_module.engine_for_migrations(str(populated))
    with engine.begin() as connection:
        before = columns()
        connection.exec_driver_sql("ALTER TABLE contents DROP COLUMN peak")
        renew_views(connection)
        assert columns() == [name for name in before if name != "peak"]
        connection.exec_driver_sql("ALTER TABLE contents ADD COLUMN peak FLOAT")
        renew_views(connection)
        assert columns() == before


def test_views_are_the_same_after_a_table_was_made_anew(
    populated: Path, with_next_revision: Callable[..., None]
) -> None:
    def rows() -> list[object]:
        with Library.open(populated) as library, library.database.reading() as connection:
            return [
                connection.exec_driver_sql(f"SELECT * FROM {view}").all()
                for view in inspect(connection).get_view_names()
            ]

    before = rows()
    with_next_revision(NEW_CONTENTS + NEW_ANALYSES)
    assert rows() == before


@pytest.mark.parametrize("body", [NEW_CONTENTS, NEW_ANALYSES])
def test_a_migration_that_makes_a_table_anew_loses_nothing(
    populated: Path, with_next_revision: Callable[..., None], body: str
) -> None:
    # Dropping a table deletes its rows first, and with foreign keys on, those that refer to them.
    before = {table: len(rows) for table, rows in content(populated).items()}
    with_next_revision(body)
    database = Database.open(str(populated))
    assert {table: len(rows) for table, rows in content(populated).items()} == before
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_copy_is_kept_of_what_a_migration_changes(
    populated: Path, with_next_revision: Callable[..., None]
) -> None:
    before = content(populated)
    with_next_revision(NEW_CONTENTS)
    Database.open(str(populated))
    (backup,) = populated.parent.glob(f"library.db.{schema.REVISION}-*.backup")
    assert content(backup) == before
    Database.open(str(populated))
    assert list(populated.parent.glob("*.backup")) == [backup]


def test_a_new_database_needs_no_copy(tmp_path: Path) -> None:
    Database.open(str(tmp_path / "library.db"), create=True)
    assert list(tmp_path.glob("*.backup")) == []


def test_a_migration_that_fails_changes_nothing(
    populated: Path, with_next_revision: Callable[..., None]
) -> None:
    before = content(populated)
    with_next_revision(FAILS_HALFWAY)
    with pytest.raises(DatabaseError, match="disk reports an error"):
        Database.open(str(populated))
    assert content(populated) == before
