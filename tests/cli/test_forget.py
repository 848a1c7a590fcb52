import subprocess
import sys

import pytest

HOLD = """
import sys
from pathlib import Path
from libindex.store import locking
with locking.writer_lock(Path(sys.argv[1]), "watch"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path, library, ear):
    folder = tmp_path / "Samples"
    folder.mkdir()
    (folder / "kick.wav").write_bytes(b"sound")
    library.scan(folder)
    return folder


def test_a_root_is_forgotten_and_no_file_is_touched(cli, folder, library) -> None:
    before = (folder / "kick.wav").stat()
    result = cli("forget", folder)
    assert result.stdout == f"Forgot {folder} and its 1 samples; no file was touched\n"
    assert library.status().samples == 0
    assert (folder / "kick.wav").stat() == before


def test_a_root_that_is_gone_can_be_forgotten(cli, folder, library) -> None:
    folder.rename(folder.with_name("away"))
    cli("forget", folder)
    assert library.status().roots == []


def test_a_root_can_be_written_in_any_way(cli, folder, library, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    cli("forget", "../Samples/.")
    assert library.status().roots == []


def test_what_is_no_root(fails, folder) -> None:
    assert fails("forget", folder / "kick.wav") == (
        f"{folder}/kick.wav: is not one of the library's folders ({folder})"
    )


@pytest.mark.slow
def test_it_waits_for_a_writer(cli, folder, library) -> None:
    command = [sys.executable, "-c", HOLD, str(library.database.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        waiting = subprocess.Popen(
            [sys.executable, "-m", "libindex", "forget", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert waiting.stderr.readline().startswith(
            b"libindex: waiting for libindex watch (process "
        )
        assert waiting.poll() is None
        assert library.status().samples == 1
        holder.stdin.close()
        out, error = waiting.communicate()
    assert (waiting.returncode, error) == (0, b"")
    assert out.startswith(b"Forgot ")
    assert library.status().samples == 0
