import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from libindex import services
from libindex.errors import LibindexError
from libindex.services import Program

NOTHING = Program(())


class Manager:
    """Stands in for the system's."""

    def __init__(self, path: Path) -> None:
        self.path, self.running = path, True
        self.did: list[object] = []
        self.installed = NOTHING

    def render(self, program: Program) -> str:
        return "\n".join(program.command) + "\n"

    def install(self, program: Program) -> None:
        self.installed = program

    def uninstall(self) -> None:
        self.did.append("uninstall")

    def start(self) -> None:
        self.did.append("start")

    def stop(self) -> None:
        raise LibindexError("systemctl --user stop failed: no bus")

    def is_running(self) -> bool:
        return self.running

    def show_logs(self, lines: int, *, follow: bool) -> None:
        self.did.append(("logs", lines, follow))


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Manager:
    manager = Manager(tmp_path / "libindex.service")
    monkeypatch.setattr(services, "for_this_system", lambda: manager)
    return manager


def test_it_runs_what_was_asked_for(
    cli: Callable[..., Result], manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("service", "install", "Samples", "--db", "x.db", "--jobs", "2")
    assert str(manager.path) in result.stdout
    expected = [sys.executable, "-P", "-m", "libindex", "watch"]
    expected += ["--jobs", "2", "--db", str(tmp_path / "x.db"), "--", str(tmp_path / "Samples")]
    command = list(manager.installed.command)
    assert sorted(command) == sorted(expected)
    assert command[-2:] == expected[-2:]


def test_it_keeps_the_settings_of_the_environment(
    cli: Callable[..., Result],
    manager: Manager,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    given = {
        "DB": "sqlite:///My Library.db",
        "MODEL": "model.safetensors",
        "JOBS": "3",
        "DEVICE": "cpu",
        "FILE_TIMEOUT_S": "9.5",
        "CONFIG": "config.toml",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"LIBINDEX_{name}", value)
    cli("service", "install", "--device", "cuda")
    assert manager.installed.environment == {
        "LIBINDEX_DB": f"sqlite:///{tmp_path}/My Library.db",
        "LIBINDEX_MODEL": f"{tmp_path}/model.safetensors",
        "LIBINDEX_JOBS": "3",
        "LIBINDEX_FILE_TIMEOUT_S": "9.5",
        "LIBINDEX_CONFIG": f"{tmp_path}/config.toml",
    }
    assert manager.installed.command[-3:] == ("watch", "--device", "cuda")


def test_it_finds_the_library_where_it_is_by_default(
    cli: Callable[..., Result], manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/music")
    cli("service", "install")
    assert manager.installed.environment["XDG_DATA_HOME"] == "/music"


def test_settings_that_make_no_sense_are_not_installed(
    fails: Callable[..., str], manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBINDEX_JOBS", "many")
    assert fails("service", "install") == "jobs is 'many'; a whole number is needed"
    assert manager.installed == NOTHING


def test_the_unit_can_be_looked_at_first(cli: Callable[..., Result], manager: Manager) -> None:
    assert cli("service", "install", "--print").stdout.endswith("libindex\nwatch\n")
    assert manager.installed == NOTHING


def test_its_commands(
    cli: Callable[..., Result], fails: Callable[..., str], manager: Manager
) -> None:
    cli("service", "start")
    cli("service", "logs", "-n", "5", "-f")
    cli("service", "uninstall")
    assert manager.did == ["start", ("logs", 5, True), "uninstall"]
    assert fails("service", "stop") == "systemctl --user stop failed: no bus"


def test_its_status_is_an_exit_status(cli: Callable[..., Result], manager: Manager) -> None:
    assert cli("service", "status").stdout == "running\n"
    manager.running = False
    assert cli("service", "status", code=1).stdout == "not running\n"
