import os
from pathlib import Path

import pytest

from libindex.disk.atomic import replacing


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    """A file with old content, and where the new one is written."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path, tmp_path / ".file.part"


def test_a_file_is_replaced_when_all_of_it_is_written(place: tuple[Path, Path]) -> None:
    path, aside = place
    path.chmod(0o640)
    with replacing(str(path), str(aside)) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert not aside.exists()


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    with replacing(str(tmp_path / "new"), str(tmp_path / "part")) as file:
        file.write(b"new")
    assert os.listdir(tmp_path) == ["new"]


def test_after_an_error_the_old_file_is_there_and_nothing_else(
    place: tuple[Path, Path],
) -> None:
    path, aside = place
    with pytest.raises(TypeError), replacing(str(path), str(aside)) as file:
        file.write("no bytes")  # type: ignore[call-overload]
    assert path.read_bytes() == b"old"
    assert not aside.exists()


def test_what_is_in_the_way_is_left_alone_where_that_is_asked(place: tuple[Path, Path]) -> None:
    path, aside = place
    aside.write_bytes(b"somebody's")
    with pytest.raises(FileExistsError), replacing(str(path), str(aside), "xb"):
        pass
    assert aside.read_bytes() == b"somebody's"
