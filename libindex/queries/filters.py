"""What somebody looks for, as SQL conditions."""

import difflib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack, get_args

from sqlalchemy import ColumnElement, Connection, Subquery, false, func, or_, select

from libindex.errors import NotFoundError, UsageError
from libindex.instruments import resolve
from libindex.paths import PathLike, absolute, relative_to, to_text
from libindex.queries.lookup import Network
from libindex.sound.facts import FACETS
from libindex.store.roots import all_roots, under
from libindex.store.schema import analyses, class_probabilities, classes, contents, samples

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
    """Filters as keyword arguments; everything that is given must hold.

    Attributes
    ----------
    classes : str or iterable of str
        Codes, names or synonyms; any of them will do. Without `min_prob`, one of them must be
        the sample's most probable class.
    min_prob : float or None
        Minimum probability: of one of `classes`, or of the most probable class.
    min_percussion : float or None
        Minimum probability of being percussion at all; samples of a network that doesn't give
        one are kept.
    under : str, Path or None
        Only below this folder.
    name : str or None
        A pattern for the file's name with ``*``, ``?`` and ``[a-z]``; without any of these it
        may stand anywhere in the name. Case does not matter.
    """

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


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends of what a facet may be; None leaves an end open."""

    key: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; everything that is given must hold.

    Attributes
    ----------
    classes : tuple of str
        As in `FilterArgs`, and so are `min_prob`, `min_percussion` and `name`.
    ranges : tuple of Range
        Of facets, in the order of their declarations.
    under : str or None
        Only below this folder (absolute path).
    """

    classes: tuple[str, ...] = ()
    min_prob: float | None = None
    min_percussion: float | None = None
    ranges: tuple[Range, ...] = ()
    under: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, **args: Unpack[FilterArgs]) -> "Filters":
        """Filters from keyword arguments as people write them.

        Raises
        ------
        UsageError
            If there is no such filter, or a value makes no sense.
        """
        for name, value in args.items():
            if name not in FilterArgs.__annotations__:
                near = difflib.get_close_matches(name, FilterArgs.__annotations__, n=1)
                hint = f"did you mean {near[0]}?" if near else "see libindex.FilterArgs"
                raise UsageError(f"unknown filter {name!r}; {hint}")
            if isinstance(value, float) and math.isnan(value):
                raise UsageError(f"{name} is not a number")
        classes, under = args.get("classes") or (), args.get("under")
        return cls(
            classes=(classes,) if isinstance(classes, str) else tuple(classes),
            min_prob=_probability(args.get("min_prob")),
            min_percussion=_probability(args.get("min_percussion")),
            ranges=_ranges(args),
            under=None if under is None else absolute(under),
            name=args.get("name"),
        )


def _ranges(args: Mapping[str, Any]) -> tuple[Range, ...]:
    ends = ((f.key, args.get(f"min_{f.key}"), args.get(f"max_{f.key}")) for f in FACETS)
    return tuple(Range(key, low, high) for key, low, high in ends if (low, high) != (None, None))


def _probability(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise UsageError(f"a probability lies between 0 and 1, not at {value:g}")
    return value


def matched_classes(connection: Connection, filters: Filters, network: Network) -> Subquery:
    """Analyses of a network that match by class, as (analysis_id, class_id, probability).

    The class is the most probable of those that were asked for.
    """
    top = select(
        analyses.c.id.label("analysis_id"), analyses.c.class_id, analyses.c.probability
    ).where(analyses.c.network_id == network.id)
    if not filters.classes:
        if filters.min_prob is not None:
            top = top.where(analyses.c.probability >= filters.min_prob)
        return top.subquery("matched")
    wanted = _class_ids(connection, filters, network)
    if filters.min_prob is None:
        return top.where(analyses.c.class_id.in_(wanted)).subquery("matched")
    cp = class_probabilities.c
    # SQLite gives the other columns of the row that has the maximum
    # (https://sqlite.org/lang_select.html#bareagg).
    query = (
        select(cp.analysis_id, cp.class_id, func.max(cp.probability).label("probability"))
        .where(cp.class_id.in_(wanted), cp.probability >= filters.min_prob)
        .group_by(cp.analysis_id)
    )
    if len(wanted) == 1:
        query = select(cp.analysis_id, cp.class_id, cp.probability).where(
            cp.class_id == wanted[0], cp.probability >= filters.min_prob
        )
    return query.subquery("matched")


def check(connection: Connection, network: Network, filters: Filters) -> None:
    """Raise what a search with these filters would: classes and folders that do not exist."""
    matched_classes(connection, filters, network)
    conditions(connection, filters)


def conditions(connection: Connection, filters: Filters) -> list[ColumnElement[bool]]:
    """What has to hold besides the class, for samples with their contents and analyses."""
    found: list[ColumnElement[bool]] = []
    for wanted in filters.ranges:
        column = contents.c[wanted.key]
        if wanted.low is not None:
            found.append(column >= wanted.low)
        if wanted.high is not None:
            found.append(column <= wanted.high)
    if filters.min_percussion is not None:
        found.append(func.coalesce(analyses.c.percussion, 1.0) >= filters.min_percussion)
    if filters.under is not None:
        found.append(_under(connection, filters.under))
    if filters.name is not None:
        found.append(
            func.lower(samples.c.name).op("GLOB")(func.lower(_glob(to_text(filters.name))))
        )
    return found


def _class_ids(connection: Connection, filters: Filters, network: Network) -> list[int]:
    codes = {code for text in filters.classes for code in resolve(text, network.classes)}
    query = select(classes.c.id).where(classes.c.code.in_(sorted(codes)))
    return list(connection.execute(query).scalars())


def _under(connection: Connection, folder: str) -> ColumnElement[bool]:
    alternatives = []
    for root in all_roots(connection):
        below = relative_to(folder, root.path)
        if below == "" or relative_to(root.path, folder):
            alternatives.append(samples.c.root_id == root.id)
        elif below:
            alternatives.append((samples.c.root_id == root.id) & under(os.fsencode(below)))
    if not alternatives:
        raise NotFoundError("is not in the library; see: libindex status", folder)
    return or_(false(), *alternatives)


def _glob(pattern: str) -> str:
    """A shell pattern as one of SQLite's GLOB, which negates sets with ^ instead of !."""
    if not any(c in pattern for c in "*?["):
        return f"*{pattern}*"
    return pattern.replace("[!", "[^")
