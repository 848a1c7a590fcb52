"""Measurements as small whole numbers that compare exactly as they do.

With edges e[0] < e[1] < …, a value of exactly e[k] is 2k + 1, and one between e[k-1] and e[k] is
2k. So a value is at least e[k] if its ordinal is at least 2k + 1, and at most e[k] if it is at most
that: a slider that stops at edges gives the same sounds as ``--min-…`` and ``--max-…``.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from libindex.sound.facts import Fact

LEVELS: tuple[float, ...] = tuple(number / 100 for number in range(101))
"""Edges of probabilities."""

_DIFFERENCE = 0.1  # between edges of a facet that does not go by ratios, in its unit


@cache
def edges_of(facet: Fact) -> tuple[float, ...]:
    """The edges of a facet: numbers of three digits, as people type them."""
    low, high = facet.span
    if not facet.is_ratio:
        first, last = round(low / _DIFFERENCE), round(high / _DIFFERENCE)
        return tuple(float(f"{number}e-1") for number in range(first, last + 1))
    powers = range(math.floor(math.log10(low)) - 2, math.ceil(math.log10(high)) - 1)
    numbers = (float(f"{digits}e{power}") for power in powers for digits in range(100, 1000))
    return tuple(sorted({low, high, *(number for number in numbers if low < number < high)}))


def ordinals(
    values: NDArray[np.float64], edges: tuple[float, ...], kind: type[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """Values as ordinals.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        NaN where one is not known.
    edges : tuple of float
        In ascending order.
    kind : type
        ``np.uint8`` or ``np.uint16``; its largest number stands for what is not known.

    Returns
    -------
    ndarray, shape (n,)
        Of this type.
    """
    known = np.asarray(edges)
    below = np.searchsorted(known, values, "left")
    is_edge = known[np.minimum(below, len(known) - 1)] == values
    found: NDArray[np.unsignedinteger] = (2 * below + is_edge).astype(kind)
    found[np.isnan(values)] = np.iinfo(kind).max
    return found
