"""Folders to add: the server looks where samples usually are, and the page names one of these."""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from libindex.disk.filesystems import mounts
from libindex.paths import display, is_audio, relative_to
from libindex.serve.context import Context
from libindex.serve.replies import Body, Refusal, Reply, route
from libindex.store.roots import all_roots

_SECONDS = 0.4  # to look, in all
_NAMES = ("Samples", "samples", "Music/Samples", "Documents/Samples", "Sounds", "Splice", "Music")
_DRIVES = ("/media", "/run/media", "/mnt", "/Volumes")


def candidates() -> list[str]:
    """Folders where samples may be, those that are most likely first."""
    home = Path.home()
    named = [home / name for name in _NAMES]
    drives = [
        Path(point)
        for point in mounts()
        if any(relative_to(point, top) for top in _DRIVES) or sys.platform == "win32"
    ]
    found = (os.path.realpath(path) for path in (*named, *drives) if path.is_dir())
    return list(dict.fromkeys(found))


def suggestions(known: list[str]) -> list[dict[str, Any]]:
    """Candidates that have audio files, without those that are in the library already."""
    end = time.monotonic() + _SECONDS
    found: list[dict[str, Any]] = []
    for path in candidates():
        inside = [*known, *(one["path"] for one in found)]
        if any(relative_to(path, other) is not None for other in inside):
            continue
        files, more = _count(path, end)
        if files:
            found.append({"id": _id(path), "path": path, "files": files, "more": more})
    return [{**one, "path": display(one["path"])} for one in found]


def _count(folder: str, end: float) -> tuple[int, bool]:
    """Audio files below a folder, and whether the look was cut short."""
    files = 0
    for name in _names(folder):
        files += is_audio(name)
        if time.monotonic() > end:
            return files, True
    return files, False


def _names(folder: str) -> Iterator[str]:
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (name for name in files if not name.startswith("."))


def _id(path: str) -> str:
    return hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()


def _suggestions(context: Context, _: Body) -> Reply:
    with context.library.database.reading() as connection:
        known = [root.path for root in all_roots(connection)]
    return {"folders": suggestions(known)}


def _add(context: Context, body: Body) -> Reply:
    for path in candidates():
        if body.get("id") == _id(path):
            context.library.add(path)
            return {}
    raise Refusal(404, "not_found", "that folder is not there any more")


ROUTES = (
    route("/api/suggestions", "GET", _suggestions),
    route("/api/add", "POST", _add),
)
