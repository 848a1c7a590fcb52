"""The server: routes behind the guard, and what runs beside them."""

import contextlib
import gc
import importlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from libindex.errors import LibindexError
from libindex.library import Library
from libindex.serve.context import Context
from libindex.serve.guard import Guard
from libindex.serve.live import Live
from libindex.serve.memory import share_heaps
from libindex.serve.replies import Refusal
from libindex.serve.routes import ROUTES
from libindex.serve.running import Note, address, remove_note, write_note
from libindex.serve.session import new_token
from libindex.serve.static import static_routes
from libindex.store import locking

HOST = "127.0.0.1"
"""There is no option for another one: this page is for this machine."""

_OTHER_PORTS = 20  # that are tried if nobody asked for the first one

_log = logging.getLogger("libindex.serve")


def application(context: Context, port: int) -> ASGIApp:
    """The page of a library, as an ASGI application that listens at a port of 127.0.0.1."""
    app = Starlette(
        routes=[*ROUTES, *static_routes()],
        exception_handlers={HTTPException: _http_error, Exception: _unforeseen},
    )
    app.state.context = context
    return Guard(app, port=port, token=context.session.token)


def listen(port: int, *, is_named: bool) -> socket.socket:
    """A socket at a port of 127.0.0.1, or, if nobody named the port, at one of the next.

    Raises
    ------
    LibindexError
        If none of them is free.
    """
    ports = [port] if is_named or port == 0 else range(port, port + _OTHER_PORTS)
    for one in ports:
        # With the protocol named, asyncio sets TCP_NODELAY; else answers wait 40 ms for an ACK.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":  # elsewhere it would share the port with another program
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, one))
            listening.listen()
        except OSError:
            listening.close()
        else:
            return listening
    raise LibindexError(f"port {port} is taken by another program; try: --port 0")


def run(library: Library, listening: socket.socket, on_ready: Callable[[str], None]) -> None:
    """Serve a library until SIGINT or SIGTERM.

    Parameters
    ----------
    library : Library
        What is shown.
    listening : socket
        See `listen`.
    on_ready : callable
        Called with the address to open.

    Raises
    ------
    BusyError
        If another process serves it.
    """
    share_heaps()
    database = library.database.path
    port = listening.getsockname()[1]
    with locking.server_lock(database):
        server = Server(library, port, on_ready)
        with server.beside():
            write_note(database, Note(port, os.getpid()))
            try:
                with _signals_end_it():
                    server.run(sockets=[listening])
            finally:
                remove_note(database)


class Server(uvicorn.Server):
    """Serves one library; `run` in the main thread ends at SIGINT and SIGTERM.

    Parameters
    ----------
    library : Library
        What is shown.
    port : int
        Where it will listen.
    on_ready : callable
        Called with the address to open.
    """

    def __init__(self, library: Library, port: int, on_ready: Callable[[str], None]) -> None:
        library.database.spare_memory()
        self._context = Context.of(library, new_token(library.database.path))
        self._port, self._on_ready = port, on_ready
        super().__init__(
            uvicorn.Config(
                application(self._context, port),
                access_log=False,  # no address or token is ever logged
                log_config=None,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                ws="none",
                lifespan="off",
                loop="asyncio",
                http="h11",
                timeout_graceful_shutdown=1,
            )
        )

    @property
    def token(self) -> str:
        """What every request has to bring."""
        return self._context.session.token

    @contextlib.contextmanager
    def beside(self) -> Iterator[None]:
        """What runs beside the server: watching, and noticing what changes."""
        live = Live(self._context)
        with contextlib.ExitStack() as ending:  # all of it, also if one is interrupted
            for one in (self._context.watching, live):
                one.start()
                ending.callback(one.stop)
            ending.callback(self._context.drawing.stop)
            threading.Thread(target=_warm_up, daemon=True).start()
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        gc.freeze()  # what was imported never goes away: it need not be looked through
        self._on_ready(address(self._port, self._context.session.new_code()))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; the streams of events first, which would be waited for."""
        self._context.events.close()
        await super().shutdown(sockets)


def _warm_up() -> None:
    """Import what the first sound and the first search by example would wait for."""
    for name in ("scipy.signal", "soundfile", "faiss"):
        importlib.import_module(name)


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    """Have no other effect of SIGINT and SIGTERM: uvicorn raises them again when it has ended."""
    kept = {one: signal.signal(one, _ignore) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


def _ignore(*_: object) -> None:
    pass


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "not_found" if error.status_code == 404 else "refused"
    return Refusal(error.status_code, code, error.detail).response()


async def _unforeseen(_: Request, error: Exception) -> Response:
    _log.error("a request failed", exc_info=error)
    return Refusal(500, "failed", "libindex failed; its log says more").response()
