"""Who is let in: programs of this machine that know the token, and the page that it opened.

Everything here happens before routing, for every request. What each rule is good for is in
SECURITY.md.
"""

import hmac
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libindex.serve.replies import Refusal

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CONTENT_POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Browsers name the outputs of sound only to who may use the microphone.
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(self), midi=(self)"),
)
_OPEN = frozenset({"/api/session"})  # asks for a code instead
_Headers = Mapping[bytes, list[bytes]]
_OWN_SITES = frozenset({b"same-origin", b"none"})


class Guard:
    """Refuses what does not come from this machine's own page, and sets the headers of all answers.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    port : int
        Where it listens.
    token : str
        What every request to ``/api`` has to bring.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            answer = refusal.response() if refusal else self._app
            await answer(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value)
        return self._foreign(headers) or self._unauthorised(headers, scope["path"])

    def _foreign(self, headers: _Headers) -> Refusal | None:
        """What does not come from a page of ours, or is too much."""
        host = headers.get(b"host", [])
        if len(host) != 1 or host[0] not in self._hosts:
            return Refusal(403, "host", "this is a page of one machine: open it at 127.0.0.1")
        # The one that is sent with every request that could change something, and with others.
        if headers.get(b"origin", [b"http://" + host[0]]) != [b"http://" + host[0]]:
            return Refusal(403, "origin", "another page may not ask this one")
        if any(b"," in value for value in headers.get(b"range", [])):
            return Refusal(416, "ranges", "one range at a time")
        return None

    def _unauthorised(self, headers: _Headers, path: str) -> Refusal | None:
        if not path.startswith(("/api/", "/t/")):
            return None
        if not set(headers.get(b"sec-fetch-site", [])) <= _OWN_SITES:
            return Refusal(403, "site", "another page may not ask this one")
        if path.startswith("/api/") and path not in _OPEN and not self._knows_token(headers):
            return Refusal(401, "token", "open the page again: libindex serve")
        return None

    def _knows_token(self, headers: _Headers) -> bool:
        given = headers.get(b"authorization", [])
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            sent = {name for name, _ in message.get("headers", ())}
            more = [(name, value) for name, value in _HEADERS if name not in sent]
            if b"cache-control" not in sent:
                more.append((b"cache-control", b"no-store"))
            message["headers"] = [*message.get("headers", ()), *more]
        await send(message)

    return sending
