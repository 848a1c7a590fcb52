"""A scan that is killed."""

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from support.libraries import check_integrity, paths, state, wait_until

pytestmark = pytest.mark.slow


def analyses_in(path: Path) -> dict[bytes, int]:
    """What is committed: ids of analyses by digest. An analysis that is done again gets another."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT digest, analyses.id FROM analyses JOIN contents ON contents.id = content_id"
        return dict(connection.execute(query).fetchall())


def test_a_scan_that_is_killed_loses_only_its_last_chunk(
    library, write_sound, libindex, fresh, tmp_path
) -> None:
    # Three chunks of 256. Killed as it starts, after the first chunk, and after the second.
    rng = random.Random(0)
    for number in range(600):
        write_sound(f"{number % 7}/{number}.wav", number, seconds=0.02)
    folder, path = tmp_path / "Samples", library.database.path
    note = path.with_name("library.db.writer")
    committed: dict[bytes, int] = {}
    for at_least in (0, 1, 257):
        note.unlink(missing_ok=True)
        scan = libindex("scan", folder)
        wait_until(lambda: note.exists() and len(analyses_in(path)) >= at_least, scan)  # noqa: B023
        time.sleep(rng.uniform(0, 0.4))
        decoders = psutil.Process(scan.pid).children(recursive=True)
        scan.kill()
        scan.communicate()
        assert psutil.wait_procs(decoders, timeout=60)[1] == []  # they end by themselves
        check_integrity(path)
        now = analyses_in(path)
        assert len(now) >= at_least
        assert committed.items() <= now.items()
        committed = now
    samples = len(paths(library))  # each chunk's follow its analyses, and none is without one
    assert samples <= len(committed)
    last = libindex("scan", folder)
    out, error = last.communicate()
    assert (last.returncode, error) == (0, b"")
    assert f"unchanged {samples:>9,}" in out.decode()
    check_integrity(path)
    now = analyses_in(path)
    assert len(now) == 600
    assert committed.items() <= now.items()
    again = fresh(jobs=2)
    again.scan(folder)
    assert [(h.path, h.class_code) for h in library.query(sort="name")] == [
        (h.path, h.class_code) for h in again.query(sort="name")
    ]
    mine, theirs = state(library), state(again)
    assert mine["samples"] == theirs["samples"]
    assert mine["contents"] == theirs["contents"]
    for ours, others in zip(mine["probabilities"], theirs["probabilities"], strict=True):
        assert ours[:3] == others[:3]
        assert ours[3] == pytest.approx(others[3], abs=1e-5)
