"""Probability that a sound is percussion at all.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


# Not in batch mode, which would copy the table, and lose which ids of it were used before.
def upgrade() -> None:
    op.add_column("analyses", sa.Column("percussion", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("analyses", "percussion")
