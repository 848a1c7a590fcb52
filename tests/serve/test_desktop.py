import os
import subprocess
import sys

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
