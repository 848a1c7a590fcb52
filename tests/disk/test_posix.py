"""What only POSIX has; the exit statuses of the limits are tested with the workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from libindex.disk import posix


def test_a_process_that_runs_and_one_that_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert posix.is_process_running(os.getpid())
    assert not posix.is_process_running(process.pid)


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    folder = str(tmp_path)
    with (
        posix.locked_folder(folder),
        pytest.raises(BlockingIOError),
        posix.locked_folder(folder),
    ):
        pass
    with posix.locked_folder(str(tmp_path)):
        pass


@pytest.mark.parametrize(
    ("program", "limit"),
    [
        ("posix.limit_time(0.1, 60)\nwhile True: pass", "cpu"),
        ("posix.limit_time(60, 0.1)\ntime.sleep(60)", "clock"),
        ("posix.limit_time(0.01, 0.01)\nposix.lift_limit()\ntime.sleep(0.1)", None),
    ],
)
def test_limits_end_a_process(program: str, limit: str | None) -> None:
    code = f"import time\nfrom libindex.disk import posix\n{program}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    status = subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode
    assert posix.limit_hit(status) == limit
