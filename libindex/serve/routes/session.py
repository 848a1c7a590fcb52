"""Exchanging a code for the token, and asking for another code."""

from libindex import __version__
from libindex.serve.context import Context
from libindex.serve.replies import Body, Refusal, Reply, route


def _exchange(context: Context, body: Body) -> Reply:
    code = body.get("code")
    token = context.session.exchange(code) if isinstance(code, str) else None
    if token is None:
        raise Refusal(401, "code", "this address was used or is too old; run: libindex serve")
    return {"token": token, "version": __version__}


def _code(context: Context, _: Body) -> Reply:
    return {"code": context.session.new_code()}


ROUTES = (
    route("/api/session", "POST", _exchange),
    route("/api/code", "POST", _code),
)
