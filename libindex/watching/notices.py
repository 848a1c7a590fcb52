"""What the watcher is told of: something happened at a path, or not everything is told."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["appeared", "written", "closed", "gone", "folder"]
Trouble = Literal["overflow", "limit", "ended", "opened", "moved"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened at a path."""

    kind: Kind
    path: str
