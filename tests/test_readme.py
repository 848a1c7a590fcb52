"""What the README and the pages of docs/ show runs, each example alone in a new home."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from libindex import resources
from libindex.cli import main
from libindex.cli.hits import _WRITERS
from libindex.cli.options import FORMATS, SORTS
from libindex.queries import SORTS as QUERY_SORTS

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
RUN_ELSEWHERE = {"kits.md", "sql.md"}  # tests/kits/test_page.py, tests/store/test_views.py
# What an example with this in it prints.
PRINTED = {
    'library.scan("demo_sounds")': "16 new, 0 failed\n",
    "DrumClassifier()": "16 {'demo_sounds/kick01.ogg': 'kick'}\n",
}
EXAMPLE = re.compile(r"^```(sh|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

needs_network = pytest.mark.skipif(
    not resources.default_model().exists(), reason="the network is not trained yet"
)

Run = Callable[[str, str], str]


def examples() -> list[Any]:
    """Every block of `sh` and `python`, named by page and line."""
    found = []
    for path in [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for block in EXAMPLE.finditer(text):
            line = text[: block.start()].count("\n") + 1
            if path.name not in RUN_ELSEWHERE:
                found.append(pytest.param(block[1], block[2], id=f"{path.name}:{line}"))
    return found


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """A home with the demo sounds as ~/Samples, scanned; a copy of it; the environment for it."""
    home, pristine = (tmp_path_factory.mktemp("user") / name for name in ("home", "pristine"))
    for folder in ("Samples", "demo_sounds"):
        shutil.copytree(CHECKOUT / "demo_sounds", home / folder)
    command = home / "bin" / "libindex"
    command.parent.mkdir()
    program = "from libindex.cli import main; main(prog_name='libindex')"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{program}" "$@"\n')
    command.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "LIBINDEX_"))}
    environment |= {"HOME": str(home), "PATH": f"{command.parent}:{os.environ['PATH']}"}
    environment |= {"PYTHONPATH": str(CHECKOUT)}
    subprocess.run([command, "scan", home / "Samples"], env=environment, check=True)
    shutil.copytree(home, pristine)
    return home, pristine, environment


@pytest.fixture
def run(homes: tuple[Path, Path, dict[str, str]]) -> Run:
    """Run an example in the home, made anew."""
    home, pristine, environment = homes
    shutil.rmtree(home)
    shutil.copytree(pristine, home)
    commands = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}

    def run_example(language: str, text: str) -> str:
        done = subprocess.run(
            [*commands[language], text],
            capture_output=True,
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_example


@pytest.mark.slow
@needs_network
@pytest.mark.parametrize(("language", "text"), examples())
def test_examples_run_alone(run: Run, language: str, text: str) -> None:
    printed = run(language, text)
    for word, expected in PRINTED.items():
        if word in text:
            assert expected in printed


def test_the_examples_whose_output_is_known_are_there() -> None:
    page = (CHECKOUT / "docs" / "python.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^```python$", page, re.MULTILINE)) >= 4
    assert all(word in page for word in PRINTED)


@needs_network
def test_the_commands_in_the_text_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBINDEX_DB", str(tmp_path / "library.db"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # where kits go
    runner = CliRunner()
    shutil.copytree(CHECKOUT / "demo_sounds", tmp_path / "Samples" / "808")
    assert runner.invoke(main, ["scan", "Samples"]).exit_code == 0
    commands = re.findall(r"`libindex ([^`<]+)`", README)
    assert len(commands) > 8
    for command in commands:
        words = [str(Path(word).expanduser()) for word in shlex.split(command)]
        if words[0] not in {"watch", "service", "serve"}:  # these go on until they are stopped
            result = runner.invoke(main, words)
            assert result.exit_code == 0, (command, result.output)


def test_choices_of_the_command_line_are_those_of_the_library():
    assert SORTS == QUERY_SORTS
    assert set(FORMATS) | {"paths0"} == set(_WRITERS)
