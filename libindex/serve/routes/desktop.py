"""Showing a file in the system's file manager."""

import os
import shutil
import subprocess
import sys
import threading
import time
from urllib.parse import quote

from libindex.errors import LibindexError
from libindex.serve.context import Context
from libindex.serve.files import file_of
from libindex.serve.replies import Body, Refusal, Reply, id_of, route

_PAUSE_S = 1.0
_WAIT_S = 5.0

_lock = threading.Lock()
_last = [float("-inf")]


def can_reveal() -> bool:
    """Whether this system has what `reveal` needs."""
    if sys.platform in {"darwin", "win32"}:
        return True
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return has_display and bool(shutil.which("gdbus") or shutil.which("xdg-open"))


def reveal(path: str) -> None:
    """Show a file in the file manager, selected where that can be done.

    Raises
    ------
    LibindexError
        If there is no file manager to ask.
    """
    for command in _commands(path):
        try:
            done = subprocess.run(command, capture_output=True, timeout=_WAIT_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        # Windows' explorer says 1 when all is well.
        if done.returncode == 0 or sys.platform == "win32":
            return
    raise LibindexError("no file manager answered", path)


def _commands(path: str) -> list[list[str]]:
    """What to try, in this order; no shell reads the path."""
    folder = os.path.dirname(path)  # noqa: PTH120
    if sys.platform == "darwin":
        return [["open", "-R", path]]
    if sys.platform == "win32":
        return [["explorer", f"/select,{path}"]]
    uri = "file://" + quote(os.fsencode(path))
    show = [
        *("gdbus", "call", "--session", "--dest", "org.freedesktop.FileManager1"),
        *("--object-path", "/org/freedesktop/FileManager1"),
        *("--method", "org.freedesktop.FileManager1.ShowItems", f"['{uri}']", ""),
    ]
    return [show, ["xdg-open", folder]]


def _reveal(context: Context, body: Body) -> Reply:
    content_id = id_of(body)
    if not can_reveal():
        raise Refusal(501, "no_desktop", "no file manager can be asked from here")
    path, _ = file_of(context.library, content_id)
    with _lock:
        if time.monotonic() - _last[0] < _PAUSE_S:
            raise Refusal(429, "too_often", "one file a second")
        _last[0] = time.monotonic()
    reveal(path)
    return {}


ROUTES = (route("/api/reveal", "POST", _reveal),)
