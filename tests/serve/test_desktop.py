import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from libindex.errors import LibindexError
from libindex.serve.routes import desktop

NAME = os.fsdecode('/Samples/it\'s "big" \u2019; $(reboot) \xff.wav'.encode() + b"\xff")


def test_no_shell_and_no_option_in_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for system in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", system)
        for command in desktop._commands(NAME):
            assert isinstance(command, list)
            assert command[0] in {"gdbus", "xdg-open", "open", "explorer"}


def test_dbus_is_sent_the_uri_of_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    show, folder = desktop._commands(NAME)
    [uri] = [part for part in show if part.startswith("['file://")]
    assert uri.startswith("['file:///Samples/it%27s%20%22big%22%20%E2%80%99%3B%20%24%28reboot%29")
    assert uri.endswith("%FF.wav%FF']".replace("%FF.wav", "%C3%BF.wav"))
    assert folder == ["xdg-open", "/Samples"]


def test_the_next_is_tried_if_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    called = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[bytes]":
        called.append(command[0])
        if command[0] == "gdbus":
            raise FileNotFoundError
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    desktop.reveal("/Samples/a.wav")
    assert called == ["gdbus", "xdg-open"]


def test_no_file_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 3)
    )
    with pytest.raises(LibindexError, match="no file manager answered"):
        desktop.reveal("/Samples/a.wav")


_ON_A_BUS = """
import subprocess, sys, time
from libindex.errors import LibindexError
from libindex.serve.routes import desktop

seen = open(sys.argv[1], "wb")
monitor = subprocess.Popen(
    ["dbus-monitor", "--session", "interface='org.freedesktop.FileManager1'"], stdout=seen
)
while not open(sys.argv[1], "rb").read():  # it listens
    time.sleep(0.02)
try:
    desktop.reveal(sys.argv[2])
except LibindexError:
    pass  # no file manager is on this bus
end = time.monotonic() + 10
while b"ShowItems" not in open(sys.argv[1], "rb").read() and time.monotonic() < end:
    time.sleep(0.02)
monitor.terminate()
monitor.wait()
"""


@pytest.mark.skipif(
    not all(shutil.which(name) for name in ("dbus-run-session", "dbus-monitor", "gdbus")),
    reason="needs D-Bus",
)
def test_a_file_manager_on_the_bus_is_asked(tmp_path: Path) -> None:
    log = tmp_path / "bus.log"
    subprocess.run(
        ["dbus-run-session", "--", sys.executable, "-c", _ON_A_BUS, log, "/Samples/a b.wav"],
        check=True,
        timeout=60,
    )
    printed = log.read_text(errors="replace")
    assert "path=/org/freedesktop/FileManager1" in printed
    assert 'string "file:///Samples/a%20b.wav"' in printed
