"""The stream of events."""

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from libindex.serve.context import Context


async def _stream(request: Request) -> StreamingResponse:
    context: Context = request.app.state.context
    return StreamingResponse(context.events.stream(), media_type="text/event-stream")


ROUTES = (Route("/api/events", _stream, methods=["GET"]),)
