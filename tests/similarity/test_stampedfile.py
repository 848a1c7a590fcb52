import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libindex.similarity import stampedfile

PAYLOAD = bytes(range(256)) * 4


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stamped") / "damaged"


@pytest.fixture(scope="module")
def whole(scratch: Path) -> bytes:
    stampedfile.write(scratch, "stamp", PAYLOAD)
    return scratch.read_bytes()


@given(
    stamp=st.text(st.characters(codec="utf-8")),
    payload=st.binary() | st.just(b"\n") | st.just(b"\nlibindex cache 1\n{}\n"),
)
def test_what_is_written_is_read(scratch: Path, stamp: str, payload: bytes) -> None:
    stampedfile.write(scratch, stamp, payload)
    assert stampedfile.read(scratch) == (stamp, payload)
    assert stampedfile.stamp_of(scratch) == stamp


@given(data=st.data())
def test_a_truncated_file_is_none(scratch: Path, whole: bytes, data: st.DataObject) -> None:
    scratch.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert stampedfile.read(scratch) is None


@given(byte=st.integers(0, 10_000), bit=st.integers(0, 7))
@example(byte=21, bit=0)  # in the word "stamp"
def test_a_flipped_bit_is_noticed(scratch: Path, whole: bytes, byte: int, bit: int) -> None:
    changed = bytearray(whole)
    changed[byte % len(whole)] ^= 1 << bit
    scratch.write_bytes(changed)
    found = stampedfile.read(scratch)
    # Only the stamp itself is not covered by the sum; a wrong stamp is a stale file.
    assert found is None or (found[0] != "stamp" and found[1] == PAYLOAD)
    assert stampedfile.stamp_of(scratch) in {found and found[0], "stamp"}


def header(**fields: Any) -> bytes:
    return b"libindex cache 1\n" + json.dumps(fields).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"RIFF....WAVEfmt " * 20,
        b"libindex cache 2\n" + header(stamp="s", bytes=0, crc32=0)[17:],
        b"libindex cache 1\n",
        b"libindex cache 1\n[]\n",
        b"libindex cache 1\n7\n",
        b"libindex cache 1\n\xff\xfe\n",
        header(stamp="s"),
        header(bytes=0, crc32=0),
        header(stamp="s", bytes="0", crc32=0),
    ],
)
def test_a_foreign_file_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    assert stampedfile.read(path) is None


def test_the_layout_is_what_is_documented(scratch: Path) -> None:
    scratch.write_bytes(header(stamp="s", bytes=3, crc32=zlib.crc32(b"abc")) + b"abc")
    assert stampedfile.read(scratch) == ("s", b"abc")


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert stampedfile.read(tmp_path / "none") is None
    assert stampedfile.stamp_of(tmp_path / "none") is None


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "cache"
    stampedfile.write(path, "stamp 1", PAYLOAD)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        stampedfile.write(path, "stamp 2", b"")
    assert stampedfile.read(path) == ("stamp 1", PAYLOAD)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_complete_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace
    seen = []

    def watched(source: str, target: str) -> None:
        seen.append((stampedfile.read(Path(source)), stampedfile.read(Path(target))))
        replace(source, target)

    path = tmp_path / "cache"
    stampedfile.write(path, "stamp 1", PAYLOAD)
    monkeypatch.setattr(os, "replace", watched)
    stampedfile.write(path, "stamp 2", b"new")
    assert seen == [(("stamp 2", b"new"), ("stamp 1", PAYLOAD))]
    assert stampedfile.read(path) == ("stamp 2", b"new")
