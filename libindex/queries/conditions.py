"""Filters as SQL."""

import json
import os

from sqlalchemy import ColumnElement, Connection, Subquery, false, func, not_, or_, select

from libindex.errors import NotFoundError
from libindex.instruments import resolve
from libindex.paths import absolute, relative_to, to_text
from libindex.queries.filters import Filters
from libindex.queries.lookup import Network
from libindex.store.roots import all_roots, under
from libindex.store.schema import (
    analyses,
    class_probabilities,
    classes,
    contents,
    heard,
    samples,
)


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
        found.append(is_under(connection, filters.under))
    found += [is_named(name) for name in filters.names]
    found += [not_(is_named(name)) for name in filters.not_names]
    if filters.not_classes:
        unwanted = select(classes.c.id).where(classes.c.code.in_(filters.not_classes))
        found.append(analyses.c.class_id.not_in(unwanted))
    if filters.added_after is not None:
        found.append(samples.c.added_at >= filters.added_after)
    if filters.unheard:
        found.append(contents.c.digest.not_in(select(heard.c.digest)))
    if filters.ids is not None:
        # As one value: SQLite takes no more than some thousands.
        wanted_ids = func.json_each(json.dumps(filters.ids)).table_valued("value")
        found.append(contents.c.id.in_(select(wanted_ids.c.value)))
    return found


def is_named(pattern: str) -> ColumnElement[bool]:
    """That a sample's path below the root matches a pattern."""
    return func.path_matches(to_text(pattern), samples.c.path)


def _class_ids(connection: Connection, filters: Filters, network: Network) -> list[int]:
    codes = {code for text in filters.classes for code in resolve(text, network.classes)}
    query = select(classes.c.id).where(classes.c.code.in_(sorted(codes)))
    return list(connection.execute(query).scalars())


def is_under(connection: Connection, folder: str) -> ColumnElement[bool]:
    """That a sample lies below a folder, which may contain roots.

    Raises
    ------
    NotFoundError
        If the folder is no part of the library.
    """
    folder = absolute(folder)
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
