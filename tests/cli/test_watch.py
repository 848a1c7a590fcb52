import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import Result

from libindex.library import Library
from libindex.watching import activity
from libindex.watching.activity import Activity

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def folder(write_sound: Callable[..., Path], tmp_path: Path) -> Path:
    for number in range(3):
        write_sound(f"{number}.wav", number, seconds=0.05)
    return tmp_path / "Samples"


def until(condition: Callable[[], object], process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < end
        time.sleep(0.02)


def current(database: Path) -> Activity:
    """What the watcher is doing; there must be one."""
    found = activity.read(database)
    assert found is not None
    return found


def analysed(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT count(*) FROM samples JOIN analyses USING (content_id)"
        return int(connection.execute(query).fetchone()[0])


@pytest.fixture
def start(libindex: Start, library: Library) -> Start:
    """Start `libindex watch` with its real indexing process, and wait until it has compared."""

    def run(*arguments: str | Path, **options: Any) -> "subprocess.Popen[bytes]":
        process = libindex("watch", *arguments, **options)
        until(lambda: getattr(activity.read(library.database.path), "reconciled_at", 0), process)
        return process

    return run


def ended(process: "subprocess.Popen[bytes]", number: signal.Signals) -> list[str]:
    """What it logged, after it was ended by a signal."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    out, error = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (0, b"")
    assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []
    return error.decode().splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_follows_until_it_is_stopped(
    start: Start,
    library: Library,
    folder: Path,
    write_sound: Callable[..., Path],
    number: signal.Signals,
) -> None:
    database = library.database.path
    process = start(folder)
    until(lambda: analysed(database) == 3, process)
    write_sound("new.wav", 7)
    until(lambda: analysed(database) == 4, process)
    until(lambda: current(database).doing == "idle", process)  # and its activity file says so
    log = ended(process, number)
    assert any(line.endswith(": watched") for line in log)
    assert any(line.endswith("libindex: 1 new") for line in log)
    assert log[-1].endswith("stopping; finished work is saved")
    assert activity.read(database) is None
    assert not activity.path_for(database).exists()


def test_a_signal_has_everything_compared(start: Start, library: Library, folder: Path) -> None:
    process = start(folder, "--log-format", "json")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    lines = [json.loads(line) for line in ended(process, signal.SIGTERM)]
    events = [line["event"] for line in lines]
    assert events.index("asked") < len(events) - 1
    assert events[-1] == "stopping"
    compared = [line for line in lines if line["event"] == "compared"]
    assert all(line["level"] == "info" and line["seconds"] >= 0 for line in compared)


def test_quiet_logs_only_problems(start: Start, folder: Path) -> None:
    assert ended(start(folder, "--quiet"), signal.SIGTERM) == []


def test_what_it_does_is_shown(
    start: Start, cli: Callable[..., Result], library: Library, folder: Path
) -> None:
    assert "watching    no (start it with: libindex watch" in cli("status").stdout
    assert json.loads(cli("status", "--json").stdout)["watcher"] is None
    process = start(folder)
    until(lambda: analysed(library.database.path) == 3, process)
    until(lambda: current(library.database.path).doing == "idle", process)
    shown = cli("status").stdout
    assert f"watching    libindex watch (process {process.pid} on " in shown
    assert "            idle\n" in shown
    assert "            compared everything 20" in shown
    watcher = json.loads(cli("status", "--json").stdout)["watcher"]
    assert watcher["holder"]["pid"] == process.pid
    assert watcher["folders"] == [{"path": str(folder), "how": "events"}]
    ended(process, signal.SIGTERM)


def test_a_second_watcher_is_refused(
    start: Start, libindex: Start, folder: Path, library: Library
) -> None:
    first = start(folder)
    second = libindex("watch", folder)
    out, error = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 1
    assert out == b""
    expected = f"libindex: {library.database.path}: is being watched by libindex watch "
    assert error.decode().startswith(f"{expected}(process {first.pid} on ")
    assert error.count(b"\n") == 1
    ended(first, signal.SIGTERM)


def test_a_killed_watcher_is_followed_by_another(
    start: Start, library: Library, folder: Path, write_sound: Callable[..., Path]
) -> None:
    database = library.database.path
    first = start(folder)
    until(lambda: analysed(database) == 3, first)
    children = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.wait()
    assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []  # they end by themselves
    assert activity.read(database) is None
    write_sound("later.wav", 9)
    second = start()
    until(lambda: analysed(database) == 4, second)
    ended(second, signal.SIGTERM)


def test_a_killed_indexing_process_is_replaced(
    start: Start, library: Library, folder: Path, write_sound: Callable[..., Path]
) -> None:
    database = library.database.path
    process = start(folder)
    until(lambda: analysed(database) == 3, process)
    for child in psutil.Process(process.pid).children():
        child.kill()
    write_sound("later.wav", 9)
    until(lambda: analysed(database) == 4, process)
    ended(process, signal.SIGTERM)


def test_a_scan_meanwhile_adds_a_folder(
    start: Start, libindex: Start, library: Library, folder: Path, tmp_path: Path
) -> None:
    process = start(folder)
    other = tmp_path / "Other"
    other.mkdir()
    (folder / "0.wav").rename(other / "0.wav")
    scan = libindex("scan", other)
    _, error = scan.communicate(timeout=PATIENCE_S)
    assert scan.returncode == 0, error
    ended(process, signal.SIGTERM)


def test_permission_that_is_lost_and_given_back(
    start: Start, library: Library, folder: Path, write_sound: Callable[..., Path], tmp_path: Path
) -> None:
    database, log = library.database.path, tmp_path / "log"
    locked = write_sound("locked/a.wav", 5).parent
    with log.open("wb") as stream:
        process = start(folder, "--log-format", "json", "--quiet", stderr=stream)
    until(lambda: analysed(database) == 4, process)
    locked.chmod(0)
    until(lambda: "can't be read" in log.read_text(), process)
    write_sound("elsewhere.wav", 6)
    until(lambda: analysed(database) == 5, process)
    locked.chmod(0o755)
    write_sound("locked/b.wav", 7)
    until(lambda: analysed(database) == 6, process)
    folder.chmod(0)
    until(lambda: current(database).folders[0].how == "offline", process)
    assert analysed(database) == 6
    folder.chmod(0o755)
    write_sound("back.wav", 8)
    until(lambda: analysed(database) == 7, process)
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    assert [json.loads(line)["message"] for line in log.read_text().splitlines()] == [
        f"{locked}: can't be read; its samples are kept",
        f"{folder}: can't be read (permission denied); its samples are kept",
    ]


def test_folders_that_are_barred_from_the_start(
    start: Start, library: Library, folder: Path, write_sound: Callable[..., Path], libindex: Start
) -> None:
    database = library.database.path
    library.scan(folder)
    locked = write_sound("locked/a.wav", 5).parent
    locked.chmod(0)
    process = start(folder)
    locked.chmod(0o755)
    until(lambda: analysed(database) == 4, process)
    until(lambda: current(database).doing == "idle", process)
    write_sound("locked/b.wav", 6)  # which is noticed, since the folder is watched by now
    until(lambda: analysed(database) == 5, process)
    ended(process, signal.SIGTERM)
    folder.chmod(0)
    process = start(folder)
    folder.chmod(0o755)
    write_sound("c.wav", 7)
    until(lambda: analysed(database) == 6, process)
    assert any("permission denied" in line for line in ended(process, signal.SIGTERM))


def test_systemd_is_notified_that_it_is_ready_and_alive(
    start: Start, folder: Path, tmp_path: Path, libindex: Start
) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        channel.settimeout(PATIENCE_S)
        environment = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "600000"}
        process = libindex("watch", folder, environment=environment)
        received: set[bytes] = set()
        while not {b"READY=1", b"WATCHDOG=1"} <= received:
            received.add(channel.recv(4096))
        process.send_signal(signal.SIGTERM)
        while b"STOPPING=1" not in received:
            received.add(channel.recv(4096))
    process.communicate()
    assert process.returncode == 0


def test_a_folder_that_is_nowhere(fails: Callable[..., str], tmp_path: Path) -> None:
    assert fails("watch", tmp_path / "nowhere") == f"{tmp_path / 'nowhere'}: no such folder"


@pytest.mark.parametrize("arguments", [["--reconcile-every", "0"], ["--log-format", "xml"]])
def test_wrong_usage(cli: Callable[..., Result], arguments: list[str]) -> None:
    assert cli("watch", *arguments, code=2).stderr


def test_it_stands_back(start: Start, folder: Path) -> None:
    process = start(folder, "--nice", "15")
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
    assert min(one.nice() for one in tree) >= max(15, os.nice(0))
    ended(process, signal.SIGTERM)
