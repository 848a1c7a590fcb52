import sys

import pytest

from libindex import services
from libindex.errors import LibindexError


class Manager:
    """Stands in for the system's."""

    def __init__(self, path) -> None:
        self.path, self.did, self.running = path, [], True

    def described(self, command) -> str:
        return "\n".join(command) + "\n"

    def install(self, command) -> None:
        self.did.append(("install", command))

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
def manager(monkeypatch, tmp_path) -> Manager:
    manager = Manager(tmp_path / "libindex.service")
    monkeypatch.setattr(services, "for_this_system", lambda: manager)
    return manager


def test_it_runs_what_was_asked_for(cli, manager, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("service", "install", "Samples", "--db", "x.db", "--jobs", "2")
    assert str(manager.path) in result.stdout
    expected = [sys.executable, "-P", "-m", "libindex", "watch"]
    expected += ["--jobs", "2", "--db", str(tmp_path / "x.db"), "--", str(tmp_path / "Samples")]
    (what, command) = manager.did[0]
    assert what == "install"
    assert sorted(command) == sorted(expected)
    assert command[-2:] == expected[-2:]


def test_the_unit_can_be_looked_at_first(cli, manager) -> None:
    assert cli("service", "install", "--print").stdout.endswith("libindex\nwatch\n")
    assert manager.did == []


def test_its_commands(cli, fails, manager) -> None:
    cli("service", "start")
    cli("service", "logs", "-n", "5", "-f")
    cli("service", "uninstall")
    assert manager.did == ["start", ("logs", 5, True), "uninstall"]
    assert fails("service", "stop") == "systemctl --user stop failed: no bus"


def test_its_status_is_an_exit_status(cli, manager) -> None:
    assert cli("service", "status").stdout.startswith("running")
    manager.running = False
    assert cli("service", "status", code=1).stdout == "not running\n"
