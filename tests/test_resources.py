from pathlib import Path

import pytest

from libindex import resources


def test_a_checkout_has_the_migrations() -> None:
    assert (resources.migrations() / "env.py").is_file()
    assert (resources.migrations() / "script.py.mako").is_file()
    assert list((resources.migrations() / "versions").glob("*.py"))


def test_the_default_network_is_among_the_models() -> None:
    assert resources.models().name == "models"
    assert resources.default_model().parent == resources.models()
    assert resources.default_model().suffix == ".safetensors"


def test_a_wheel_carries_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("migrations", "models"):
        (tmp_path / "libindex" / "_data" / name).mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "libindex")
    assert resources.migrations() == tmp_path / "libindex" / "_data" / "migrations"
    assert resources.models() == tmp_path / "libindex" / "_data" / "models"
