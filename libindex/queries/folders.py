"""Folders of the library, by their path or by the end of it."""

import os
from pathlib import Path

from sqlalchemy import Connection, select

from libindex.errors import NotFoundError
from libindex.paths import absolute, display, join
from libindex.queries.conditions import is_under
from libindex.store.schema import roots, samples

_FOLDERS_SHOWN = 10


def folder_of(connection: Connection, text: str) -> str:
    """The path of a folder of the library, or of one above it; by its path or the end of it.

    Raises
    ------
    NotFoundError
        If it is no part of the library, or several folders end so.
    """
    try:
        inside = is_under(connection, text)
        query = select(samples.c.id).where(inside).limit(1)
        if os.path.isabs(text) or connection.execute(query).first() is not None:  # noqa: PTH117
            return absolute(text)
    except NotFoundError:
        inside = None
    found = _folders_ending(connection, text)
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(display(path) for path in found[:_FOLDERS_SHOWN])
        rest = len(found) - _FOLDERS_SHOWN
        more = f" and {rest} more" if rest > 0 else ""
        raise NotFoundError(f"is the name of {len(found)} folders: {shown}{more}", text)
    if inside is None:
        raise NotFoundError("is not in the library; see: libindex status", text)
    return absolute(text)


def _folders_ending(connection: Connection, text: str) -> list[str]:
    """Folders of the library whose paths end so; case matters only if one is exactly the same."""
    wanted = Path(text).parts
    size, lower = len(wanted), [name.lower() for name in wanted]
    query = select(roots.c.path, samples.c.path).join_from(samples, roots)
    folders = {(root, path.rpartition(b"/")[0]) for root, path in connection.execute(query)}
    found: dict[Path, bool] = {}
    for root, below in folders:
        path = Path(join(root, below))
        for end in range(len(Path(os.fsdecode(root)).parts), len(path.parts) + 1):
            last = path.parts[max(0, end - size) : end]
            if [name.lower() for name in last] == lower:
                found[Path(*path.parts[:end])] = last == wanted
    exact = [path for path, is_exact in found.items() if is_exact]
    return sorted(map(str, exact or found))
