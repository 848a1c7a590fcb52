"""What docs/kits.md shows runs and is true."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from libindex.cli import main
from libindex.cli.kit import build
from libindex.kits.formats import FORMATS
from libindex.kits.layouts import DEFAULT, LAYOUTS, read_layout
from libindex.kits.recipe import MIN_PROBABILITY, Recipe

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "kits.md").read_text(encoding="utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home with the folders of the examples, full of the demo sounds, and a library."""
    sounds = CHECKOUT / "demo_sounds"
    for folder in (
        "Samples/Vinyl",
        "Samples/Packs/One",
        "Samples/Packs/Two",
        "Downloads/NewPack",
    ):
        shutil.copytree(sounds, tmp_path / folder)
    shutil.copy(sounds / "crash01.mp3", tmp_path / "shard.wav")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LIBINDEX_DB", str(tmp_path / "library.db"))
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["scan", "Samples"]).exit_code == 0
    return tmp_path


@pytest.mark.slow
def test_commands_and_python_run(home) -> None:
    [commands] = examples("sh")
    lines = [line.partition("#")[0].strip() for line in commands.splitlines()]
    assert len(lines) == 5
    for line in lines:
        words = [str(Path(w).expanduser()) if w[0] == "~" else w for w in shlex.split(line)]
        result = CliRunner().invoke(main, words[1:])
        assert result.exit_code == 0, (line, result.output)
    [example] = examples("python")
    exec(compile(example, "docs/kits.md", "exec"), {})
    assert (home / "Kits" / "Seventh" / "Seventh.h2drumkit").exists()


def test_the_layout_of_ones_own(tmp_path) -> None:
    [example] = examples("toml")
    (tmp_path / "mine.toml").write_text(example, encoding="utf-8")
    layout = read_layout(tmp_path / "mine.toml")
    assert layout.name == "My pads"
    assert [pad.key for pad in layout.pads] == [35, 36, 37, 38, 41, 42, 43, 46, 49]
    assert [pad.choke_group for pad in layout.pads] == [0, 0, 0, 0, 0, 1, 0, 1, 2]
    assert [pad.priority for pad in layout.pads] == [0, 1, 0, 0, 0, 0, 0, 0, 0]


def test_tables_have_every_format_and_layout() -> None:
    assert set(re.findall(r"^\| `(\w+)`[^|]* \| (?:`\.|the folder)", PAGE, re.MULTILINE)) == set(
        FORMATS
    )
    rows = re.findall(r"^\| `(\w+)`[^|]* \| .*? \| (\d+) to (\d+) \|$", PAGE, re.MULTILINE)
    assert {name: (int(low), int(high)) for name, low, high in rows} == {
        name: (layout.pads[0].key, layout.pads[-1].key) for name, layout in LAYOUTS.items()
    }
    assert f"`--min-prob` ({MIN_PROBABILITY})" in PAGE


def test_tables_and_code_agree_on_the_defaults() -> None:
    defaults = re.findall(r"^\| `(\w+)` \(the default\) \|", PAGE, re.MULTILINE)
    parameters: dict[str | None, Any] = {option.name: option for option in build.params}
    assert [*parameters["formats"].default, parameters["layout"].default] == defaults
    assert parameters["layout"].default == DEFAULT
    assert Recipe().layout == LAYOUTS[DEFAULT]
