import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

HOLD = """
import sys
from pathlib import Path
from libindex.store import locking
with locking.writer_lock(Path(sys.argv[1]), "watch"):
    print("held", flush=True)
    sys.stdin.read()
"""


def summary(verb: str = "Scanned", **counts: int) -> str:
    """What a scan prints at its end, without speeds."""
    names = ("new", "changed", "moved", "removed", "unchanged", "failed")
    every = {name: counts.get(name, 0) for name in names}
    total = sum(number for name, number in every.items() if name != "removed")
    lines = [f"{verb} {total} files in N s, N files/s"]
    lines += [f"  {name:<9} {number:>9}" for name, number in every.items()]
    hint = "   (why: libindex status --failures)\n" if counts.get("failed") else "\n"
    return "\n".join(lines) + hint


def plain(shown: str) -> str:
    return re.sub(r"[\d,.]+ (s|files/s)\b", r"N \1", shown)


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "Samples"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.wav").write_bytes(b"sound %d" % number)
    return folder


@pytest.mark.usefixtures("ear")
class TestOutcome:
    def test_a_summary_at_the_end(self, cli, folder) -> None:
        result = cli("scan", folder)
        assert plain(result.stdout) == summary(new=5)
        assert result.stderr == ""
        (folder / "bad.wav").write_bytes(b"bad")
        (folder / "0.wav").rename(folder / "zero.wav")
        (folder / "1.wav").unlink()
        (folder / "2.wav").write_bytes(b"another sound")
        result = cli("scan")
        expected = summary(changed=1, moved=1, removed=1, unchanged=2, failed=1)
        assert plain(result.stdout) == expected
        assert plain(cli("scan", "--retry-failed").stdout) == summary(unchanged=4, failed=1)

    def test_several_folders(self, cli, folder, library, tmp_path, monkeypatch) -> None:
        (tmp_path / "Others").mkdir()
        shutil.copy(folder / "0.wav", tmp_path / "Others/copy.wav")
        monkeypatch.chdir(tmp_path)
        assert plain(cli("scan", "Samples", "Others/").stdout) == summary(new=6)
        assert [root.path for root in library.status().roots] == [
            str(tmp_path / "Others"),
            str(folder),
        ]

    def test_a_dry_run_records_nothing(self, cli, folder, library, ear) -> None:
        cli("scan", folder)
        (folder / "new.wav").write_bytes(b"new")
        (folder / "0.wav").unlink()
        ear.analysed.clear()
        shown = plain(cli("scan", "--dry-run").stdout)
        assert shown.startswith("Would scan 5 files in N s")
        assert "  new               1\n" in shown
        assert "  removed           1\n" in shown
        assert ear.analysed == []
        assert library.status().samples == 5

    def test_a_dry_run_leaves_no_library_behind(self, cli, folder, tmp_path) -> None:
        db = tmp_path / "none" / "library.db"
        shown = plain(cli("scan", "--dry-run", "--db", db, folder).stdout)
        assert shown == summary("Would scan", new=5).replace("  moved             0\n", "")
        assert not db.parent.exists()

    def test_a_folder_that_is_not_there_now(self, cli, folder, library) -> None:
        cli("scan", folder)
        folder.rename(folder.with_name("away"))
        result = cli("scan")
        assert plain(result.stdout) == summary()
        assert result.stderr == f"libindex: {folder}: is offline; its samples are kept\n"
        assert library.status().samples == 5

    def test_an_interruption_says_how_to_go_on(self, cli, folder, ear, monkeypatch) -> None:
        def interrupt(_path: str) -> None:
            ear.before = lambda _: None
            signal.raise_signal(signal.SIGINT)

        ear.before = interrupt
        hints: list[str] = []
        monkeypatch.setattr("libindex.cli.scan.next_step", hints.append)
        result = cli("scan", folder, code=130)
        assert result.stderr == "\nlibindex: stopping; what is done is kept\n"
        assert hints == ["Continue with: libindex scan"]

    def test_nothing_to_scan_yet(self, cli) -> None:
        assert plain(cli("scan").stdout) == summary()

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("none", "no such folder"),
            ("Samples/0.wav", "is not a folder; scan the folder it is in"),
            ("new\nline \udcff", "no such folder"),
        ],
    )
    def test_a_path_that_is_no_folder(self, fails, folder, tmp_path, name, reason) -> None:
        shown = name.replace("\n", r"\n").replace("\udcff", r"\xff")
        assert fails("scan", tmp_path / name) == f"{tmp_path}/{shown}: {reason}"

    def test_a_network_that_is_not_there(self, fails, folder, tmp_path) -> None:
        line = fails("scan", folder, "--model", tmp_path / "none.safetensors")
        assert line == f"{tmp_path}/none.safetensors: no such network"

    @pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--device", "abacus"], ["--nope"]])
    def test_wrong_usage_exits_with_2(self, cli, folder, arguments) -> None:
        result = cli("scan", folder, *arguments, code=2)
        assert result.stderr.startswith("Usage: ")


# In a process of its own


def finished(process: "subprocess.Popen[bytes]") -> tuple[int, str, str]:
    out, error = process.communicate(timeout=120)
    return process.returncode, out.decode(), error.decode()


def test_real_sounds_in_a_pipe_show_no_progress(libindex, write_sound) -> None:
    folder = write_sound("\udcff\n.wav", 1, seconds=0.05).parent
    write_sound("b.ogg", 2, seconds=0.05)
    (folder / "text.wav").write_text("no sound")
    (folder / "secret.wav").write_bytes((folder / "b.ogg").read_bytes())
    (folder / "secret.wav").chmod(0)
    (folder / "locked").mkdir()
    (folder / "locked").chmod(0)
    code, out, error = finished(libindex("scan", folder))
    (folder / "locked").chmod(0o755)
    assert code == 0
    assert plain(out) == summary(new=2, failed=2)
    assert error == f"libindex: {folder}/locked: can't be read; its samples are kept\n"
    code, out, error = finished(libindex("status", "--failures"))
    assert out == (
        f"{folder}/secret.wav: can't be read (Permission denied)\n"
        f"{folder}/text.wav: is not audio, or is damaged\n"
    )


def test_a_scan_of_nothing_says_what_comes_first(terminal, library) -> None:
    assert terminal("scan").endswith("Add a folder: libindex scan FOLDER\n")


def test_a_terminal_shows_progress_and_then_only_the_summary(terminal, write_sound) -> None:
    for number in range(5):
        folder = write_sound(f"{number}.wav", number, seconds=0.05).parent
    shown = terminal("scan", folder)
    assert "scanning" in shown
    assert "5/5" in shown
    assert plain(shown).endswith(summary(new=5) + "Search it: libindex query snare\n")
    shown = terminal("scan", "--dry-run")
    assert shown.endswith("Run it without --dry-run to record this.\n")


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    while not condition():
        assert process.poll() is None
        time.sleep(0.005)


def samples(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM samples").fetchone()[0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_keeps_what_is_done(
    library, libindex, write_sound, gate, number, code
) -> None:
    # A full chunk of 256, which is committed when the decoder comes to the file that waits.
    environment, opened = gate
    for each in range(258):
        folder = write_sound(f"{each:03}.wav", each, seconds=0.01).parent
    last = write_sound("x.wav", 999)
    with last.open("ab") as file:
        file.write(b"gate")
    process = libindex("scan", folder, environment=environment)
    wait_until(lambda: samples(library.database.path) > 0, process)
    process.send_signal(number)
    assert process.stderr.readline() == b"\n"
    assert process.stderr.readline() == b"libindex: stopping; what is done is kept\n"
    opened.touch()
    got, out, error = finished(process)
    assert (got, error) == (code, "")
    done = samples(library.database.path)
    assert 256 <= done < 259
    assert plain(out) == summary("Stopped after", new=done)
    got, out, _ = finished(libindex("scan", environment=environment))
    assert (got, plain(out)) == (0, summary(new=259 - done, unchanged=done))


def test_a_second_interruption_ends_at_once(library, libindex, write_sound, gate) -> None:
    environment, opened = gate
    path = write_sound("x.wav", 1)
    with path.open("ab") as file:
        file.write(b"gate")
    process = libindex("scan", path.parent, environment=environment)
    note = library.database.path.with_name("library.db.writer")
    wait_until(note.exists, process)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == b"\n"
    assert process.stderr.readline() == b"libindex: stopping; what is done is kept\n"
    process.send_signal(signal.SIGINT)
    assert finished(process) == (130, "", "libindex: interrupted\n")
    assert not opened.exists()


def test_a_second_scan_waits_for_the_first(library, libindex, folder) -> None:
    command = [sys.executable, "-c", HOLD, str(library.database.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        process = libindex("scan")
        waiting = process.stderr.readline().decode()
        assert waiting.startswith(f"libindex: waiting for libindex watch (process {holder.pid} on ")
        assert process.poll() is None
        holder.stdin.close()
        code, out, error = finished(process)
    assert (code, plain(out), error) == (0, summary(), "")


def test_a_scan_that_waits_can_be_interrupted(library, libindex, folder) -> None:
    command = [sys.executable, "-c", HOLD, str(library.database.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        process = libindex("scan", folder)
        assert process.stderr.readline().startswith(b"libindex: waiting for ")
        process.send_signal(signal.SIGINT)
        code, out, _ = finished(process)
        assert (code, out) == (130, "")
        assert holder.poll() is None
        holder.stdin.close()
    assert library.status().roots == []


def test_a_file_system_that_is_full_is_one_clear_line(library, libindex, folder, tmp_path) -> None:
    # A limit on the size of files (RLIMIT_FSIZE) stands in for a disk that is full.
    (tmp_path / "limit").mkdir()
    (tmp_path / "limit/sitecustomize.py").write_text(
        "import resource, signal, os\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({40_000}, {40_000}))\n"
    )
    for number in range(300):
        (folder / f"text {number}.wav").write_bytes(os.urandom(50))
    environment = {"PYTHONPATH": str(tmp_path / "limit"), "PYTHONDONTWRITEBYTECODE": "1"}
    code, out, error = finished(libindex("scan", folder, environment=environment))
    assert (code, out) == (1, "")
    assert error.startswith(f"libindex: {library.database.path}: ")
    assert error.count("\n") == 1
    assert library.status().samples in {0, 256}
    with closing(sqlite3.connect(library.database.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    code, out, _ = finished(libindex("scan", folder))
    assert code == 0
    assert library.status().samples == 305
