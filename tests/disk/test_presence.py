"""Whether a root is there: drives that are unplugged leave an empty folder, or nothing."""

import os
from pathlib import Path

import pytest

from libindex.disk.presence import is_online


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "Samples"
    folder.mkdir()
    return folder


def test_a_folder_is_there_and_nothing_is_not(root: Path) -> None:
    assert is_online(str(root), was_mount=False, has_samples=True)
    assert not is_online(str(root / "none"), was_mount=False, has_samples=True)
    (root / "file").touch()
    assert not is_online(str(root / "file"), was_mount=False, has_samples=False)


def test_an_empty_mount_point_is_an_unplugged_drive(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_online(str(root), was_mount=True, has_samples=True)
    assert is_online(str(root), was_mount=True, has_samples=False)
    (root / "kick.wav").touch()
    assert is_online(str(root), was_mount=True, has_samples=True)
    (root / "kick.wav").unlink()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(root))
    assert is_online(str(root), was_mount=True, has_samples=True)  # plugged in, and empty
