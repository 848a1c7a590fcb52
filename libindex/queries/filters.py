"""What to look for, from keyword arguments."""

import difflib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack, get_args

from libindex.errors import UsageError
from libindex.paths import PathLike
from libindex.sound.facts import FACETS

# [[[cog
# import cog
# from libindex.sound.facts import FACETS
# words = ["prob", "path", "name", *(facet.word for facet in FACETS), "added"]
# cog.outl("Sort = Literal[" + ", ".join(f'"{word}"' for word in words) + "]")
# ]]]
Sort = Literal["prob", "path", "name", "duration", "centroid", "loudness", "added"]
# [[[end]]]
SORTS: tuple[Sort, ...] = get_args(Sort)


class FilterArgs(TypedDict, total=False):
    """Filters as keyword arguments; all that are given must match.

    Attributes
    ----------
    words : str or iterable of str
        Classes, or else names; see `Filters.words`.
    classes : str or iterable of str
        Codes, names or synonyms; any of them will do. Without `min_prob`, one of them must be
        the sample's most probable class.
    min_prob : float or None
        Minimum probability: of one of `classes`, or of the most probable class.
    min_percussion : float or None
        Minimum probability of being percussion at all; samples of a network that doesn't give
        one are kept.
    under : str, Path or None
        Only below this folder: a path, or the end of the path of one folder of the library, such
        as "Vintage Drums".
    name : str or None
        A pattern (``*``, ``?``, ``[a-z]``) for names of files or folders below the root; text
        without wildcards may be any part of the path. Case does not matter.
    without : str or iterable of str
        Words as `words`, of which none may be true: no sample whose most probable class is one of
        these, none with such a name.
    added_after : float or None
        Only samples that were added to the library then or later [s since 1970].
    unheard : bool
        Only sounds that were not listened to yet in `libindex serve`.
    ids : iterable of int or None
        Only these contents (`Hit.content_id`).
    """

    words: str | Iterable[str]
    classes: str | Iterable[str]
    min_prob: float | None
    min_percussion: float | None
    # [[[cog
    # for facet in FACETS:
    #     cog.outl(f"min_{facet.key}: float | None  # {facet.about}")
    #     cog.outl(f"max_{facet.key}: float | None")
    # ]]]
    min_duration_s: float | None  # length in seconds
    max_duration_s: float | None
    min_centroid_hz: float | None  # spectral centroid (brightness) in Hz
    max_centroid_hz: float | None
    min_loudness_dbfs: float | None  # loudness (RMS) in dBFS
    max_loudness_dbfs: float | None
    # [[[end]]]
    under: PathLike | None
    name: str | None
    without: str | Iterable[str]
    added_after: float | None
    unheard: bool | None
    ids: Iterable[int] | None


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends of what a facet may be; None leaves an end open."""

    key: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; all conditions must match.

    Attributes
    ----------
    words : tuple of str
        Each is a class, by code, name or synonym, or else a pattern for names. Classes are added
        to `classes`; all patterns must match.
    classes : tuple of str
        As in `FilterArgs`, and so are `min_prob`, `min_percussion` and `under`.
    ranges : tuple of Range
        Of facets, in the order of their declarations.
    names : tuple of str
        Patterns that must all match.
    without : tuple of str
        As in `FilterArgs`; so are `added_after`, `unheard` and `ids`.
    not_classes, not_names : tuple of str
        Of `without`, once it is resolved: classes and patterns.
    """

    words: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    min_prob: float | None = None
    min_percussion: float | None = None
    ranges: tuple[Range, ...] = ()
    under: str | None = None
    names: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    added_after: float | None = None
    unheard: bool = False
    ids: tuple[int, ...] | None = None
    not_classes: tuple[str, ...] = ()
    not_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, **args: Unpack[FilterArgs]) -> "Filters":
        """Filters from keyword arguments as people write them.

        Raises
        ------
        UsageError
            If there is no such filter, or a value makes no sense.
        """
        for key, value in args.items():
            if key not in FilterArgs.__annotations__:
                near = difflib.get_close_matches(key, FilterArgs.__annotations__, n=1)
                hint = f"did you mean {near[0]}?" if near else "see libindex.FilterArgs"
                raise UsageError(f"unknown filter {key!r}; {hint}")
            if isinstance(value, float) and math.isnan(value):
                raise UsageError(f"{key} is not a number")
        under, name, ids = args.get("under"), args.get("name"), args.get("ids")
        return cls(
            words=_texts(args.get("words")),
            classes=_texts(args.get("classes")),
            min_prob=_probability(args.get("min_prob")),
            min_percussion=_probability(args.get("min_percussion")),
            ranges=_ranges(args),
            under=None if under is None else os.fspath(under),
            names=() if name is None else (name,),
            without=_texts(args.get("without")),
            added_after=args.get("added_after"),
            unheard=bool(args.get("unheard")),
            ids=None if ids is None else tuple(ids),
        )


def _texts(given: str | Iterable[str] | None) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())


def _ranges(args: Mapping[str, Any]) -> tuple[Range, ...]:
    ends = ((f.key, args.get(f"min_{f.key}"), args.get(f"max_{f.key}")) for f in FACETS)
    return tuple(Range(key, low, high) for key, low, high in ends if (low, high) != (None, None))


def _probability(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise UsageError(f"a probability lies between 0 and 1, not at {value:g}")
    return value
