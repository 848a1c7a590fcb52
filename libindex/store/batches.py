"""Long lists of ids, cut to what fits into one statement."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")

SIZE = 500
"""Values in one statement; older SQLites take 999 parameters at most."""


def batched(values: Sequence[_T], size: int | None = None) -> Iterator[Sequence[_T]]:
    """Cut a sequence into parts of at most `size`, by default `SIZE`."""
    size = size or SIZE
    return (values[start : start + size] for start in range(0, len(values), size))
