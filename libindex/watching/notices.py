"""What the file system reports: something happened at a path, or some events may be missing.

`docs/architecture.md` has the steps to add one.
"""

from dataclasses import dataclass
from typing import Literal

NoticeKind = Literal["appeared", "written", "closed", "gone", "folder"]
ProblemKind = Literal["overflow", "limit", "ended", "opened", "moved"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened at a path; `Hints.add` says what each kind means."""

    kind: NoticeKind
    path: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Some events may be missing, so folders have to be compared.

    Attributes
    ----------
    kind : {"overflow", "limit", "ended", "opened", "moved"}
        Events came too fast; a folder could not be watched, since the system's limit is reached;
        the thread that reads events ended; a folder that could not be read has other permissions
        now; a watched folder was renamed, and may have its own name again by now.
    """

    kind: ProblemKind
