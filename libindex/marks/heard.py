"""Which sounds were listened to."""

import json
import time
from collections.abc import Iterable

from sqlalchemy import text

from libindex.store.database import Database


def note_heard(database: Database, content_ids: Iterable[int]) -> None:
    """Note that sounds were heard, now.

    Parameters
    ----------
    database : Database
        The library.
    content_ids : iterable of int
        Those that are not in the library are ignored.
    """
    statement = text(
        "INSERT INTO heard (digest, heard_at)"
        " SELECT digest, :now FROM contents WHERE id IN (SELECT value FROM json_each(:ids))"
        " ON CONFLICT (digest) DO UPDATE SET heard_at = :now"
    )
    values = {"ids": json.dumps(list(content_ids)), "now": int(time.time())}
    with database.writing() as connection:
        connection.execute(statement, values)
