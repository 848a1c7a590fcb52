from pathlib import Path

import numpy as np
import pytest

from libindex.library import Library
from libindex.marks.heard import note_heard
from libindex.queries import FilterArgs
from libindex.serve import points
from libindex.serve.ordinals import LEVELS, edges_of
from libindex.serve.points import COPIES, HEARD, OFFLINE, PointsCache, Snapshot
from libindex.sound.facts import FACETS


def rows(snapshot: Snapshot) -> dict[int, tuple[int, ...]]:
    """All that a snapshot says, by id."""
    names = sorted(set(snapshot.columns) - {"id"})
    columns = zip(*(snapshot.columns[name].tolist() for name in names), strict=True)
    return dict(zip(snapshot.columns["id"].tolist(), columns, strict=True))


def test_a_row_for_each_content(demo: Library) -> None:
    snapshot = PointsCache(demo).snapshot
    hits = demo.query()
    assert sorted(snapshot.columns["id"]) == sorted(hit.content_id for hit in hits)
    assert snapshot.network is not None
    by_id = {hit.content_id: hit for hit in hits}
    for row, content in enumerate(snapshot.columns["id"].tolist()):
        assert snapshot.network.classes[snapshot.columns["class"][row]] == by_id[content].class_code


def test_what_changes_is_read_and_nothing_else(
    demo: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PointsCache(demo)
    before = cache.snapshot
    assert cache.renew() is not None
    assert cache.snapshot.number == before.number
    read = []
    whole = points._read
    monkeypatch.setattr(points, "_read", lambda *a: read.append(a[3:]) or whole(*a))
    heard = before.columns["id"].tolist()[:2]
    note_heard(demo.database, heard)
    after = cache.renew()
    assert read == [({*heard},)]
    assert after.number == before.number + 1
    expected = rows(before)
    assert rows(after).keys() == expected.keys()
    for content, values in rows(after).items():
        flags = sorted({*after.columns} - {"id"}).index("flags")
        assert (values[flags] & HEARD != 0) == (content in heard)
    assert rows(after) == rows(PointsCache(demo).snapshot)


def test_a_page_is_sent_what_it_does_not_have(demo: Library) -> None:
    cache = PointsCache(demo)
    revision = cache.revision
    assert table(cache, revision)[0]["whole"] is False
    assert len(table(cache, revision)[1]["id"]) == 0
    note_heard(demo.database, cache.snapshot.columns["id"].tolist()[:3])
    cache.renew()
    header, columns = table(cache, revision)
    assert (header["whole"], len(columns["id"])) == (False, 3)
    assert header["revision"] == cache.revision
    for other in (None, "", "x", "other-1", revision.replace("-1", "-9")):
        header, columns = table(cache, other)
        assert (header["whole"], len(columns["id"])) == (True, len(cache.snapshot))


def table(cache: PointsCache, since: str | None) -> tuple[dict, dict]:
    from support.server import Reply

    return Reply(200, {}, cache.table(since)).table()


def test_files_that_go_are_gone(library: Library, write_sound, tmp_path: Path) -> None:
    for seed in range(4):
        write_sound(f"{seed}.wav", seed)
    library.scan(tmp_path / "Samples")
    cache = PointsCache(library)
    assert len(cache.snapshot) == 4
    revision = cache.revision
    (tmp_path / "Samples" / "1.wav").unlink()
    write_sound("new.wav", 9)
    write_sound("copy of 2.wav", 2)
    library.scan()
    cache.renew()
    header, columns = table(cache, revision)
    assert len(header["gone"]) == 1
    assert len(cache.snapshot) == 4
    flags = dict(zip(columns["id"].tolist(), columns["flags"].tolist(), strict=True))
    assert sorted(value & COPIES for value in flags.values()) == [0, COPIES]
    assert rows(cache.snapshot) == rows(PointsCache(library).snapshot)


def test_a_drive_that_is_away(library: Library, write_sound, tmp_path: Path) -> None:
    write_sound("a.wav", 1)
    library.scan(tmp_path / "Samples")
    cache = PointsCache(library)
    assert not cache.snapshot.columns["flags"][0] & OFFLINE
    (tmp_path / "Samples").rename(tmp_path / "away")
    library.scan()
    assert cache.renew().columns["flags"][0] & OFFLINE


def test_from_nothing(library: Library, write_sound, tmp_path: Path) -> None:
    cache = PointsCache(library)
    empty = cache.snapshot
    assert len(empty) == 0
    assert cache.snapshot is empty
    write_sound("a.wav", 1)
    library.scan(tmp_path / "Samples")
    assert cache.renew().number > empty.number
    assert len(cache.snapshot) == 1


def test_the_page_finds_what_a_query_finds(library: Library, write_sound, tmp_path: Path) -> None:
    """Filters by ordinals, as web/src/filtering.ts has them, for many random filters."""
    for seed in range(40):
        write_sound(f"{seed}.wav", seed, seconds=0.05 + seed / 40)
    library.scan(tmp_path / "Samples")
    snapshot = PointsCache(library).snapshot
    assert snapshot.network is not None
    codes = np.array(snapshot.network.classes)[snapshot.columns["class"]]
    rng = np.random.default_rng(3)
    found = set()
    for _ in range(50):
        filters: FilterArgs = {}
        mask = np.ones(len(snapshot), bool)
        for facet in FACETS:
            edges, column = edges_of(facet), snapshot.columns[facet.key]
            middle = np.flatnonzero(column == np.median(column))
            near = int(column[middle[0]]) // 2 if len(middle) else len(edges) // 2
            for end in ("min", "max"):
                if rng.random() < 0.4:
                    edge = int(np.clip(near + rng.integers(-300, 300), 0, len(edges) - 1))
                    filters[f"{end}_{facet.key}"] = edges[edge]  # type: ignore[literal-required]
                    ordinal = 2 * edge + 1
                    mask &= column >= ordinal if end == "min" else column <= ordinal
                    mask &= column != 0xFFFF
        if rng.random() < 0.5:
            chosen = rng.choice(np.unique(codes), 2).tolist()
            filters["classes"] = chosen
            mask &= np.isin(codes, chosen)
        if rng.random() < 0.5:
            level = int(rng.integers(50, 100))
            filters["min_prob"] = LEVELS[level]
            mask &= snapshot.columns["probability"] >= 2 * level + 1
        assert library.select(**filters).count() == mask.sum(), filters
        found.add(int(mask.sum()))
    assert len(found) > 5
