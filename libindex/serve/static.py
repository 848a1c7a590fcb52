"""The files of the page: a fixed few, read at the start, so no request names a file."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "main.js": "text/javascript; charset=utf-8",
    "theme.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    packed: bytes
    media_type: str
    tag: str


def static_routes() -> list[Route]:
    """A route for each file, and for the page itself."""
    folder = resources.files("libindex.serve") / "static"
    routes = []
    for name, media_type in _TYPES.items():
        content = (folder / name).read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        file = _File(content, gzip.compress(content, mtime=0), media_type, tag)
        routes.append(_route(f"/{name}", file))
        if name == "index.html":
            routes.append(_route("/", file))
    return routes


def _route(path: str, file: _File) -> Route:
    headers = {"etag": file.tag, "cache-control": "no-cache", "vary": "accept-encoding"}

    async def endpoint(request: Request) -> Response:
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            packed = headers | {"content-encoding": "gzip"}
            return Response(file.packed, headers=packed, media_type=file.media_type)
        return Response(file.content, headers=headers, media_type=file.media_type)

    return Route(path, endpoint, methods=["GET"])
