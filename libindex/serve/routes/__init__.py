"""What the page asks for: each module has the routes of one matter.

A route is a function of the `Context` and of what was sent; see `libindex.serve.replies`.
"""

from starlette.routing import Route

from libindex.serve.routes import (
    adding,
    desktop,
    drawing,
    events,
    kits,
    marking,
    overview,
    points,
    rows,
    searching,
    session,
    shelf,
    similar,
    sound,
    tickets,
)

ROUTES: tuple[Route, ...] = tuple(
    route
    for module in (
        *(adding, desktop, drawing, events, kits, marking, overview, points, rows),
        *(searching, session, shelf, similar, sound, tickets),
    )
    for route in module.ROUTES
)
