"""docs/architecture.md, the import contract and the tree name the same layers."""

import re
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["contracts"]


def test_tests_import_nothing_from_each_other() -> None:
    taken = re.compile(r"^\s*(?:from|import) (?:\w+\.)*(?:conftest|test_\w+)\b.*", re.MULTILINE)
    for path in (CHECKOUT / "tests").rglob("*.py"):
        assert taken.findall(path.read_text(encoding="utf-8")) == [], path


def test_the_table_is_the_contract() -> None:
    table = PAGE.split("| layer |")[1].split("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    documented = [sorted(re.findall(r"`(\w+)`", row)) for row in rows]
    [layers] = [c["layers"] for c in CONTRACTS if c["type"] == "layers"]
    assert documented == [sorted(layer.split(" | ")) for layer in reversed(layers)]


def test_the_tree_has_these_modules_and_no_others() -> None:
    [layers] = [c["layers"] for c in CONTRACTS if c["type"] == "layers"]
    package = CHECKOUT / "libindex"
    there = {p.stem for p in package.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert {name for layer in layers for name in layer.split(" | ")} == there - {
        "__init__",
        "__main__",
    }
