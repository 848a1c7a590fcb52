"""What the page shows of the library as a whole."""

import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from libindex import __version__
from libindex.instruments import FAMILIES, family_of, name_of
from libindex.kits import LAYOUTS
from libindex.kits.formats import FORMATS
from libindex.paths import display
from libindex.queries import Network
from libindex.serve import drawing
from libindex.serve.context import Context
from libindex.serve.replies import Body, Reply, route
from libindex.serve.routes import desktop
from libindex.serve.watching import as_json
from libindex.similarity import places
from libindex.similarity.geography import Geography
from libindex.similarity.settling import can_settle, other_map
from libindex.store.roots import all_roots
from libindex.store.schema import samples

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _overview(context: Context, _: Body) -> Reply:
    library = context.library
    with library.reading() as (connection, network):
        found = {
            "network": None if network is None else _network(network),
            "roots": _roots(connection),
            "map": None if network is None else _map(connection, network, context),
        }
    return {
        "version": __version__,
        "id": hashlib.sha256(os.fsencode(library.database.path)).hexdigest()[:16],
        "revision": context.points.revision,
        "families": [{"key": family.key, "name": family.name} for family in FAMILIES],
        **found,
        "watching": as_json(context.watching.now),
        "drawing": drawing.as_json(context.drawing.now),
        "capabilities": {
            "reveal": desktop.can_reveal(),
            "layouts": list(LAYOUTS),
            "formats": [{"name": one.name, "title": one.title} for one in FORMATS.values()],
        },
        "shelf": display(library.settings.shelf),
        "kits": display(library.settings.kits),
    }


def _network(network: Network) -> dict[str, Any]:
    classes = [{"code": c, "name": name_of(c), "family": family_of(c)} for c in network.classes]
    return {"name": network.name, "classes": classes}


def _roots(connection: "Connection") -> list[dict[str, Any]]:
    query = select(samples.c.root_id, func.count()).group_by(samples.c.root_id)
    counts = {root_id: count for root_id, count in connection.execute(query)}  # noqa: C416
    return [
        {
            "id": root.id,
            "path": display(root.path),
            "online": root.is_online,
            "samples": counts.get(root.id, 0),
        }
        for root in all_roots(connection)
    ]


def _map(connection: "Connection", network: Network, context: Context) -> dict[str, Any] | None:
    current = places.current_map(connection, network.id)
    if current is None:
        return None
    geography = Geography.beside(Path(context.library.settings.model), network.fingerprint)
    found = places.regions(connection, network.id, network.classes, geography)
    return {
        "generation": current.id,
        "kind": current.kind,
        "regions": [asdict(region) for region in found],
        "can_settle": can_settle(),
        "can_redraw": geography is not None,
        "can_undo": other_map(connection, network.id) is not None,
    }


ROUTES = (route("/api/library", "GET", _overview),)
