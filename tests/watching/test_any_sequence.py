"""Any sequence of operations, watched or not, ends in what a fresh scan gives."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection
from support.disk import NAMES, WHICH, Disk
from support.ear import Ear
from support.libraries import content_of, put
from support.watchers import Running

from libindex import settings as settings_module
from libindex.analysis.engine import Engine
from libindex.indexing import Indexer, ScanSummary
from libindex.network.modelfile import ModelFile
from libindex.similarity.embeddings import index_path, neighbour_index, unpacked
from libindex.store import locking
from libindex.store.database import Database

pytestmark = pytest.mark.slow


class OneOfSeveral(Indexer):
    """Scans as `libindex scan` does: it waits for the watcher to write."""

    def scan(self, *arguments: Any, **options: Any) -> ScanSummary:
        with locking.writer_lock(self._database.path, "scan", lambda _: None):
            return super().scan(*arguments, **options)


class WatchedDisk(Disk):
    """A folder in which anything may happen, while it is watched and while it is not."""

    empty_database: Path
    model: Path

    def new_library(self) -> Indexer:
        path = self.home / f"{next(self.numbers)}.db"
        shutil.copy(self.empty_database, path)
        options = settings_module.load({"model": str(self.model), "jobs": 1})
        return OneOfSeveral(Database.open(str(path)), Engine(options))

    def __init__(self) -> None:
        super().__init__()
        self.running: Running | None = None
        self.start()

    def teardown(self) -> None:
        if self.running is None:
            self.start()
        self.compare()
        self.stop()
        shutil.rmtree(self.home)

    @rule()
    @precondition(lambda self: self.running is None)
    def start(self) -> None:
        self.running = Running(self.library._database.path, self.model, self.root)

    @rule()
    @precondition(lambda self: self.running is not None)
    def stop(self) -> None:
        assert self.running is not None
        self.running.stop()
        self.running = None

    @rule(which=WHICH)
    def append(self, which: int) -> None:
        with suppress(OSError), self.one(which).open("a") as stream:
            stream.write("more")

    @rule(which=WHICH)
    def truncate(self, which: int) -> None:
        with suppress(OSError):
            os.truncate(self.one(which), 1)

    @rule(which=WHICH, mode=st.sampled_from([0o400, 0o600]))
    def chmod(self, which: int, mode: int) -> None:
        path = self.one(which)
        with suppress(OSError):
            path.chmod(mode | (0o100 if path.is_dir() else 0))

    @rule(which=WHICH, to=NAMES)
    def hard_link(self, which: int, to: str) -> None:
        with suppress(OSError):
            os.link(self.one(which), self.root / to)

    @rule(which=WHICH, to=NAMES)
    def copy_tree(self, which: int, to: str) -> None:
        source = self.one(which)
        with suppress(OSError, shutil.Error):
            if source.is_dir() and not (self.root / to).is_relative_to(source):
                shutil.copytree(source, self.root / to, symlinks=True)

    @rule(name=NAMES, text=st.sampled_from(["one", "own"]))
    def write_in_parts(self, name: str, text: str) -> None:
        with suppress(OSError), put(self.root / name, text).open("a") as stream:
            stream.write("1")
            stream.flush()
            time.sleep(0.02)
            stream.write("2")

    @rule(seconds=st.sampled_from([0.0, 0.1]))
    def away_and_back(self, seconds: float) -> None:
        self.root.rename(self.home / "away")
        time.sleep(seconds)
        (self.home / "away").rename(self.root)

    @rule()
    def compare(self) -> None:
        if self.running is None:
            return
        # What is known below a link that leads nowhere is kept; a fresh scan can't know it.
        for path in [path for path in self.root.rglob("*") if not path.exists()]:
            path.unlink()
        self.running.until_quiet()
        fresh = self.new_library()
        fresh.scan([str(self.root)])
        database = self.library._database
        with database.reading() as mine, fresh._database.reading() as theirs:
            assert self.comparable(mine) == self.comparable(theirs)
        self.running.watcher.reconcile()
        time.sleep(0.05)
        self.running.until_quiet(0.1)
        with database.reading() as mine, fresh._database.reading() as theirs:
            assert content_of(mine) == content_of(theirs)
            self.compare_neighbours(mine)

    def comparable(self, connection: Connection) -> list[tuple[object, ...]]:
        """The samples, but for links to files, whose changes not every event reports.

        They may change through a name that is not that of an audio file. Where one link of
        several is removed, no event reports the new ctime of the others.
        """
        samples: Any = content_of(connection)["samples"]
        return [(*row[:6], *row[7:]) for row in samples if not self.is_link(os.fsdecode(row[1]))]

    def is_link(self, name: str) -> bool:
        path = self.root / name
        return path.is_symlink() or path.stat().st_nlink > 1

    def compare_neighbours(self, connection: Connection) -> None:
        model = ModelFile.read(self.model)
        path = index_path(self.library._database.path, model.fingerprint)
        index = neighbour_index(connection, path, 1, model.network.latent_size)
        stored = connection.exec_driver_sql("SELECT analysis_id, vector FROM embeddings").all()
        assert np.sort(index.ids).tolist() == sorted(row[0] for row in stored)
        vectors = np.array([unpacked(row[1]) for row in stored])
        for vector in vectors[:5]:
            nearest = [similarity for _, similarity in index.search(vector, 5)]
            assert np.allclose(nearest, np.sort(vectors @ vector)[::-1][:5], atol=2e-3)


def test_any_sequence_of_operations_watched_or_not(
    ear: Ear, empty_database: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libindex.disk.walk._SETTLING_NS", 100_000_000)
    monkeypatch.setattr(WatchedDisk, "empty_database", empty_database, raising=False)
    monkeypatch.setattr(WatchedDisk, "model", small_model, raising=False)
    run_state_machine_as_test(
        WatchedDisk,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            report_multiple_bugs=False,
            phases=[Phase.explicit, Phase.generate],  # to shrink would take an hour
        ),
    )
