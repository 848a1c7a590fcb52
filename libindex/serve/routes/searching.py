"""The search box, and the folders of the library."""

import os
import re
from collections import Counter
from typing import Any

import numpy as np
from sqlalchemy import func, select

from libindex.errors import UsageError
from libindex.paths import to_text
from libindex.queries import Filters
from libindex.queries.conditions import conditions
from libindex.queries.resolving import meanings, resolved
from libindex.serve.context import Context
from libindex.serve.filtering import folder_id, folder_path
from libindex.serve.replies import Body, Refusal, Reply, route
from libindex.serve.tables import table
from libindex.store.roots import all_roots
from libindex.store.schema import contents, samples

_MOST = 1_000  # characters
_LEVELS = 2  # of folders below a root
_WORD = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')


def parsed(line: str) -> tuple[list[str], list[str]]:
    """Words of a search, and those behind a minus; "several words" in quotes are one."""
    words: list[str] = []
    unwanted: list[str] = []
    for minus, quoted, plain in _WORD.findall(line):
        word = quoted or plain
        if word and word != "-":
            (unwanted if minus else words).append(word)
    return words, unwanted


def _search(context: Context, body: Body) -> Reply:
    line, folder = body.get("text", ""), body.get("folder")
    if not isinstance(line, str) or len(line) > _MOST:
        raise Refusal(400, "usage", f"text must be at most {_MOST} characters")
    words, unwanted = parsed(line)
    problem = None
    ids: list[int] = []
    with context.library.reading() as (connection, network):
        if network is None:
            return table({"understood": [], "all": True, "problem": None}, _column([]))
        under = None if folder is None else folder_path(connection, folder)
        understood = [
            {"word": one.word, "classes": one.classes, "not": is_not}
            for is_not, of_these in ((False, words), (True, unwanted))
            for one in meanings(of_these, network.classes)
        ]
        wanted = Filters(words=tuple(words), without=tuple(unwanted), under=under)
        try:
            wanted = resolved(connection, network, wanted)
        except UsageError as error:
            problem = error.reason
        # Classes are compared by the page, together with those that are chosen there.
        by_name = Filters(names=wanted.names, not_names=wanted.not_names, under=under)
        is_all = by_name == Filters() and problem is None
        if not is_all and problem is None:
            query = (
                select(samples.c.content_id)
                .distinct()
                .join(contents, contents.c.id == samples.c.content_id)
                .where(samples.c.failure.is_(None), *conditions(connection, by_name))
            )
            ids = list(connection.execute(query).scalars())
    return table({"understood": understood, "all": is_all, "problem": problem}, _column(ids))


def _column(ids: list[int]) -> dict[str, Any]:
    return {"id": np.array(ids, np.uint32)}


def _folders(context: Context, _: Body) -> Reply:
    separator = os.sep.encode()
    found = []
    with context.library.database.reading() as connection:
        for root in all_roots(connection):
            query = select(samples.c.path).where(
                samples.c.root_id == root.id, samples.c.failure.is_(None)
            )
            paths = connection.execute(query).scalars()
            folders = Counter(path.rpartition(separator)[0] for path in paths)
            counts: Counter[bytes] = Counter()
            for folder, sounds in folders.items():
                parts = folder.split(separator)[:_LEVELS] if folder else []
                for depth in range(len(parts) + 1):
                    counts[separator.join(parts[:depth])] += sounds
            for below, count in sorted(counts.items()):
                name = os.path.basename(below or os.fsencode(root.path))  # noqa: PTH119
                found.append(
                    {
                        "id": folder_id(root, below),
                        "name": to_text(name),
                        "depth": 0 if not below else below.count(separator) + 1,
                        "sounds": count,
                    }
                )
    return {"folders": found}


def _names(context: Context, _: Body) -> Reply:
    """All sounds in order of name."""
    first = func.min(func.lower(samples.c.name))
    query = (
        select(samples.c.content_id)
        .where(samples.c.failure.is_(None), samples.c.content_id.is_not(None))
        .group_by(samples.c.content_id)
        .order_by(first, samples.c.content_id)
    )
    with context.library.database.reading() as connection:
        return table({}, _column(list(connection.execute(query).scalars())))


ROUTES = (
    route("/api/search", "POST", _search),
    route("/api/names", "GET", _names),
    route("/api/folders", "GET", _folders),
)
