"""Any sequence of operations ends in what a fresh scan gives."""

import shutil

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from support.disk import Disk

from libindex import settings as settings_module
from libindex.analysis.engine import Engine
from libindex.indexing import Indexer
from libindex.store.database import Database

pytestmark = pytest.mark.slow


def test_any_sequence_of_operations_ends_in_what_a_fresh_scan_gives(
    ear, empty_database, small_model
) -> None:
    options = settings_module.load({"model": str(small_model), "jobs": 1})

    class DiskWithLibrary(Disk):
        def new_library(self) -> Indexer:
            path = self.home / f"{next(self.numbers)}.db"
            shutil.copy(empty_database, path)
            return Indexer(Database.open(str(path)), Engine(options, ear))

    run_state_machine_as_test(
        DiskWithLibrary,
        settings=settings(max_examples=25, stateful_step_count=15, report_multiple_bugs=False),
    )
