"""All sounds as columns: what the page draws and filters, kept in memory and up to date.

A row stands for a content, so copies are one point. What changed since is known from the log of
changes (`libindex.store.changes`): a few contents are read again, many are all read anew. A row has
the number of the renewal that changed it, so that a page is sent what it does not have yet.
"""

import json
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from libindex.library import Library
from libindex.queries import Network
from libindex.serve import pointsfile
from libindex.serve.ordinals import LEVELS, edges_of, ordinals
from libindex.serve.pointsfile import Columns
from libindex.serve.tables import packed
from libindex.sound.facts import FACETS
from libindex.store.changes import changed_since, last_change

OFFLINE, COPIES, HEARD, WARNING = 1, 2, 4, 8
"""Flags of a sound: its drives are away, it has copies, was listened to, its file has a defect."""

_READ_ONE_BY_ONE = 5_000  # contents, or this part of all; to read more is slower than to read all
_PART_READ = 1 / 50
_ROWS_AT_ONCE = 10_000
_GONE_KEPT = 100_000
_KEPT_FROM = 20_000  # sounds; fewer are read in the time that a file takes
_DIGITS = 12  # of the number of a renewal

_FACETS = "".join(f", contents.{facet.key}" for facet in FACETS)
_QUERY = f"""
SELECT
  contents.id, places.x, places.y, max(samples.added_at) / 86400, analyses.class_id,
  analyses.probability, analyses.percussion,
  {OFFLINE} * (max(roots.is_online) = 0) + {COPIES} * (count(*) > 1)
    + {HEARD} * (heard.digest IS NOT NULL) + {WARNING} * (contents.warning IS NOT NULL)
  {_FACETS}
FROM samples
JOIN roots ON roots.id = samples.root_id
JOIN contents ON contents.id = samples.content_id
JOIN analyses ON analyses.content_id = contents.id AND analyses.network_id = :network
JOIN places ON places.analysis_id = analyses.id AND places.map_id = :map
LEFT JOIN heard ON heard.digest = contents.digest
WHERE samples.failure IS NULL {{only}}
GROUP BY contents.id
"""  # noqa: S608 - the names of columns
_ALL = _QUERY.format(only="")
_SOME = _QUERY.format(only="AND contents.id IN (SELECT value FROM json_each(:ids))")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All sounds at one moment.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (sounds,)
        As they are sent. Of those that were read together any beginning is a fair sample.
    version : ndarray of int64, shape (sounds,)
        The renewal that changed each.
    number, base : int
        The last renewal, and the last one that read everything.
    gone : tuple of (int, int)
        Renewals, and ids that are not there since.
    change : int
        The last change in the log that it shows.
    network : Network or None
        Whose results these are; None if nothing was ever scanned.
    map_id : int
        Where the places are from.
    """

    columns: Columns
    version: NDArray[np.int64]
    number: int = 0
    base: int = 0
    gone: tuple[tuple[int, int], ...] = ()
    change: int = -1
    network: Network | None = None
    map_id: int = 0

    def __len__(self) -> int:
        return len(self.version)


@dataclass(slots=True)
class PointsCache:
    """Keeps the columns. Thread-safe: readers have a snapshot, which is never changed.

    Parameters
    ----------
    library : Library
        Which is read.
    """

    library: Library
    _instance: str = field(default_factory=lambda: secrets.token_hex(4))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _snapshot: Snapshot | None = None
    _kept: int = 0  # the number of the snapshot that is in the file

    @property
    def snapshot(self) -> Snapshot:
        """The newest one."""
        return self.renew() if self._snapshot is None else self._snapshot  # one may be empty

    def keep(self) -> None:
        """Write the columns for the next start, unless that is done, or they are read quickly."""
        now = self.snapshot
        if now.number == self._kept or now.network is None or len(now) < _KEPT_FROM:
            return
        with self.library.reading() as (connection, _):
            kept = pointsfile.Kept(now.columns, now.change)
            pointsfile.write(connection, self._path, now.network, now.map_id, kept)
        self._kept = now.number

    @property
    def _path(self) -> Path:
        return pointsfile.path_of(self.library.database.path)

    @property
    def revision(self) -> str:
        """What a page names to be sent only what changed since."""
        return self._revision(self.snapshot)

    def renew(self) -> Snapshot:
        """Read what changed."""
        with self._lock:
            with self.library.reading() as (connection, network):
                if self._snapshot is None:
                    self._snapshot = _kept(connection, network, self._path)
                    self._kept = self._snapshot.number
                self._snapshot = _renewed(connection, network, self._snapshot)
            return self._snapshot

    def table(self, since: str | None = None) -> bytes:
        """All sounds, or those that changed since a revision, as a binary table."""
        now = self.snapshot
        number = self._number(since, now)
        header: dict[str, Any] = {
            "revision": self._revision(now),
            "whole": number is None,
            "network": now.network.fingerprint if now.network else "",
            "map": now.map_id,
            "facets": [_about(facet) for facet in FACETS],
            "levels": LEVELS,
            "gone": [],
        }
        if number is None:
            return packed(header, now.columns)
        # The page has the facets already.
        header["facets"], header["levels"] = [], []
        header["gone"] = [content for since_, content in now.gone if since_ > number]
        newer = now.version > number
        return packed(header, {name: data[newer] for name, data in now.columns.items()})

    def _revision(self, snapshot: Snapshot) -> str:
        return f"{self._instance}-{snapshot.number}"

    def _number(self, revision: str | None, now: Snapshot) -> int | None:
        """The renewal that a page knows; None if it has to be sent everything."""
        instance, _, number = (revision or "").partition("-")
        if instance != self._instance or not number.isdecimal() or len(number) > _DIGITS:
            return None
        return int(number) if now.base <= int(number) <= now.number else None


def _about(facet: Any) -> dict[str, Any]:
    names = ("key", "word", "label", "unit", "low", "high")
    return {name: getattr(facet, name) for name in names} | {"edges": edges_of(facet)}


def _empty() -> Snapshot:
    return Snapshot(_columns(np.zeros((0, 8 + len(FACETS))), {}), np.zeros(0, np.int64))


def _kept(connection: Connection, network: Network | None, path: Path) -> Snapshot:
    """What was written before this start; nothing if it can't be used."""
    empty = _empty()
    map_id = _map_of(connection, network)
    found = network and pointsfile.read(connection, path, network, map_id)
    if not found or not _is_like(found.columns, empty.columns):
        return empty
    version = np.ones(len(found.columns["id"]), np.int64)
    return Snapshot(found.columns, version, 1, 1, (), found.change, network, map_id)


def _is_like(columns: Columns, other: Columns) -> bool:
    """Whether there are the same columns of the same types, all of one length."""
    types = {name: data.dtype for name, data in columns.items()}
    lengths = {data.shape for data in columns.values()}
    return types == {name: data.dtype for name, data in other.items()} and len(lengths) == 1


def _renewed(connection: Connection, network: Network | None, old: Snapshot) -> Snapshot:
    map_id = _map_of(connection, network)
    change = last_change(connection)
    is_same = network == old.network and map_id == old.map_id and old.change >= 0
    at_most = max(_READ_ONE_BY_ONE, int(len(old) * _PART_READ))
    changed = changed_since(connection, old.change, at_most) if is_same else None
    if changed is not None and not changed:
        return replace(old, change=change)
    if changed is None:
        number = old.number + 1
        columns = _read(connection, network, map_id)
        version = np.full(len(columns["id"]), number, np.int64)
        return Snapshot(columns, version, number, number, (), change, network, map_id)
    return _patched(old, _read(connection, network, map_id, changed), changed, change)


def _patched(old: Snapshot, fresh: Columns, changed: Iterable[int], change: int) -> Snapshot:
    """A snapshot with some contents read again; those that are not found any more are gone."""
    was, now = old.columns["id"], fresh["id"]
    outdated = np.isin(was, np.fromiter(changed, np.uint32))
    kept = ~outdated | np.isin(was, now)
    gone = was[~kept]
    at, is_known = _rows_of(now, was[kept])
    number = old.number + 1
    version = old.version[kept]
    version[at[is_known]] = number
    version = np.concatenate([version, np.full(int((~is_known).sum()), number)])
    columns = {}
    for name, data in old.columns.items():
        column = data[kept]
        column[at[is_known]] = fresh[name][is_known]
        columns[name] = np.concatenate([column, fresh[name][~is_known]])
    back = set(now.tolist())
    all_gone = (
        *(one for one in old.gone if one[1] not in back),
        *((number, int(content)) for content in gone),
    )
    base = old.base
    if len(all_gone) > _GONE_KEPT:
        base, all_gone = number, ()
    return Snapshot(columns, version, number, base, all_gone, change, old.network, old.map_id)


def _rows_of(ids: NDArray[Any], among: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The rows of ids among others, and which of them are there at all."""
    if not len(among):
        return np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
    order = np.argsort(among)
    at = order[np.minimum(np.searchsorted(among, ids, sorter=order), len(among) - 1)]
    return at, among[at] == ids


def _map_of(connection: Connection, network: Network | None) -> int:
    if network is None:
        return 0
    query = text("SELECT id FROM maps WHERE network_id = :network AND is_current")
    return int(connection.execute(query, {"network": network.id}).scalar() or 0)


def _read(
    connection: Connection, network: Network | None, map_id: int, only: Iterable[int] | None = None
) -> Columns:
    """Columns of all contents, or of some."""
    if network is None:
        return _empty().columns
    values: dict[str, Any] = {"network": network.id, "map": map_id}
    if only is not None:
        values["ids"] = json.dumps(list(only))
    result = connection.execute(text(_ALL if only is None else _SOME), values)
    parts = [np.zeros((0, 8 + len(FACETS)))]
    while rows := result.cursor.fetchmany(_ROWS_AT_ONCE):
        parts.append(np.array(rows, np.float64))
    codes: dict[int, str] = {
        row.id: row.code for row in connection.execute(text("SELECT id, code FROM classes"))
    }
    numbers = {code: number for number, code in enumerate(network.classes)}
    known = {class_id: numbers.get(code, 0) for class_id, code in codes.items()}
    return _columns(np.concatenate(parts), known)


def _columns(values: NDArray[np.float64], classes: dict[int, int]) -> Columns:
    """What the query gives, as it is sent, in an order that has nothing to do with the sounds."""
    order = np.argsort(_scrambled(values[:, 0]), kind="stable")
    column = values[order].T
    class_of = np.zeros(int(max(classes, default=0)) + 1, np.uint8)
    for class_id, number in classes.items():
        class_of[class_id] = number
    columns: Columns = {
        "id": column[0].astype(np.uint32),
        "x": column[1].astype(np.uint16),
        "y": column[2].astype(np.uint16),
        "added": np.clip(column[3], 0, 65_535).astype(np.uint16),
    }
    for number, facet in enumerate(FACETS):
        columns[facet.key] = ordinals(column[8 + number], edges_of(facet), np.uint16)
    columns["class"] = class_of[column[4].astype(np.int64)]
    columns["probability"] = ordinals(column[5], LEVELS, np.uint8)
    columns["percussion"] = ordinals(column[6], LEVELS, np.uint8)
    columns["flags"] = column[7].astype(np.uint8)
    return columns


def _scrambled(ids: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Ids as other numbers that are as good as random (Knuth's multiplicative hash)."""
    return (ids.astype(np.uint64) * np.uint64(2_654_435_761)).astype(np.uint32)
