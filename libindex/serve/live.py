"""Notices what changes in the database, whoever writes, and tells open pages."""

import logging
import threading
import time
from pathlib import Path

from sqlalchemy import func, select

from libindex.errors import LibindexError
from libindex.serve.context import Context
from libindex.similarity.geography import Geography
from libindex.similarity.places import current_map, place_missing
from libindex.store.schema import analyses

_LOOK_S = 0.1
_PAUSE = 2.0  # after what took a second, nothing is done for this many
_RETRY_S = 2.0
_KEEP_S = 60.0
_PLACED_AT_ONCE = 10_000  # then they are shown

_log = logging.getLogger("libindex.serve")


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
        self._placed: tuple[object, ...] | None = None  # what had all its places

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
                self._context.points.keep()
            except LibindexError as error:  # it is locked, or away, for a moment
                self._failed(str(error))
            except Exception as error:  # noqa: BLE001 - without this thread the page would stand still
                _log.exception("the page could not be brought up to date")
                self._failed(f"the page could not be brought up to date: {error}")

    def _follow(self) -> None:
        """Look for changes until the end."""
        with self._context.library.database.observing() as version:
            seen, kept_at = None, time.monotonic()
            while not self._stopping.wait(_LOOK_S):
                now, started = version(), time.monotonic()
                if now != seen:
                    self.update()
                    seen = now
                    self._stopping.wait(_PAUSE * (time.monotonic() - started))
                elif started - kept_at > _KEEP_S:
                    self._context.points.keep()
                    kept_at = started

    def _failed(self, reason: str) -> None:
        self._context.events.publish("trouble", reason)
        self._stopping.wait(_RETRY_S)

    def update(self) -> None:
        """Show what is in the database now."""
        is_wanted = True
        while is_wanted and not self._stopping.is_set():
            is_wanted = self._place() == _PLACED_AT_ONCE
            self._renew()

    def _renew(self) -> None:
        points, events = self._context.points, self._context.events
        before = points.snapshot
        after = points.renew()
        if after.number == before.number:
            return
        added = max(0, len(after) - len(before))
        if after.base != before.base:  # also roots, the network or the map may be others
            events.publish("library", {})
        events.publish("revision", {"revision": points.revision, "added": added})

    def _place(self) -> int:
        """Give places to some sounds that have none; how many those were."""
        library = self._context.library
        with library.reading() as (connection, network):
            newest = connection.execute(select(func.max(analyses.c.id))).scalar()
            current = network and current_map(connection, network.id)
        if network is None:
            return 0
        # To look for those without a place takes long where there are many.
        seen = newest, network.fingerprint, current
        if seen == self._placed:
            return 0
        if self._geography is None or self._geography[0] != network.fingerprint:
            found = Geography.beside(Path(library.settings.model), network.fingerprint)
            self._geography = network.fingerprint, found
        count = place_missing(
            library.database, network.id, self._geography[1], at_most=_PLACED_AT_ONCE
        )
        if not count:
            self._placed = seen
        return count
