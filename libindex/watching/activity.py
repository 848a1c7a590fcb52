"""What a watcher does, for others to see: a small file beside the database."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from libindex.store.locking import Holder, is_running


@dataclass(frozen=True, slots=True)
class WatchedFolder:
    """A folder that is watched.

    Attributes
    ----------
    path : str
        Absolute.
    how : {"events", "polled", "offline"}
        Whether the file system tells of changes, or it is looked at now and then, or not there.
    """

    path: str
    how: str


@dataclass(frozen=True, slots=True)
class Activity:
    """What a watcher does now.

    Attributes
    ----------
    holder : Holder
        Its process.
    doing : str
        In a few words.
    queue : int
        Paths that will be looked at.
    reconciled_at : int or None
        When everything was last compared [s since 1970].
    trouble : str or None
        What keeps it from its work.
    folders : list of WatchedFolder
        In order of path.
    """

    holder: Holder
    doing: str = "starting"
    queue: int = 0
    reconciled_at: int | None = None
    trouble: str | None = None
    folders: list[WatchedFolder] = field(default_factory=list)


def path_for(database: Path) -> Path:
    """Where the activity of a database's watcher is noted."""
    return database.with_name(database.name + ".watcher")


def write(database: Path, activity: Activity) -> None:
    """Note what is done; if that fails (a full disk), nothing is lost."""
    path = path_for(database)
    new = path.with_name(path.name + ".new")
    with contextlib.suppress(OSError):
        # Paths may have surrogates, which are written as escapes.
        new.write_text(json.dumps(asdict(activity)), encoding="ascii")
        os.replace(new, path)  # noqa: PTH105 - so nobody reads half of it


def read(database: Path) -> Activity | None:
    """What the watcher of a database does; None if there is none."""
    try:
        found = _activity(json.loads(path_for(database).read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if is_running(found.holder) else None


def remove(database: Path) -> None:
    """Nothing is done any more."""
    with contextlib.suppress(OSError):
        path_for(database).unlink(missing_ok=True)


def _activity(values: dict[str, Any]) -> Activity:
    folders = [WatchedFolder(**folder) for folder in values.pop("folders")]
    return Activity(Holder(**values.pop("holder")), folders=folders, **values)
