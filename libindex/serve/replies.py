"""How a plain function becomes a route: JSON in, JSON or bytes out, errors as JSON.

Functions run in threads, since they read the database, decode, or search.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libindex.errors import BusyError, LibindexError, NotFoundError, UsageError
from libindex.paths import display, to_text
from libindex.serve.context import Context

MAX_BODY_BYTES = 2**20

Body = dict[str, Any]
Handler = Callable[[Context, Body], "Reply"]
Reply = Response | Mapping[str, Any]


class Refusal(Exception):  # noqa: N818 - it is an answer
    """An answer that is an error.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : str
        For programs, such as "offline".
    message : str
        For people: what is wrong, and what to do.
    path : str, optional
        The file that it is about.
    """

    def __init__(self, status: int, code: str, message: str, path: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.path = status, code, message, path

    def response(self) -> JSONResponse:
        """As it is sent."""
        error = {"code": self.code, "message": to_text(self.message)}
        if self.path is not None:
            error["path"] = display(self.path)
        return JSONResponse({"error": error}, self.status)


def route(path: str, method: str, handler: Handler, max_bytes: int = MAX_BODY_BYTES) -> Route:
    """A route that is answered by a function of the context and of what the page sent.

    Parameters of the path, such as ``{id:int}``, and of the query are in the body too.
    """

    async def endpoint(request: Request) -> Response:
        context: Context = request.app.state.context
        try:
            body = await _body(request, max_bytes)
            answer = await run_in_threadpool(handler, context, body)
        except Refusal as refusal:
            return refusal.response()
        except LibindexError as error:
            return refusal_of(error).response()
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    return Route(path, endpoint, methods=[method])


def refusal_of(error: LibindexError) -> Refusal:
    """An error of libindex as an answer."""
    path = None if error.path is None else str(error.path)
    if isinstance(error, NotFoundError):
        return Refusal(404, "not_found", error.reason, path)
    if isinstance(error, BusyError):
        return Refusal(409, "busy", error.reason, path)
    if isinstance(error, UsageError):
        return Refusal(400, "usage", error.reason, path)
    return Refusal(500, "failed", error.reason, path)


async def _body(request: Request, max_bytes: int) -> Body:
    body: Body = {**request.query_params, **request.path_params}
    if request.method in {"GET", "HEAD"}:
        return body
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "not_json", "send JSON")
    data = await received(request, max_bytes)
    try:
        sent = json.loads(data) if data else {}
        if b"\\u" in data:
            json.dumps(sent, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise Refusal(400, "not_json", "that is not JSON") from None
    if not isinstance(sent, dict):
        raise Refusal(400, "not_json", "an object is needed")
    return sent | body


async def received(request: Request, max_bytes: int) -> bytes:
    """What was sent; raises `Refusal` as soon as it is too much."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > max_bytes:
            raise Refusal(413, "too_large", f"more than {max_bytes:,} bytes")
    return bytes(data)


def ids_of(body: Body, key: str = "ids", at_most: int = 500) -> list[int]:
    """Ids of contents that the page sent.

    Raises
    ------
    Refusal
        If they are none.
    """
    ids = body.get(key)
    if not isinstance(ids, list) or not all(is_id(one) for one in ids):
        raise Refusal(400, "usage", f"{key} must be a list of ids")
    if len(ids) > at_most:
        raise Refusal(400, "usage", f"{key} has more than {at_most:,} ids")
    return ids


def id_of(body: Body) -> int:
    """The id of a content that the page sent.

    Raises
    ------
    Refusal
        If it is none.
    """
    value = body.get("id")
    if not is_id(value):
        raise Refusal(400, "usage", "id must be one")
    return value


def is_id(value: object) -> TypeGuard[int]:
    """Whether something that was sent may be the id of a content."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**32


def number_of(body: Body, key: str, low: float, high: float, default: float) -> float:
    """A number that the page sent, or the default.

    Raises
    ------
    Refusal
        If it is none, or out of range.
    """
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(400, "usage", f"{key} must be a number")
    if not low <= value <= high:  # nor is "not a number"
        raise Refusal(400, "usage", f"{key} must be from {low:g} to {high:g}")
    return value
