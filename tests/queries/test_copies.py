"""Byte-identical copies: one hit for each sound, or one for each path."""

import os
import shutil
from pathlib import Path

import pytest

from libindex.library import Library
from libindex.queries import SORTS, Hit, Sort


@pytest.fixture
def folder(tmp_path: Path, library: Library, ear: object) -> Path:
    """Thirty sounds, of which every third has copies."""
    folder = tmp_path / "Samples"
    for name in ("a", "b", "c"):
        (folder / name).mkdir(parents=True)
    for number in range(30):
        path = folder / "b" / f"{number:02}.wav"
        path.write_bytes(b"sound %d" % number)
        if number % 3 == 0:
            shutil.copy(path, folder / "a" / f"{30 - number:02} copy.wav")
            shutil.copy(path, folder / "c" / f"{number:02}.wav")
    library.scan(folder)
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE samples SET added_at = (id * 7) % 50")
    return folder


def folded(hits: list[Hit]) -> list[tuple[str, tuple[str, ...]]]:
    """What is left of hits for every path: the first of each sound, with the other paths."""
    groups: dict[int, list[str]] = {}
    for hit in hits:
        groups.setdefault(hit.content_id, []).append(hit.path)
    return [(first, tuple(sorted(rest, key=os.fsencode))) for first, *rest in groups.values()]


def found(hits: list[Hit]) -> list[tuple[str, tuple[str, ...]]]:
    return [(hit.path, hit.copies) for hit in hits]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sort", SORTS)
def test_a_hit_is_the_first_of_its_copies(
    library: Library, folder: Path, sort: Sort, reverse: bool
) -> None:
    every = library.query(sort=sort, reverse=reverse, copies=True)
    assert len(every) == 50
    assert {hit.copies for hit in every} == {()}
    assert found(library.query(sort=sort, reverse=reverse)) == folded(every)


@pytest.mark.parametrize("sort", ["prob", "name", "added"])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_pages_are_the_whole(library: Library, folder: Path, sort: Sort, size: int) -> None:
    whole = library.query(sort=sort)
    pages = [library.query(sort=sort, limit=size, offset=i) for i in range(0, 31, size)]
    assert [hit for page in pages for hit in page] == whole
    assert len(whole) == 30


def test_many_copies_do_not_crowd_out_what_comes_next(library: Library, folder: Path) -> None:
    first, second = (hit.path for hit in library.query(limit=2))
    for number in range(300):
        shutil.copy(first, folder / f"{number}.wav")
    library.scan()
    hits = library.query(limit=2)
    assert hits[1].path == second
    assert len(hits[0].copies) >= 300


def test_copies_are_those_that_match(library: Library, folder: Path) -> None:
    for limit in (None, 5):
        for hit in library.query(under=folder / "a", limit=limit):
            assert hit.copies == ()
    names = {str(Path(path).parent) for hit in library.query() for path in hit.copies}
    assert names <= {str(folder / name) for name in "abc"}


def test_the_count_is_that_of_the_hits(library: Library, folder: Path) -> None:
    for filters in ({}, {"name": "copy"}, {"classes": ["kick", "snr"], "min_prob": 0.01}):
        assert library.select(**filters).count() == len(library.query(**filters))
        assert library.select(**filters).count(copies=True) == len(
            library.query(copies=True, **filters)
        )
    assert (library.select().count(), library.select().count(copies=True)) == (30, 50)
