"""What `libindex.kits` offers: every name, its examples, and at what price."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

from libindex import kits

MODULES = [module.name for module in pkgutil.walk_packages(kits.__path__, "libindex.kits.")]


@pytest.mark.parametrize("name", kits.__all__)
def test_what_is_public_is_there_and_has_an_explanation(name: str) -> None:
    assert getattr(kits, name) is not None
    assert getattr(kits, name).__doc__


def test_every_public_name_has_a_module_and_no_other_name_is_there() -> None:
    assert sorted(name for names in kits._MODULES.values() for name in names) == sorted(
        kits.__all__
    )
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kits.nothing


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = {t.name for m in MODULES for t in finder.find(importlib.import_module(m)) if t.examples}
    for name in ("find_layout", "read_layout", "read", "write", "Kit", "Layout", "Recipe"):
        assert any(one.endswith(f".{name}") for one in found), name


def test_layouts_are_listed_without_anything_heavy() -> None:
    code = (
        "import sys; from libindex.kits import LAYOUTS, Layout; list(LAYOUTS);"
        "print(sorted({'numpy', 'torch', 'sqlalchemy', 'soundfile', 'scipy'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
