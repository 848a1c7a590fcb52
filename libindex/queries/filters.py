"""What somebody looks for, as SQL conditions."""

import difflib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Subquery, false, func, or_, select

from libindex.errors import NotFoundError, UsageError
from libindex.instruments import resolve
from libindex.paths import absolute, relative_to, to_text
from libindex.queries.lookup import Network
from libindex.store.roots import all_roots, under
from libindex.store.schema import analyses, class_probabilities, classes, contents, samples

Sort = Literal["prob", "path", "name", "duration", "centroid", "loudness", "added"]
SORTS: tuple[Sort, ...] = get_args(Sort)


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; everything that is given must hold.

    Attributes
    ----------
    classes : tuple of str
        Codes, names or synonyms; any of them will do. Without `min_prob`, one of them must be
        the sample's most probable class.
    min_prob : float or None
        At least this probability: of one of `classes`, or of the most probable class.
    min_percussion : float or None
        At least this probability of being percussion at all; what was heard by a network that
        can't tell is not left out.
    min_duration_s, max_duration_s : float or None
        Length [s].
    min_centroid_hz, max_centroid_hz : float or None
        Spectral centroid [Hz].
    min_loudness_dbfs, max_loudness_dbfs : float or None
        Root mean square [dBFS].
    under : str or None
        Only below this folder (absolute path).
    name : str or None
        A pattern for the file's name with ``*``, ``?`` and ``[a-z]``; without any of these it
        may stand anywhere in the name. Case does not matter.
    """

    classes: tuple[str, ...] = ()
    min_prob: float | None = None
    min_percussion: float | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    min_centroid_hz: float | None = None
    max_centroid_hz: float | None = None
    min_loudness_dbfs: float | None = None
    max_loudness_dbfs: float | None = None
    under: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, float) and math.isnan(value):
                raise UsageError(f"{name} is not a number")
        for probability in (self.min_prob, self.min_percussion):
            if probability is not None and not 0 <= probability <= 1:
                raise UsageError(f"a probability lies between 0 and 1, not at {probability:g}")


def filters_from(values: Mapping[str, Any]) -> Filters:
    """Filters from keyword arguments as people write them.

    Raises
    ------
    UsageError
        If there is no such filter, or a value makes no sense.
    """
    names = Filters.__slots__
    for name in values:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(names)}"
            raise UsageError(f"unknown filter {name!r}; {hint}")
    given = dict(values)
    classes = given.get("classes") or ()
    given["classes"] = (classes,) if isinstance(classes, str) else tuple(classes)
    if given.get("under") is not None:
        given["under"] = absolute(given["under"])
    return Filters(**given)


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
    for column, low, high in (
        (contents.c.duration_s, filters.min_duration_s, filters.max_duration_s),
        (contents.c.centroid_hz, filters.min_centroid_hz, filters.max_centroid_hz),
        (contents.c.loudness_dbfs, filters.min_loudness_dbfs, filters.max_loudness_dbfs),
    ):
        if low is not None:
            found.append(column >= low)
        if high is not None:
            found.append(column <= high)
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
