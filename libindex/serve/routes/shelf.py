"""The shelf."""

from typing import Any

from sqlalchemy import select

from libindex.export.shelf import Entry, Shelf
from libindex.paths import display, to_text
from libindex.serve.context import Context
from libindex.serve.files import file_of
from libindex.serve.inside import check_outside
from libindex.serve.replies import Body, Refusal, Reply, ids_of, route
from libindex.store.schema import contents


def _shelf(context: Context) -> Shelf:
    return Shelf(context.library.settings.shelf)


def _where(context: Context, digest: str) -> str | None:
    """Where a file of some content is now."""
    query = select(contents.c.id).where(contents.c.digest == bytes.fromhex(digest))
    with context.library.database.reading() as connection:
        content_id = connection.execute(query).scalar()
    try:
        return None if content_id is None else file_of(context.library, content_id)[0]
    except Refusal:
        return None


def _shown(context: Context, entries: list[Entry]) -> dict[str, Any]:
    digests = [bytes.fromhex(entry.digest) for entry in entries]
    query = select(contents.c.digest, contents.c.id).where(contents.c.digest.in_(digests))
    with context.library.database.reading() as connection:
        ids = {row.digest: row.id for row in connection.execute(query)}
    shown = [
        {"id": ids.get(digest), "name": to_text(entry.name)}
        for entry, digest in zip(entries, digests, strict=True)
    ]
    return {"folder": display(context.library.settings.shelf), "entries": shown}


def _list(context: Context, _: Body) -> Reply:
    return _shown(context, _shelf(context).entries(lambda digest: _where(context, digest)))


def _add(context: Context, body: Body) -> Reply:
    check_outside(context.library, context.library.settings.shelf, "LIBINDEX_SHELF")
    shelf = _shelf(context)
    known = {entry.digest for entry in shelf.entries()}
    files = {one: file_of(context.library, one) for one in ids_of(body)}
    entries = shelf.add([(path, digest.hex()) for path, digest in files.values()])
    context.events.publish("shelf", {})
    added = [one for one, (_, digest) in files.items() if digest.hex() not in known]
    return {**_shown(context, entries), "added": added}


def _remove(context: Context, body: Body) -> Reply:
    """By id, or, of sounds that are not in the library any more, by name."""
    names = body.get("names", [])
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise Refusal(400, "usage", "names must be a list of names")
    query = select(contents.c.digest).where(contents.c.id.in_(ids_of(body)))
    with context.library.database.reading() as connection:
        digests = [digest.hex() for digest in connection.execute(query).scalars()]
    shelf = _shelf(context)
    unwanted = [one.name for one in shelf.entries() if to_text(one.name) in names]
    entries = shelf.remove(digests, unwanted)
    context.events.publish("shelf", {})
    return _shown(context, entries)


ROUTES = (
    route("/api/shelf", "GET", _list),
    route("/api/shelf", "POST", _add),
    route("/api/shelf/remove", "POST", _remove),
)
