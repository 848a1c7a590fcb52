import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from libindex import services
from libindex.errors import LibindexError
from libindex.services import base, launchd, systemd
from libindex.services.launchd import Launchd
from libindex.services.systemd import Systemd

COMMAND = [sys.executable, "-m", "libindex", "watch", "/My Samples/100% $HOME \"x\" \\ 'y'"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the service managers were asked to do."""
    commands: list[list[str]] = []

    def run(*command: str) -> str:
        commands.append(list(command))
        return "active\n" if "systemctl" in command else "state = running\n"

    monkeypatch.setattr(systemd, "run", run)
    monkeypatch.setattr(launchd, "run", run)
    return commands


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
def test_systemd_understands_its_unit(tmp_path: Path) -> None:
    unit = tmp_path / "libindex.service"
    unit.write_text(Systemd().described(COMMAND))
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", unit],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_unit_runs_words_as_they_are() -> None:
    line = next(x for x in Systemd().described(COMMAND).splitlines() if x.startswith("ExecStart="))
    assert line.endswith(r'''"watch" "/My Samples/100%% $$HOME \"x\" \\ 'y'"''')


def test_launchd_understands_its_agent() -> None:
    values = plistlib.loads(Launchd().described(COMMAND).encode())
    assert values["ProgramArguments"] == COMMAND
    assert values["RunAtLoad"] is True


@pytest.mark.parametrize("manager", [Systemd(), Launchd()])
def test_its_life(manager: base.Service, asked: Sequence[list[str]]) -> None:
    with pytest.raises(LibindexError, match="not installed; do so with: libindex service install"):
        manager.start()
    manager.install(COMMAND)
    assert "My Samples" in manager.path.read_text()
    assert manager.is_running()
    manager.stop()
    manager.start()
    manager.uninstall()
    assert not manager.path.exists()
    assert asked


def test_a_manager_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LibindexError, match="failed: no bus"):
        base.run("sh", "-c", "echo first >&2; echo no bus >&2; exit 3")
    with pytest.raises(LibindexError, match="can't run /none"):
        base.run("/none")


def test_a_system_without_a_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(LibindexError, match="neither systemd nor launchd"):
        services.for_this_system()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert isinstance(services.for_this_system(), Launchd)
