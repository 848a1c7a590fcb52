"""Tickets, and the files that they are for."""

import os
from urllib.parse import quote

from starlette.responses import FileResponse

from libindex.paths import to_text
from libindex.serve.context import Context
from libindex.serve.files import file_of
from libindex.serve.replies import Body, Refusal, Reply, id_of, route


def _ticket(context: Context, body: Body) -> Reply:
    content_id = id_of(body)
    path, _ = file_of(context.library, content_id)
    name = to_text(os.path.basename(path))  # noqa: PTH119
    return {"url": f"/t/{context.tickets.give(content_id)}/{quote(name, safe='')}", "name": name}


def _file(context: Context, body: Body) -> Reply:
    content_id = context.tickets.sound(body["ticket"])
    if content_id is None:
        raise Refusal(404, "not_found", "this address is too old")
    path, _ = file_of(context.library, content_id)
    name = to_text(os.path.basename(path))  # noqa: PTH119
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return FileResponse(path, headers=headers, media_type="application/octet-stream")


ROUTES = (
    route("/api/ticket", "POST", _ticket),
    # The name is for programs that take it from the address; it is not looked at.
    route("/t/{ticket}/{name}", "GET", _file),
)
