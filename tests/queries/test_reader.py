"""What a library keeps between answers, and when it begins what takes long."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.ear import Ear
from support.libraries import put

from libindex.errors import ModelError, NotFoundError, SampleError, UsageError
from libindex.library import Library
from libindex.queries import Example
from libindex.similarity.embeddings import neighbour_index
from libindex.similarity.neighbours import NeighbourIndex


class CountedIndex:
    """A factory of neighbour indexes that counts."""

    made = 0

    def __call__(self, *arguments: Any, **options: Any) -> NeighbourIndex:
        self.made += 1
        return neighbour_index(*arguments, **options)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def indexes() -> CountedIndex:
    return CountedIndex()


@pytest.fixture
def kept(tmp_path: Path, small_model: Path, ear: Ear, indexes: CountedIndex) -> Iterator[Library]:
    """A library of twelve sounds, open again since it was scanned."""
    for number in range(12):
        put(tmp_path / f"Samples/{number:02}.wav")
    given: dict[str, Any] = {"model": small_model, "jobs": 1}
    with Library.open(tmp_path / "kept.db", pipeline_factory=Ear(), **given) as library:
        library.scan(tmp_path / "Samples")
    with Library.open(
        tmp_path / "kept.db", pipeline_factory=ear, index_factory=indexes, **given
    ) as library:
        yield library


@pytest.fixture
def outsider(tmp_path: Path) -> Path:
    return put(tmp_path / "elsewhere/new.wav")


def test_the_engine_is_made_once_and_ended_at_the_end(
    kept: Library, ear: Ear, outsider: Path, tmp_path: Path
) -> None:
    kept.similar("03.wav")
    assert ear.made == 0
    assert len(kept.similar(outsider)) == 10
    assert kept.similar(outsider)[0] == kept.similar(outsider)[0]
    put(tmp_path / "Samples/another.wav")
    assert kept.scan().new == 1
    kept.kits.folder_material([outsider.parent])
    kept.similar(outsider)
    assert (ear.made, ear.open) == (1, 1)
    kept.close()
    assert ear.open == 0


def test_after_it_was_closed_nothing_is_kept(kept: Library, ear: Ear, outsider: Path) -> None:
    kept.close()
    assert len(kept.similar(outsider)) == 10
    assert (ear.made, ear.open) == (1, 0)


def test_what_failed_is_not_used_again(kept: Library, ear: Ear, outsider: Path) -> None:
    def fail(_: str) -> None:
        raise ModelError("can't be loaded")

    ear.before = fail
    with pytest.raises(ModelError):
        kept.similar(outsider)
    assert ear.open == 0
    ear.before = lambda _: None
    assert len(kept.similar(outsider)) == 10
    assert ear.made == 2


def test_a_bad_file_costs_no_engine(
    kept: Library, ear: Ear, tmp_path: Path, outsider: Path
) -> None:
    bad = put(tmp_path / "elsewhere/bad.wav", b"bad")
    with pytest.raises(SampleError):
        kept.similar(bad)
    kept.similar(outsider)
    assert ear.made == 1


@pytest.mark.slow
def test_another_network_in_the_place_of_the_first_is_noticed(
    kept: Library, ear: Ear, outsider: Path, small_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "mine.safetensors"
    model.write_bytes(small_model.read_bytes())
    text = small_model.with_suffix(".json").read_text()
    model.with_suffix(".json").write_text(text)
    with Library.open(tmp_path / "mine.db", model=model, jobs=1, pipeline_factory=ear) as library:
        library.scan(outsider.parent)
        model.with_suffix(".json").write_text(
            text.replace('"temperature": 1.0', '"temperature": 2.0')
        )
        library.scan()
        assert (ear.made, ear.open, len(ear.analysed)) == (2, 1, 2)


def test_the_index_is_made_once_for_a_revision(
    kept: Library, indexes: CountedIndex, outsider: Path, tmp_path: Path
) -> None:
    for _ in range(3):
        kept.similar("03.wav")
        kept.similar(outsider)
    assert indexes.made == 1
    put(tmp_path / "Samples/another.wav", outsider.read_bytes())
    kept.scan()
    assert kept.similar(outsider)[0].path == str(tmp_path / "Samples/another.wav")
    assert indexes.made == 2


def test_nothing_is_analysed_inside_of_a_transaction(
    kept: Library, ear: Ear, outsider: Path
) -> None:
    # SQLite leaves this mode only when nobody else has the database open.
    def leave_wal(_: str) -> None:
        with closing(sqlite3.connect(kept.database.path, timeout=0)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA journal_mode = WAL")

    ear.before = leave_wal
    kept.similar(outsider)
    kept.kits.folder_material([outsider.parent])
    assert len(ear.analysed) == 2


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"under": "/wrong"}, NotFoundError),
        ({"classes": ["kik drum"]}, UsageError),
        ({"min_prob": 2.0}, UsageError),
        ({"min_porb": 0.5}, UsageError),
    ],
)
def test_arguments_are_checked_before_anything_is_analysed(
    kept: Library, ear: Ear, outsider: Path, filters: dict[str, Any], error: type[Exception]
) -> None:
    seen: list[Example] = []
    with pytest.raises(error):
        kept.similar(outsider, on_example=seen.append, **filters)
    assert (ear.made, seen) == (0, [])


def test_the_callback_gets_what_a_file_was_taken_for(
    kept: Library, ear: Ear, outsider: Path, tmp_path: Path
) -> None:
    seen: list[tuple[str, bool, int]] = []

    def note(example: Example) -> None:
        seen.append((example.path, example.embedding is None, len(ear.analysed)))

    kept.similar("03.wav", on_example=note)
    kept.similar(outsider, on_example=note)
    assert seen == [(str(tmp_path / "Samples/03.wav"), False, 0), (str(outsider), True, 0)]


@pytest.mark.slow
def test_any_number_of_threads_may_ask(kept: Library, ear: Ear, tmp_path: Path) -> None:
    files = [put(tmp_path / f"elsewhere/{number}.wav") for number in range(8)]
    expected = [[hit.path for hit in kept.similar(file)] for file in files]

    def asked(file: Path) -> list[str]:
        kept.query(classes=["kick"])
        return [hit.path for hit in kept.similar(file)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(asked, files * 4)) == expected * 4
    assert (ear.made, ear.open) == (1, 1)


def test_a_scan_holds_up_nobody(kept: Library, ear: Ear, outsider: Path, tmp_path: Path) -> None:
    scanning, go_on = threading.Event(), threading.Event()
    new = put(tmp_path / "Samples/another.wav")

    def wait(path: str) -> None:
        if path == str(new):
            scanning.set()
            assert go_on.wait(30)

    ear.before = wait
    with ThreadPoolExecutor(1) as pool:
        scan: Callable = pool.submit(kept.scan).result
        assert scanning.wait(30)
        assert len(kept.similar(outsider)) == len(kept.similar(outsider)) == 10
        assert ear.made == 2
        go_on.set()
        assert scan().new == 1
    assert ear.open == 1
