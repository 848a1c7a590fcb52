"""The indexing process, and the one request that it carries out at a time."""

import math
import time
from collections.abc import Callable
from typing import Protocol

from libindex.errors import LibindexError
from libindex.indexing import ScanSummary
from libindex.watching.messages import Ended, Request
from libindex.watching.options import WatchOptions

_IDLE = "idle"


class Process(Protocol):
    """What carries out requests; `libindex.watching.indexer.IndexerProcess` is one."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def request(self, request: Request) -> None:
        """Begin with a request; messages report on it."""

    def close(self, patience_s: float) -> None:
        """End it, after `patience_s` by force."""


class Work:
    """The one request that is being carried out, and when the next may begin.

    The process is started by the first request, and ended when it has had nothing to do for long:
    so the network's memory is given back.

    Parameters
    ----------
    start : callable
        Starts the indexing process; may raise OSError.
    on_failed : callable
        Called with what became of a request for which no process could be started.
    options : WatchOptions
        How long to wait for what.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        start: Callable[[], Process],
        on_failed: Callable[[LibindexError], None],
        options: WatchOptions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._on_failed = on_failed
        self._options = options
        self._intervals = options.intervals
        self._clock = clock
        self._process: Process | None = None
        self._request: Request | None = None
        self._doing = _IDLE
        self._is_warm = False
        self._used_at = 0.0
        self._changed_at: float | None = None
        self._not_before = 0.0
        self._retry_s = self._intervals.retry_s

    @property
    def is_busy(self) -> bool:
        """Whether a request is being carried out."""
        return self._request is not None

    @property
    def doing(self) -> str:
        """What is being done, in a few words."""
        return self._doing

    @property
    def can_begin(self) -> bool:
        """Whether a request may begin now: none is under way, and none has just failed."""
        return not self.is_busy and self._clock() >= self._not_before

    def begin(self, request: Request, doing: str) -> None:
        """Have a request carried out; `succeed` or `fail` ends it."""
        self._request, self._doing = request, doing
        try:
            self._process = self._process or self._start()
        except OSError as error:  # no memory, or too many processes: perhaps not for long
            self._on_failed(LibindexError(f"can't start the indexing process ({error.strerror})"))
        else:
            self._process.request(request)

    def warm_up(self) -> None:
        """Have the network loaded while a new file is still being written."""
        if not self._is_warm and not self.is_busy:
            self._is_warm = True
            self.begin(Request("warm up"), "loading the network")

    def tidy_up(self) -> None:
        """When nothing else is to do: update the neighbour index, and later end the process."""
        now = self._clock()
        if now >= self._refresh_at():
            self._changed_at = None
            self.begin(Request("refresh"), "updating the neighbour index")
        elif now >= self._end_at():
            self.close()

    def describe(self, doing: str) -> None:
        """Note how far the request is."""
        if self.is_busy:
            self._doing = doing

    def succeed(self, summary: ScanSummary) -> Request | None:
        """Note that the request was carried out; returns it."""
        request, now = self._take_request(), self._clock()
        self._used_at = now
        self._not_before, self._retry_s = 0.0, self._intervals.retry_s
        if summary.new or summary.changed or summary.removed or summary.analysed:
            self._changed_at = now
        if summary.analysed:
            self._is_warm = True
        return request

    def fail(self) -> Request | None:
        """Note that the request failed, and let the next one wait, longer each time."""
        self._not_before = self._clock() + self._retry_s
        self._retry_s = min(2 * self._retry_s, self._intervals.max_retry_s)
        return self._take_request()

    def on_ended(self, ended: Ended) -> bool:
        """The process ended; returns whether by accident, with a request under way."""
        if self._process is None or ended.pid != self._process.pid:
            return False  # that one was closed
        self.close()
        return self.is_busy

    def next_due(self, other: float) -> float:
        """When something can begin, if other work is due at `other`."""
        if self.is_busy:
            return math.inf
        return max(min(other, self._refresh_at(), self._end_at()), self._not_before)

    def close(self) -> None:
        """End the process, with everything committed."""
        if self._process:
            self._process.close(self._intervals.close_s)
        self._process, self._is_warm = None, False

    def _take_request(self) -> Request | None:
        request, self._request = self._request, None
        self._doing = _IDLE
        return request

    def _refresh_at(self) -> float:
        quiet_s = self._intervals.quiet_s
        return math.inf if self._changed_at is None else self._changed_at + quiet_s

    def _end_at(self) -> float:
        return self._used_at + self._options.keep_warm_s if self._process else math.inf
