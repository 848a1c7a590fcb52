"""The map: settled, redrawn, or as it was before."""

from libindex.serve.context import Context
from libindex.serve.drawing import ACTIONS
from libindex.serve.replies import Body, Refusal, Reply, route


def _draw(context: Context, body: Body) -> Reply:
    action = body.get("action")
    if action == "undo":
        context.library.map.undo()
    elif action == "stop":
        context.drawing.cancel()
    elif action in ACTIONS:
        context.drawing.start(action)
    else:
        raise Refusal(400, "usage", f"action must be one of {', '.join(ACTIONS)}, undo, stop")
    return {}


ROUTES = (route("/api/map", "POST", _draw),)
