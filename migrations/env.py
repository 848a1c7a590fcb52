"""Alembic's environment, run by `libindex.store.database` or by `alembic` itself."""

from alembic import context
from sqlalchemy import Connection

from libindex import settings
from libindex.store.database import engine_for_migrations
from libindex.store.schema import metadata
from libindex.store.triggers import renew_triggers
from libindex.store.views import renew_views


def _run(connection: Connection) -> None:
    # SQLite can't alter tables: Alembic copies them instead ("batch").
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True
    )
    with context.begin_transaction():
        context.run_migrations()
        renew_views(connection)
        renew_triggers(connection)


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    location = context.get_x_argument(as_dictionary=True).get("db") or settings.load().db
    with engine_for_migrations(location).begin() as own:
        _run(own)
