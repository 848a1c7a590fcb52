"""Views: the library as other SQLite tools read it.

They show what the network says that was used last, as the commands do. `docs/sql.md` describes
them.
"""

from collections.abc import Container

from sqlalchemy import Connection, inspect

from libindex.sound.facts import FACTS


def _text(path: str) -> str:
    """SQL that reads stored bytes as text, with other characters where they are not UTF-8.

    Plain ASCII, nearly every path, is taken as it is. Anything else is read character by
    character: a single name that is not UTF-8 would otherwise break a whole query in Python and
    other languages that insist on it.
    """
    return f"""CASE
    WHEN CAST({path} AS TEXT) NOT GLOB '*[^ -~]*' THEN CAST({path} AS TEXT)
    ELSE (
      WITH RECURSIVE reading(done, rest) AS (
        SELECT '', CAST({path} AS TEXT)
        UNION ALL
        SELECT done || char(unicode(rest)), substr(rest, 2) FROM reading WHERE rest <> ''
      )
      SELECT done FROM reading WHERE rest = ''
    )
  END"""  # noqa: S608 - the paths are columns


_ROOT = _text("roots.path")
_PATH = f"rtrim({_ROOT}, '/') || '/' || {_text('samples.path')}"
_NETWORK = "(SELECT id FROM networks ORDER BY used_at DESC, id DESC LIMIT 1)"


def _sample_overview(facts: str) -> str:
    return f"""
CREATE VIEW sample_overview AS
SELECT
  samples.id AS sample_id,
  {_PATH} AS path,
  {_ROOT} AS root,
  samples.name AS name,
  classes.code AS class,
  analyses.probability AS probability,
  analyses.percussion AS percussion,
  {facts},
  samples.size_bytes AS size_bytes,
  samples.added_at AS added_at,
  roots.is_online AS online,
  contents.warning AS warning,
  coalesce(samples.failure, contents.failure) AS failure,
  samples.content_id AS content_id
FROM samples
JOIN roots ON roots.id = samples.root_id
LEFT JOIN contents ON contents.id = samples.content_id
LEFT JOIN analyses ON analyses.content_id = samples.content_id AND samples.failure IS NULL
  AND analyses.network_id = {_NETWORK}
LEFT JOIN classes ON classes.id = analyses.class_id
"""  # noqa: S608


# The rank is counted for the rows that are shown, so that a threshold stays one range scan.
_SAMPLE_CLASSES = f"""
CREATE VIEW sample_classes AS
SELECT
  samples.id AS sample_id,
  {_PATH} AS path,
  classes.code AS class,
  class_probabilities.probability AS probability,
  1 + (
    SELECT count(*) FROM class_probabilities AS better
    WHERE better.analysis_id = class_probabilities.analysis_id
      AND better.probability > class_probabilities.probability
  ) AS rank
FROM class_probabilities
JOIN classes ON classes.id = class_probabilities.class_id
JOIN analyses ON analyses.id = class_probabilities.analysis_id
  AND analyses.network_id = {_NETWORK}
JOIN samples ON samples.content_id = analyses.content_id AND samples.failure IS NULL
JOIN roots ON roots.id = samples.root_id
"""  # noqa: S608


def views(columns: Container[str]) -> dict[str, str]:
    """Statements that create the views, by name, for `contents` with these columns."""
    keys = (fact.key for fact in FACTS if fact.key in columns)
    facts = ",\n  ".join(f"contents.{key} AS {key}" for key in keys)
    return {"sample_overview": _sample_overview(facts), "sample_classes": _SAMPLE_CLASSES}


VIEWS = tuple(views([fact.key for fact in FACTS]).values())


def renew_views(connection: Connection) -> None:
    """Make those views anew that there are, for the columns that there are.

    So a migration that adds or drops the column of a fact says nothing of views.
    """
    schema = inspect(connection)
    existing = schema.get_view_names()
    if not existing:
        return
    columns = {column["name"] for column in schema.get_columns("contents")}
    for name, statement in views(columns).items():
        if name in existing:
            connection.exec_driver_sql(f"DROP VIEW {name}")
            connection.exec_driver_sql(statement)
