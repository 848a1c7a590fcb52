"""What the page notes of the user."""

from libindex.marks.heard import note_heard
from libindex.serve.context import Context
from libindex.serve.replies import Body, Reply, ids_of, route


def _heard(context: Context, body: Body) -> Reply:
    note_heard(context.library.database, ids_of(body))
    return {}


ROUTES = (route("/api/heard", "POST", _heard),)
