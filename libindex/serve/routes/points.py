"""All sounds as columns."""

from starlette.responses import Response

from libindex.serve.context import Context
from libindex.serve.replies import Body, Reply, route


def _points(context: Context, body: Body) -> Reply:
    data = context.points.table(since=body.get("since"))
    return Response(data, media_type="application/octet-stream")


ROUTES = (route("/api/points", "GET", _points),)
