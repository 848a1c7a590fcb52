"""Views for other SQLite tools.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"

SAMPLE_OVERVIEW = """
CREATE VIEW sample_overview AS
SELECT
  samples.id AS sample_id,
  rtrim(CASE
    WHEN CAST(roots.path AS TEXT) NOT GLOB '*[^ -~]*' THEN CAST(roots.path AS TEXT)
    ELSE (
      WITH RECURSIVE reading(done, rest) AS (
        SELECT '', CAST(roots.path AS TEXT)
        UNION ALL
        SELECT done || char(unicode(rest)), substr(rest, 2) FROM reading WHERE rest <> ''
      )
      SELECT done FROM reading WHERE rest = ''
    )
  END, '/') || '/' || CASE
    WHEN CAST(samples.path AS TEXT) NOT GLOB '*[^ -~]*' THEN CAST(samples.path AS TEXT)
    ELSE (
      WITH RECURSIVE reading(done, rest) AS (
        SELECT '', CAST(samples.path AS TEXT)
        UNION ALL
        SELECT done || char(unicode(rest)), substr(rest, 2) FROM reading WHERE rest <> ''
      )
      SELECT done FROM reading WHERE rest = ''
    )
  END AS path,
  CASE
    WHEN CAST(roots.path AS TEXT) NOT GLOB '*[^ -~]*' THEN CAST(roots.path AS TEXT)
    ELSE (
      WITH RECURSIVE reading(done, rest) AS (
        SELECT '', CAST(roots.path AS TEXT)
        UNION ALL
        SELECT done || char(unicode(rest)), substr(rest, 2) FROM reading WHERE rest <> ''
      )
      SELECT done FROM reading WHERE rest = ''
    )
  END AS root,
  samples.name AS name,
  classes.code AS class,
  analyses.probability AS probability,
  analyses.percussion AS percussion,
  contents.duration_s AS duration_s,
  contents.centroid_hz AS centroid_hz,
  contents.loudness_dbfs AS loudness_dbfs,
  contents.peak AS peak,
  contents.sample_rate AS sample_rate,
  contents.channels AS channels,
  contents.container AS container,
  contents.encoding AS encoding,
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
  AND analyses.network_id = (SELECT id FROM networks ORDER BY used_at DESC, id DESC LIMIT 1)
LEFT JOIN classes ON classes.id = analyses.class_id
"""

SAMPLE_CLASSES = """
CREATE VIEW sample_classes AS
SELECT
  samples.id AS sample_id,
  rtrim(CASE
    WHEN CAST(roots.path AS TEXT) NOT GLOB '*[^ -~]*' THEN CAST(roots.path AS TEXT)
    ELSE (
      WITH RECURSIVE reading(done, rest) AS (
        SELECT '', CAST(roots.path AS TEXT)
        UNION ALL
        SELECT done || char(unicode(rest)), substr(rest, 2) FROM reading WHERE rest <> ''
      )
      SELECT done FROM reading WHERE rest = ''
    )
  END, '/') || '/' || CASE
    WHEN CAST(samples.path AS TEXT) NOT GLOB '*[^ -~]*' THEN CAST(samples.path AS TEXT)
    ELSE (
      WITH RECURSIVE reading(done, rest) AS (
        SELECT '', CAST(samples.path AS TEXT)
        UNION ALL
        SELECT done || char(unicode(rest)), substr(rest, 2) FROM reading WHERE rest <> ''
      )
      SELECT done FROM reading WHERE rest = ''
    )
  END AS path,
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
  AND analyses.network_id = (SELECT id FROM networks ORDER BY used_at DESC, id DESC LIMIT 1)
JOIN samples ON samples.content_id = analyses.content_id AND samples.failure IS NULL
JOIN roots ON roots.id = samples.root_id
"""


def upgrade() -> None:
    op.execute(SAMPLE_OVERVIEW)
    op.execute(SAMPLE_CLASSES)


def downgrade() -> None:
    op.execute("DROP VIEW sample_classes")
    op.execute("DROP VIEW sample_overview")
