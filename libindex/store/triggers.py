"""Triggers that keep the log of changes, which `libindex.store.changes` reads.

They belong to the schema as the views do: SQLite drops those of a table that a migration copies,
so they are made anew after every migration.
"""

from sqlalchemy import Connection, inspect

KEPT = 200_000
"""So many changes are kept, more or less."""

_TRIM_EVERY = 10_000


_EVERYTHING = "NULL"


def _note(name: str, when: str, *contents: str, only_if: str = "") -> tuple[str, str]:
    """A trigger that writes a change for each content; a file that failed may have none."""
    values = " UNION ALL ".join(
        f"SELECT {one}" + ("" if one == _EVERYTHING else f" WHERE {one} IS NOT NULL")
        for one in contents
    )
    condition = f" WHEN {only_if}" if only_if else ""
    return name, (
        f"CREATE TRIGGER {name} AFTER {when}{condition} BEGIN"
        f" INSERT INTO changes (content_id) {values}; END"
    )


_ANALYSED = "(SELECT content_id FROM analyses WHERE id = {row}.analysis_id)"
_SHOWN = "(SELECT is_current FROM maps WHERE id = {row}.map_id)"

TRIGGERS: dict[str, str] = dict(
    (
        _note("samples_added", "INSERT ON samples", "NEW.content_id"),
        _note("samples_removed", "DELETE ON samples", "OLD.content_id"),
        _note(
            "samples_changed",
            "UPDATE OF root_id, path, content_id, failure ON samples",
            "OLD.content_id",
            "NEW.content_id",
            only_if="(OLD.root_id, OLD.path, OLD.content_id, OLD.failure)"
            " IS NOT (NEW.root_id, NEW.path, NEW.content_id, NEW.failure)",
        ),
        _note("contents_changed", "UPDATE ON contents", "NEW.id"),
        _note("analyses_added", "INSERT ON analyses", "NEW.content_id"),
        _note("analyses_changed", "UPDATE ON analyses", "NEW.content_id"),
        _note("analyses_removed", "DELETE ON analyses", "OLD.content_id"),
        _note("roots_added", "INSERT ON roots", _EVERYTHING),
        _note("roots_removed", "DELETE ON roots", _EVERYTHING),
        _note("roots_changed", "UPDATE OF path, is_online ON roots", _EVERYTHING),
        _note(
            "places_added",
            "INSERT ON places",
            _ANALYSED.format(row="NEW"),
            only_if=_SHOWN.format(row="NEW"),
        ),
        _note("maps_changed", "UPDATE OF is_current ON maps", _EVERYTHING),
        _note(
            "heard_added", "INSERT ON heard", "(SELECT id FROM contents WHERE digest = NEW.digest)"
        ),
        _note(
            "heard_removed",
            "DELETE ON heard",
            "(SELECT id FROM contents WHERE digest = OLD.digest)",
        ),
        (
            "changes_trimmed",
            "CREATE TRIGGER changes_trimmed AFTER INSERT ON changes"  # noqa: S608 - numbers
            f" WHEN NEW.id % {_TRIM_EVERY} = 0 BEGIN"
            f" DELETE FROM changes WHERE id <= NEW.id - {KEPT}; END",
        ),
    )
)
"""Statements by name."""


def renew_triggers(connection: Connection) -> None:
    """Make all triggers anew, if the tables are there that they are about."""
    if not inspect(connection).has_table("changes"):
        return
    for name, statement in TRIGGERS.items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql(statement)
