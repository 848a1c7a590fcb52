"""Outlines, the map, what was heard, and the log of changes.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = ("outlines", "places", "maps", "heard", "changes")
OF_OTHERS = (
    *("samples_added", "samples_removed", "samples_changed", "contents_changed"),
    *("analyses_added", "analyses_changed", "analyses_removed"),
    *("roots_added", "roots_removed", "roots_changed"),
)


def upgrade() -> None:
    op.create_table(
        "outlines",
        sa.Column("content_id", sa.Integer(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_id"],
            ["contents.id"],
            name="fk_outlines_content_id_contents",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("content_id", name="pk_outlines"),
    )
    op.create_table(
        "maps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("made_at", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name="fk_maps_network_id_networks", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_maps"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "places",
        sa.Column("map_id", sa.Integer(), nullable=False),
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["map_id"], ["maps.id"], name="fk_places_map_id_maps", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name="fk_places_analysis_id_analyses",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("map_id", "analysis_id", name="pk_places"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_places_analysis_id", "places", ["analysis_id"])
    op.create_table(
        "heard",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_heard"),
        sqlite_with_rowid=False,
    )
    # Its triggers are created after the migration, as all are.
    op.create_table(
        "changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for trigger in OF_OTHERS:
        op.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    for table in TABLES:
        op.drop_table(table)
