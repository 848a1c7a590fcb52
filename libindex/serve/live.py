"""Notices what changes in the database, whoever writes, and tells open pages."""

import threading
import time
from pathlib import Path

from libindex.errors import LibindexError
from libindex.serve.context import Context
from libindex.similarity.geography import Geography
from libindex.similarity.places import place_missing

_LOOK_S = 0.1
_PAUSE = 2.0  # after what took a second, nothing is done for this many
_RETRY_S = 2.0


class Live:
    """A thread that places new sounds, renews the points, and publishes "revision".

    Parameters
    ----------
    context : Context
        Of the server.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="serve live", daemon=True)
        self._geography: tuple[str, Geography | None] | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        database = self._context.library.database
        while not self._stopping.is_set():
            try:
                with database.observing() as version:
                    seen = None
                    while not self._stopping.wait(_LOOK_S):
                        now = version()
                        if now != seen:
                            started = time.monotonic()
                            self.update()
                            seen = now
                            self._stopping.wait(_PAUSE * (time.monotonic() - started))
            except LibindexError as error:  # it is locked, or away, for a moment
                self._context.events.publish("trouble", str(error))
                self._stopping.wait(_RETRY_S)

    def update(self) -> None:
        """Show what is in the database now."""
        points, events = self._context.points, self._context.events
        before = points.snapshot
        self._place()
        after = points.renew()
        if after.number == before.number:
            return
        added = max(0, len(after) - len(before))
        if after.base != before.base:  # also roots, the network or the map may be others
            events.publish("library", {})
        events.publish("revision", {"revision": points.revision, "added": added})

    def _place(self) -> None:
        library = self._context.library
        with library.reading() as (_, network):
            pass
        if network is None:
            return
        if self._geography is None or self._geography[0] != network.fingerprint:
            found = Geography.beside(Path(library.settings.model), network.fingerprint)
            self._geography = network.fingerprint, found
        place_missing(library.database, network.id, self._geography[1])
