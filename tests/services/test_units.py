import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from libindex import services
from libindex.errors import LibindexError
from libindex.services import Program, Service, base
from libindex.services.launchd import Launchd
from libindex.services.systemd import Systemd

STRANGE = "/My Samples/100% $HOME \"x\" \\ 'y'"
COMMAND = (sys.executable, "-m", "libindex", "watch", STRANGE)
PROGRAM = Program(COMMAND, {"LIBINDEX_DB": STRANGE, "LIBINDEX_JOBS": "2"})


class Commands(list[list[str]]):
    """What a service manager was asked to do."""

    def run(self, *command: str) -> str:
        self.append(list(command))
        return "active\n" if "systemctl" in command else "state = running\n"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
def test_systemd_understands_its_unit(tmp_path: Path) -> None:
    unit = tmp_path / "libindex.service"
    unit.write_text(Systemd().render(PROGRAM))
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", unit],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
def test_systemd_would_say_what_it_does_not_understand(tmp_path: Path) -> None:
    unit = tmp_path / "libindex.service"
    unit.write_text(Systemd().render(Program(COMMAND, {"no variable": "x"})))
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", unit],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert b"Invalid environment assignment" in done.stderr


def lines(program: Program, name: str) -> list[str]:
    return [x for x in Systemd().render(program).splitlines() if x.startswith(name)]


def test_a_unit_runs_words_as_they_are() -> None:
    [line] = lines(PROGRAM, "ExecStart=")
    assert line.endswith(r'''"watch" "/My Samples/100%% $$HOME \"x\" \\ 'y'"''')


def test_a_unit_sets_variables_to_what_they_are() -> None:
    assert lines(PROGRAM, "Environment=") == [
        r'''Environment="LIBINDEX_DB=/My Samples/100%% $HOME \"x\" \\ 'y'"''',
        'Environment="LIBINDEX_JOBS=2"',
    ]
    assert lines(Program(COMMAND), "Environment=") == []


def test_launchd_understands_its_agent() -> None:
    values = plistlib.loads(Launchd().render(PROGRAM).encode())
    assert values["ProgramArguments"] == list(COMMAND)
    assert values["EnvironmentVariables"] == {"LIBINDEX_DB": STRANGE, "LIBINDEX_JOBS": "2"}
    assert values["RunAtLoad"] is True


@pytest.mark.parametrize("manager_of", [Systemd, Launchd])
def test_its_life(manager_of: Callable[[base.Run], Service]) -> None:
    asked = Commands()
    manager = manager_of(asked.run)
    with pytest.raises(LibindexError, match="installed; install it with: libindex service install"):
        manager.start()
    manager.install(PROGRAM)
    assert "My Samples" in manager.path.read_text()
    assert manager.is_running()
    manager.stop()
    manager.start()
    manager.uninstall()
    assert not manager.path.exists()
    assert asked


@pytest.mark.parametrize("manager_of", [Systemd, Launchd])
def test_to_install_again_changes_its_settings(
    manager_of: Callable[[base.Run], Service],
) -> None:
    asked = Commands()
    manager = manager_of(asked.run)
    manager.install(PROGRAM)
    asked.clear()
    other = Program(COMMAND, {"LIBINDEX_JOBS": "7"})
    manager.install(other)
    assert manager.path.read_text() == manager.render(other)
    assert manager.render(other) != manager.render(PROGRAM)
    words = [word for command in asked for word in command]
    assert "restart" in words or {"bootout", "bootstrap"} <= set(words)


def test_a_manager_that_fails_is_quoted() -> None:
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
