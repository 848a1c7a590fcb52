import hashlib
import os
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.sound import digests
from libindex.sound.digests import (
    DIGEST_BYTES,
    WHOLE_LIMIT_BYTES,
    digest_and_size,
    digest_of,
    read_and_digest,
)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A 2 GiB file that takes no room."""
    path = tmp_path / "mix.wav"
    with path.open("wb") as file:
        file.truncate(2**31)
    return path


def patch(path: Path, position: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


def test_a_file_is_read_once_for_all(tmp_path: Path) -> None:
    path = tmp_path / "kick.wav"
    path.write_bytes(b"some bytes")
    data, digest, size = read_and_digest(str(path))
    assert (data, size) == (b"some bytes", 10)
    assert digest == hashlib.blake2b(b"some bytes", digest_size=DIGEST_BYTES).digest()
    assert digest == digest_of(str(path))
    assert (digest, 10) == digest_and_size(str(path))


def test_an_empty_file_has_a_digest(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    data, digest, size = read_and_digest(str(path))
    assert (data, size, len(digest)) == (b"", 0, DIGEST_BYTES)


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    names = ["a.wav", "b.flac", "🥁\n.wav", os.fsdecode(b"\xff.wav")]
    for name in names:
        (tmp_path / name).write_bytes(b"the same")
    assert len({digest_of(str(tmp_path / name)) for name in names}) == 1


@given(data=st.binary(min_size=1, max_size=200), position=st.integers(0, 199))
def test_every_byte_matters(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, position: int
) -> None:
    path = tmp_path_factory.mktemp("digest") / "a"
    path.write_bytes(data)
    before = digest_of(str(path))
    patch(path, position % len(data), bytes([data[position % len(data)] ^ 1]))
    assert digest_of(str(path)) != before


def test_a_large_file_costs_little(large: Path) -> None:
    tracemalloc.start()
    try:
        data, digest, size = read_and_digest(str(large))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (data, size, len(digest)) == (None, 2**31, DIGEST_BYTES)
    assert peak < 4 * 2**20
    assert (digest, size) == digest_and_size(str(large))


@pytest.mark.parametrize("position", [0, 1000, 2**31 - 1])
def test_a_large_file_is_known_by_its_ends(large: Path, position: int) -> None:
    before = digest_of(str(large))
    patch(large, position, b"!")
    assert digest_of(str(large)) != before


def test_a_large_file_is_known_by_its_size(large: Path) -> None:
    before = digest_of(str(large))
    os.truncate(large, 2**31 + 1)
    assert digest_of(str(large)) != before


def test_the_limit_itself_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WHOLE_LIMIT_BYTES > 10 * 2**20
    monkeypatch.setattr(digests, "WHOLE_LIMIT_BYTES", 2**20)
    path = tmp_path / "a"
    path.write_bytes(bytes(2**20))
    assert read_and_digest(str(path))[0] == bytes(2**20)
    path.write_bytes(bytes(2**20 + 1))
    assert read_and_digest(str(path))[0] is None


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest_of(str(tmp_path / "gone.wav"))


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="is a folder"):
        digest_of(str(tmp_path))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    raised = []

    def read() -> None:
        try:
            digest_of(str(pipe))
        except OSError as error:
            raised.append(error.strerror)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(timeout=30)  # it returns at once, or never
    assert raised == ["not a regular file"]
