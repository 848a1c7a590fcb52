"""By what a changed file is noticed without reading it."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size and times of a file.

    Attributes
    ----------
    size_bytes : int
        Size [bytes].
    mtime_ns, ctime_ns : int
        When its content and its entry last changed [ns since 1970].
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def from_status(cls, status: os.stat_result) -> "Stamp":
        """The stamp in what `os.stat` returns."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    @classmethod
    def of(cls, file: str | int) -> "Stamp | None":
        """The stamp of an open file, or of what is at a path; None if it can't be looked at."""
        try:
            return cls.from_status(os.stat(file))  # noqa: PTH116 - names that are not UTF-8
        except OSError:
            return None

    @property
    def size_and_mtime(self) -> tuple[int, int]:
        """What moving a file leaves as it is."""
        return self.size_bytes, self.mtime_ns
