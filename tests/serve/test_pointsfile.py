"""The columns that are kept for the next start of the server."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.server import serving

from libindex.library import Library
from libindex.marks.heard import note_heard
from libindex.serve import points, pointsfile
from libindex.serve.points import HEARD, PointsCache
from libindex.similarity import stampedfile


@pytest.fixture(autouse=True)
def _from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "_KEPT_FROM", 1)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is read of the database: contents, or None for all."""
    found: list[object] = []
    whole = points._read

    def noted(connection, network, map_id, only=None):
        found.append(None if only is None else set(only))
        return whole(connection, network, map_id, only)

    monkeypatch.setattr(points, "_read", noted)
    return found


def the_file(library: Library) -> Path:
    return pointsfile.path_of(library.database.path)


def assert_alike(one: PointsCache, library: Library) -> None:
    """A cache shows what one shows that reads everything."""
    the_file(library).unlink(missing_ok=True)
    expected = PointsCache(library).snapshot.columns
    found = one.snapshot.columns
    order, order_expected = np.argsort(found["id"]), np.argsort(expected["id"])
    for name, column in expected.items():
        assert found[name].dtype == column.dtype
        assert found[name][order].tolist() == column[order_expected].tolist(), name


def test_the_next_start_reads_nothing(demo: Library, reads: list[object]) -> None:
    PointsCache(demo).keep()
    again = PointsCache(demo)
    assert len(again.snapshot) > 0
    assert reads == [None]
    assert_alike(again, demo)


def test_it_reads_what_changed_since(demo: Library, reads: list[object]) -> None:
    first = PointsCache(demo)
    first.keep()
    heard = first.snapshot.columns["id"].tolist()[:2]
    note_heard(demo.database, heard)
    again = PointsCache(demo)
    flags = dict(
        zip(again.snapshot.columns["id"].tolist(), again.snapshot.columns["flags"], strict=True)
    )
    assert [content for content in flags if flags[content] & HEARD] == sorted(
        heard, key=[*flags].index
    )
    assert reads == [None, {*heard}]
    assert_alike(again, demo)


def test_a_file_that_is_damaged_is_not_used(demo: Library, reads: list[object]) -> None:
    PointsCache(demo).keep()
    whole = the_file(demo).read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 40)):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        for data in (bytes(damaged), whole[:at]):
            the_file(demo).write_bytes(data)
            reads.clear()
            assert len(PointsCache(demo).snapshot) > 0
            assert reads == [None]


def test_nor_one_of_another_library_or_of_an_older_copy(
    demo: Library, tmp_path: Path, reads: list[object]
) -> None:
    shutil.copy(demo.database.path, tmp_path / "copy.db")
    first = PointsCache(demo)
    ids = first.snapshot.columns["id"].tolist()
    note_heard(demo.database, ids[:1])
    first.renew()
    first.keep()
    with Library.open(tmp_path / "copy.db") as restored:
        # As many changes, and other ones.
        note_heard(restored.database, ids[1:2])
        shutil.copy(the_file(demo), the_file(restored))
        reads.clear()
        assert_alike(PointsCache(restored), restored)
        assert reads[0] is None


@pytest.mark.parametrize("change", ["network", "map", "meaning", "columns"])
def test_nor_one_that_means_something_else(
    demo: Library, change: str, reads: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PointsCache(demo)
    if change == "columns":
        monkeypatch.setattr(
            cache,
            "_snapshot",
            replace(
                cache.snapshot,
                columns={**cache.snapshot.columns, "more": cache.snapshot.columns["x"]},
            ),
        )
    cache.keep()
    if change == "meaning":
        monkeypatch.setattr(pointsfile, "_FORMAT", 2)
    with closing(sqlite3.connect(demo.database.path)) as connection, connection:
        if change == "network":
            connection.execute("UPDATE networks SET fingerprint = 'f' || substr(fingerprint, 2)")
        if change == "map":
            connection.execute("UPDATE maps SET is_current = 0")
    reads.clear()
    again = PointsCache(demo)
    again.renew()
    assert reads == [None]


def test_a_server_that_ends_keeps_them(demo: Library, reads: list[object]) -> None:
    with serving(demo) as server:
        server.get("/api/points")
    reads.clear()
    with serving(demo) as server:
        assert len(server.get("/api/points").table()[1]["id"]) > 0
    assert None not in reads


def test_where_nothing_can_be_written_nothing_is_kept(
    demo: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(stampedfile, "write", full)
    PointsCache(demo).keep()
    assert not the_file(demo).exists()
