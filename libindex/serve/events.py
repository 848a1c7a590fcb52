"""What open pages are told as it happens: a stream of events, which a page reads as they come."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

Event = tuple[str, Any]

_QUIET_S = 15.0  # then a comment is sent, so that both ends notice when the other is gone
_KEPT = 1_000  # events for a page that does not read; it looks at everything when it is back
_END: Event = ("", None)


class Events:
    """Passes events on to every open page. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Queue[Event], asyncio.AbstractEventLoop] = {}
        self._is_closed = False

    def publish(self, kind: str, data: Any) -> None:
        """Tell every open page; `data` is sent as JSON."""
        with self._lock:
            for listener, loop in self._listeners.items():
                with contextlib.suppress(RuntimeError):  # that loop has ended
                    loop.call_soon_threadsafe(_put, listener, (kind, data))

    def close(self) -> None:
        """End all streams, also those that are opened later."""
        with self._lock:
            self._is_closed = True
        self.publish(*_END)

    async def stream(self) -> AsyncIterator[bytes]:
        """What is published from now on, as ``text/event-stream``."""
        listener: asyncio.Queue[Event] = asyncio.Queue(_KEPT)
        with self._lock:
            self._listeners[listener] = asyncio.get_running_loop()
        try:
            yield b": hello\n\n"
            while not self._is_closed:
                try:
                    event = await asyncio.wait_for(listener.get(), _QUIET_S)
                except TimeoutError:
                    yield b": still here\n\n"
                else:
                    if event == _END:
                        return
                    yield f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n".encode()
        finally:
            with self._lock:
                del self._listeners[listener]


def _put(listener: asyncio.Queue[Event], event: Event) -> None:
    with contextlib.suppress(asyncio.QueueFull):
        listener.put_nowait(event)
