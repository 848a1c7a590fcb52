"""What the README shows runs."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from libindex import resources
from libindex.cli import main
from libindex.cli.hits import _WRITERS
from libindex.cli.options import FORMATS, SORTS
from libindex.queries import SORTS as QUERY_SORTS

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")

needs_network = pytest.mark.skipif(
    not resources.default_model().exists(), reason="the network is not trained yet"
)


@needs_network
def test_python_examples_run(tmp_path, monkeypatch, capsys):
    shutil.copytree(CHECKOUT / "demo_sounds", tmp_path / "demo_sounds")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(examples) >= 3
    namespace: dict[str, Any] = {}
    for example in examples:
        exec(compile(example, "README.md", "exec"), namespace)
    assert "16 new, 0 failed" in capsys.readouterr().out
    assert namespace["labels"] == {"demo_sounds/kick01.ogg": "kick"}
    assert len(namespace["results"]) == 16


@needs_network
def test_the_commands_of_the_table_run(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBINDEX_DB", str(tmp_path / "library.db"))
    monkeypatch.chdir(tmp_path)  # where kits go
    runner = CliRunner()
    assert runner.invoke(main, ["scan", str(CHECKOUT / "demo_sounds")]).exit_code == 0
    commands = re.findall(r"`libindex ([^`<]+)`", README.split("## How it behaves")[0])
    assert len(commands) > 8
    for command in commands:
        if "FOLDER" not in command:
            result = runner.invoke(main, command.split())
            assert result.exit_code == 0, (command, result.output)


def test_choices_of_the_command_line_are_those_of_the_library():
    assert SORTS == QUERY_SORTS
    assert set(FORMATS) | {"paths0"} == set(_WRITERS)
