"""Sounds as rows of the list, and one of them with everything that is known."""

import json
import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, text

from libindex.paths import display, is_utf8, join, to_text
from libindex.queries import Network
from libindex.queries.outputs import probabilities
from libindex.serve.context import Context
from libindex.serve.replies import Body, Refusal, Reply, ids_of, route
from libindex.sound.facts import FACTS
from libindex.store.schema import heard

_QUERY = text(
    "SELECT samples.path, samples.added_at, roots.path AS root, roots.is_online,"
    " classes.code, analyses.probability, analyses.percussion, contents.*"
    " FROM samples JOIN roots ON roots.id = samples.root_id"
    " JOIN contents ON contents.id = samples.content_id"
    " JOIN analyses ON analyses.content_id = contents.id AND analyses.network_id = :network"
    " JOIN classes ON classes.id = analyses.class_id"
    " WHERE contents.id IN (SELECT value FROM json_each(:ids)) AND samples.failure IS NULL"
    " ORDER BY roots.is_online DESC, roots.path, samples.path"
)


def rows(connection: Connection, network: Network, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Sounds, in this order; those that are not there are left out.

    Each is shown by the path of its first sample that is online.
    """
    found: dict[int, dict[str, Any]] = {}
    values = {"network": network.id, "ids": json.dumps(list(ids))}
    for row in connection.execute(_QUERY, values):
        path = join(row.root, row.path)
        if row.id in found:
            found[row.id]["copies"].append(display(path))
        else:
            found[row.id] = _row(row, path)
    return [found[one] for one in ids if one in found]


def _row(row: Row[Any], path: str) -> dict[str, Any]:
    folder, name = os.path.split(path)
    top = os.path.dirname(os.fsdecode(row.root))  # noqa: PTH120 - names that are not UTF-8
    shown = {
        "id": row.id,
        "name": to_text(name),
        "folder": to_text(os.path.relpath(folder, top)),
        "path": to_text(path),
        "online": bool(row.is_online),
        "copies": [],
        "class": row.code,
        "probability": row.probability,
        "percussion": row.percussion,
        "facts": {fact.key: getattr(row, fact.key) for fact in FACTS},
        "added_at": row.added_at,
        "warning": row.warning,
    }
    return shown if is_utf8(path) else shown | {"path_hex": os.fsencode(path).hex()}


def _rows(context: Context, body: Body) -> Reply:
    ids = ids_of(body)
    with context.library.reading() as (connection, network):
        return {"rows": [] if network is None else rows(connection, network, ids)}


def _sound(context: Context, body: Body) -> Reply:
    with context.library.reading() as (connection, network):
        found = rows(connection, network, [body["id"]]) if network else []
        if network is None or not found:
            raise Refusal(404, "not_found", "there is no such sound any more")
        [outputs] = probabilities(connection, network, [body["id"]])
        digest = text("SELECT digest FROM contents WHERE id = :id")
        key = connection.execute(digest, {"id": body["id"]}).scalar()
        when = select(heard.c.heard_at).where(heard.c.digest == key)
        by_class = zip(network.classes, map(float, outputs), strict=True)
        return {
            **found[0],
            "probabilities": dict(sorted(by_class, key=lambda item: -item[1])),
            "heard_at": connection.execute(when).scalar(),
        }


ROUTES = (
    route("/api/rows", "POST", _rows),
    route("/api/sounds/{id:int}", "GET", _sound),
)
