"""Outlines of sounds, as they are stored."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from libindex.store.schema import outlines


def known_outlines(connection: Connection, content_ids: Sequence[int]) -> dict[int, bytes]:
    """The outlines of contents, as far as they are known."""
    wanted = func.json_each(json.dumps(list(content_ids))).table_valued("value")
    query = select(outlines).where(outlines.c.content_id.in_(select(wanted.c.value)))
    return {row.content_id: row.peaks for row in connection.execute(query)}


def record_outlines(connection: Connection, found: Mapping[int, bytes]) -> None:
    """Store outlines; those that are there already stay."""
    rows = [{"content_id": content, "peaks": peaks} for content, peaks in found.items()]
    if rows:
        connection.execute(insert(outlines).on_conflict_do_nothing(), rows)
