"""One folder that is watched, and its state."""

import os
from dataclasses import dataclass, field

from libindex.disk import presence
from libindex.store.roots import Root

_Identity = tuple[int, int]


@dataclass(slots=True)
class Place:
    """A folder that is watched: a root, or a part of one.

    Attributes
    ----------
    path : str
        Absolute.
    root : Root or None
        The root that it is in, if that is known yet.
    polls : bool
        Whether it is compared every minute because events are missing.
    is_online : bool or None
        Whether it was there, and could be read, when last checked; None before that.
    is_barred : bool
        Whether it was there without permission to read it.
    is_watched : bool
        Whether the file system reports changes.
    compare_at : float
        When it is compared again, by the watcher's clock; infinite while it is being compared.
    links : set of str
        Links below it to folders elsewhere, which are watched too.
    """

    path: str
    root: Root | None = None
    polls: bool = False
    is_online: bool | None = None
    is_barred: bool = False
    is_watched: bool = False
    compare_at: float = 0.0
    links: set[str] = field(default_factory=set)
    _identity: _Identity | None = None

    @property
    def mode(self) -> str:
        """Its state in a word."""
        if not self.is_online:
            return "offline"
        return "events" if self.is_watched and not self.polls else "polled"

    def check(self) -> bool:
        """Check whether it is there; returns whether that, or the folder itself, changed.

        A folder that was replaced by another of the same name is another one.
        """
        root = self.root or Root(0, self.path, is_mount=False, is_online=True, has_samples=False)
        self.is_barred = presence.is_barred(self.path)
        online = (
            presence.is_online(root.path, was_mount=root.is_mount, has_samples=root.has_samples)
            and os.path.isdir(self.path)  # noqa: PTH112
            and not self.is_barred
        )
        before = (self.is_online, self._identity)
        self.is_online, self._identity = online, self._identify() if online else None
        return before != (self.is_online, self._identity)

    def _identify(self) -> _Identity | None:
        try:
            status = os.stat(self.path)  # noqa: PTH116
        except OSError:
            return None
        return status.st_dev, status.st_ino
