"""What an event costs: statements, write transactions, and rows that change for nothing."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import event, select
from support.ear import Ear
from support.libraries import put, state

from libindex.analysis.engine import Engine
from libindex.errors import SampleError
from libindex.indexing import Change, Indexer
from libindex.library import Library
from libindex.network.modelfile import ModelFile
from libindex.queries import current_network
from libindex.store.schema import library as revisions
from libindex.store.schema import networks, roots

LONG_AGO_NS = 10**18


def old(path: Path, content: str | None = None) -> Path:
    """A file that a scan takes to be settled."""
    put(path, content)
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return path


@contextmanager
def counted() -> Iterator[list[str]]:
    """The SQL statements that are executed meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(sqlalchemy.Engine, "before_cursor_execute", note)


def writing(statements: list[str]) -> int:
    """How many write transactions there were."""
    return statements.count("BEGIN IMMEDIATE")


@pytest.fixture
def indexer(library: Library, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> Iterator[Indexer]:
    # Nothing of this test is fresh: a change's time would not be seen otherwise.
    monkeypatch.setattr("libindex.disk.walk._SETTLING_NS", -1)
    with Engine(library.settings, ear) as engine, Indexer(library.database, engine) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, indexer: Indexer) -> Path:
    folder = tmp_path / "Samples"
    for name in ("a.wav", "pack/b.wav", "pack/c.wav"):
        old(folder / name)
    old(folder / "bad.wav", "bad")
    indexer.scan([str(folder)])
    return folder


def test_a_new_file_costs_at_most_half_of_what_it_did(indexer: Indexer, folder: Path) -> None:
    new = old(folder / "new.wav", "of a size of its own")
    with counted() as statements:
        assert indexer.update([str(new)]).new == 1
    assert len(statements) <= 15  # there were 33, in 7 transactions
    assert writing(statements) == 1


@pytest.mark.parametrize("name", ["a.wav", "bad.wav", "none.wav", "pack"])
def test_an_event_that_changes_nothing_writes_nothing(
    library: Library, indexer: Indexer, folder: Path, name: str
) -> None:
    before = state(library)
    with counted() as statements:
        indexer.update([str(folder / name)])
    assert writing(statements) == 0
    assert len(statements) <= 7  # there were 15, in 4 transactions
    assert state(library) == before


def test_a_scan_that_finds_nothing_writes_once(
    library: Library, indexer: Indexer, folder: Path
) -> None:
    before = state(library)
    with counted() as statements:
        indexer.scan()
    assert writing(statements) == 1  # when the root was scanned
    assert state(library) == before


def test_what_a_hook_is_given_costs_nothing(indexer: Indexer, folder: Path) -> None:
    changes: list[Change] = []
    with counted() as alone:
        indexer.update([str(old(folder / "new 1.wav", "1" * 101))])
    with counted() as statements:
        indexer.update([str(old(folder / "new 2.wav", "2" * 102))], on_commit=changes.extend)
    assert len(statements) == len(alone)
    (change,) = changes
    assert (change.kind, change.reason) == ("new", None)
    assert change.class_code is not None
    assert change.duration_s is not None


def test_changes_carry_what_is_known(library: Library, indexer: Indexer, folder: Path) -> None:
    changes: list[Change] = []
    old(folder / "copy.wav", str(folder / "a.wav"))  # its bytes are known
    old(folder / "bad too.wav", "bad too")
    (folder / "pack/b.wav").unlink()
    indexer.scan(on_commit=changes.extend)
    copy, bad, removed = sorted(
        changes, key=lambda change: ("new", "failed", "removed").index(change.kind)
    )
    (hit,) = library.query(name="copy.wav")
    assert (copy.kind, copy.class_code, copy.duration_s) == (
        "new",
        hit.class_code,
        hit.facts.duration_s,
    )
    assert copy.probability == pytest.approx(hit.probability)
    assert (bad.kind, bad.reason, bad.class_code) == ("failed", "is not audio", None)
    assert removed == Change("removed", str(folder / "pack/b.wav"))


def used_at(library: Library) -> list[int]:
    with library.database.reading() as connection:
        return list(connection.execute(select(networks.c.used_at)).scalars())


def answering(library: Library) -> str:
    with library.database.reading() as connection:
        return current_network(connection).fingerprint


def test_a_burst_of_events_does_not_outrun_the_clock(
    library: Library, indexer: Indexer, folder: Path
) -> None:
    for number in range(20):
        indexer.update([str(old(folder / f"{number}.wav", "x" * number))])
    assert max(used_at(library)) <= time.time()


def test_only_a_network_that_did_not_answer_yet_is_noted(
    library: Library, indexer: Indexer, folder: Path, other_model: Path
) -> None:
    before = used_at(library)
    indexer.scan()
    assert used_at(library) == before
    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        second.scan()
    assert answering(library) == ModelFile.read(other_model).fingerprint
    indexer.scan()
    assert answering(library) == ModelFile.read(library.settings.model).fingerprint


def test_an_analysis_that_is_done_again_replaces_all_of_the_old_one(
    library: Library, indexer: Indexer, folder: Path
) -> None:
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE contents SET failure = 'was mended'")
    before = state(library)
    indexer.scan(retry_failed=True)
    after = state(library)
    for what in ("analyses", "probabilities"):
        assert len(after[what]) == len(before[what])
    with library.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.execute(select(revisions)).all()
        assert len(connection.execute(select(roots)).all()) == 1


def test_a_file_that_takes_too_long_is_reported_once(
    indexer: Indexer, folder: Path, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(folder / "slow.wav")
    late = SampleError("took longer than 30 s to decode", str(folder / "slow.wav"))
    monkeypatch.setattr(ear, "result", lambda _path: late)
    changes: list[Change] = []
    for _ in range(3):
        assert indexer.scan(on_commit=changes.extend).failed == 2
    assert [(change.kind, change.reason) for change in changes] == [("failed", late.reason)]
    assert len(ear.analysed) == 4 + 3
