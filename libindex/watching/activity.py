"""What a watcher is doing, as a small file beside the database that others read."""

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
        Whether the file system reports changes, or the folder is polled, or it is not there.
    """

    path: str
    how: str


@dataclass(frozen=True, slots=True)
class Activity:
    """What a watcher is doing.

    Attributes
    ----------
    holder : Holder
        Its process.
    doing : str
        In a few words.
    queue : int
        Paths that will be checked.
    reconciled_at : int or None
        When everything was last compared [s since 1970].
    trouble : str or None
        The error that it is trying to get over.
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
    """The activity file of a database."""
    return database.with_name(database.name + ".watcher")


def write(database: Path, activity: Activity) -> None:
    """Write the activity file; if that fails (a full disk), nothing is lost."""
    path = path_for(database)
    new = path.with_name(path.name + ".new")
    with contextlib.suppress(OSError):
        # Paths may have surrogates, which are written as escapes.
        new.write_text(json.dumps(asdict(activity)), encoding="ascii")
        os.replace(new, path)  # noqa: PTH105 - so nobody reads half of it


def read(database: Path) -> Activity | None:
    """What the watcher of a database is doing; None if there is none."""
    try:
        found = _activity(json.loads(path_for(database).read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if is_running(found.holder) else None


def remove(database: Path) -> None:
    """Remove the activity file."""
    with contextlib.suppress(OSError):
        path_for(database).unlink(missing_ok=True)


def _activity(values: dict[str, Any]) -> Activity:
    folders = [WatchedFolder(**folder) for folder in values.pop("folders")]
    return Activity(Holder(**values.pop("holder")), folders=folders, **values)
