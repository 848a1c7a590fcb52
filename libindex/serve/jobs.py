"""What runs in the background: one thing at a time, with its progress."""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass

from libindex.errors import BusyError, LibindexError
from libindex.serve.events import Events


@dataclass(frozen=True, slots=True)
class Job:
    """What runs.

    Attributes
    ----------
    kind : str
        Such as "place".
    text : str
        What it does, for people.
    done, total : int
        How far it is; a total of 0 is one that is not known.
    """

    kind: str
    text: str
    done: int = 0
    total: int = 0


class Jobs:
    """Runs one job at a time in a thread, and tells open pages how far it is. Thread-safe.

    Parameters
    ----------
    events : Events
        To publish "job", and "trouble" if one fails.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._job: Job | None = None

    @property
    def current(self) -> Job | None:
        """What runs; None if nothing does."""
        return self._job

    def start(
        self, kind: str, text: str, work: Callable[[Callable[[int, int], None]], None]
    ) -> None:
        """Run something, which is given a function to call with how much is done, and of what.

        Raises
        ------
        BusyError
            If something else runs.
        """
        with self._lock:
            if self._job is not None:
                raise BusyError(f"is busy: {self._job.text}")
            self._show(Job(kind, text))
        threading.Thread(target=self._run, args=(kind, text, work), daemon=True).start()

    def _run(
        self, kind: str, text: str, work: Callable[[Callable[[int, int], None]], None]
    ) -> None:
        try:
            work(lambda done, total: self._show(Job(kind, text, done, total)))
        except LibindexError as error:
            self._events.publish("trouble", str(error))
        finally:
            self._show(None)

    def _show(self, job: Job | None) -> None:
        self._job = job
        self._events.publish("job", None if job is None else asdict(job))
