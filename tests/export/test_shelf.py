"""The shelf: links under names of their own, and nothing else is ever touched."""

import os
import threading
from pathlib import Path

import pytest

from libindex.errors import LibindexError
from libindex.export.shelf import Shelf

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links need a right on Windows")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(str(tmp_path / "shelf"))


def sound(tmp_path: Path, name: str) -> tuple[str, str]:
    """A file, and what stands for its digest."""
    path = tmp_path / "Samples" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(name.encode())
    return str(path), name.encode().hex()


def shown(shelf: Shelf) -> dict[str, bytes]:
    """What a DAW sees."""
    folder = Path(shelf.folder)
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name[0] != "."}


def test_links_with_the_files_names(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.entries() == []
    assert not Path(shelf.folder).exists(), "looking makes nothing"
    shelf.add([sound(tmp_path, "kick.wav"), sound(tmp_path, "snare.wav")])
    shelf.add([sound(tmp_path, "kick.wav")])
    assert shown(shelf) == {"kick.wav": b"kick.wav", "snare.wav": b"snare.wav"}
    assert [one.name for one in shelf.entries()] == ["kick.wav", "snare.wav"]
    shelf.remove([b"kick.wav".hex()])
    assert shown(shelf) == {"snare.wav": b"snare.wav"}


def test_what_others_put_there_stays(shelf: Shelf, tmp_path: Path) -> None:
    folder = Path(shelf.folder)
    folder.mkdir()
    (folder / "kick.wav").write_text("mine")
    shelf.add([sound(tmp_path, "kick.wav")])
    [entry] = shelf.entries()
    assert entry.name != "kick.wav"
    link = folder / entry.name
    link.unlink()
    link.write_text("saved by a DAW")
    shelf.remove(names=[entry.name])
    assert shelf.entries() == []
    assert (folder / "kick.wav").read_text() == "mine"
    assert link.read_text() == "saved by a DAW"


def test_many_at_once_lose_nothing(shelf: Shelf, tmp_path: Path) -> None:
    files = [sound(tmp_path, f"{number}.wav") for number in range(24)]
    threads = [threading.Thread(target=shelf.add, args=([one],)) for one in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shelf.entries()) == len(shown(shelf)) == 24


def test_a_file_that_was_edited_is_put_there_again(shelf: Shelf, tmp_path: Path) -> None:
    path, digest = sound(tmp_path, "kick.wav")
    shelf.add([(path, digest)])
    shelf.add([(path, "ab")])
    assert [one.digest for one in shelf.entries()] == ["ab"]
    assert list(shown(shelf)) == ["kick.wav"]


def test_a_file_that_was_moved_is_found_again(shelf: Shelf, tmp_path: Path) -> None:
    path, digest = sound(tmp_path, "kick.wav")
    shelf.add([(path, digest)])
    moved = tmp_path / "moved.wav"
    Path(path).rename(moved)
    shelf.entries({digest: str(moved)}.get)
    assert shown(shelf) == {"kick.wav": b"kick.wav"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_can_not_be_written(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add([sound(tmp_path, "kick.wav")])
    Path(shelf.folder).chmod(0o500)
    try:
        with pytest.raises(LibindexError, match="can't be"):
            shelf.remove(names=["kick.wav"])
    finally:
        Path(shelf.folder).chmod(0o700)


def test_a_list_that_is_damaged_is_named(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add([sound(tmp_path, "kick.wav")])
    (Path(shelf.folder) / ".libindex-shelf.json").write_text("{")
    with pytest.raises(LibindexError, match="is damaged"):
        shelf.add([sound(tmp_path, "snare.wav")])
