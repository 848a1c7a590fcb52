import io
import os
import stat
import threading
from pathlib import Path

import pytest

from libindex.errors import LibindexError, UsageError
from libindex.export.destination import writing_to


def put(path, content: bytes = b"new") -> None:
    with writing_to(path) as out:
        out.write(content)


def test_a_new_file(tmp_path) -> None:
    put(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]


def test_an_old_file_is_there_until_the_new_one_is_complete(tmp_path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with writing_to(path) as out:
        out.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError(28, "No space left")])
def test_nothing_is_left_of_what_goes_wrong(tmp_path, error) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"old")

    def fail() -> None:
        with writing_to(path) as out:
            out.write(b"half")
            raise error

    with pytest.raises((ValueError, KeyboardInterrupt, LibindexError)):
        fail()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]


def test_a_link_stays_one(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/x.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to("real/x.csv")
    put(tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real/x.csv").read_bytes() == b"new"


def test_names_of_any_kind(tmp_path) -> None:
    for name in ("\udcff.csv", "x" * 255):
        put(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"new"


def test_a_pipe_is_written_as_it_is(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    put(tmp_path / "pipe")
    reader.join(10)
    assert read == [b"new"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    put("/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_an_open_file_is_left_open() -> None:
    out = io.BytesIO()
    put(out)
    assert out.getvalue() == b"new"


@pytest.mark.parametrize("name", ["kick.wav", "KICK.AIFF", "link.csv"])
def test_a_sound_is_never_written(tmp_path, name) -> None:
    (tmp_path / "kick.wav").write_bytes(b"sound")
    (tmp_path / "link.csv").symlink_to("kick.wav")
    with pytest.raises(UsageError, match="has the name of an audio file"):
        put(tmp_path / name)
    assert (tmp_path / "kick.wav").read_bytes() == b"sound"


@pytest.mark.parametrize("name", ["", "nowhere/x.csv"])
def test_what_can_not_be_written_is_said_in_one_line(tmp_path, name) -> None:
    with pytest.raises(LibindexError) as caught:
        put(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: can't be written (")
