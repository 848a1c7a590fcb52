import io
from functools import cache

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from libindex.sound.ogg import mend


@cache
def ogg(encoding: str) -> bytes:
    """A file of several pages."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 72_000)
    file = io.BytesIO()
    soundfile.write(file, noise, 48_000, format="OGG", subtype=encoding)
    return file.getvalue()


both = pytest.mark.parametrize("encoding", ["VORBIS", "OPUS"])


def pages(data: bytes) -> list[bytes]:
    found = []
    while data:
        assert data.startswith(b"OggS")
        size = 27 + data[26] + sum(data[27 : 27 + data[26]])
        found.append(data[:size])
        data = data[size:]
    return found


def checksum(page: bytes) -> int:
    """RFC 3533: a CRC with the generator 0x04c11db7, bit by bit."""
    value = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


@both
def test_a_whole_file_is_left_alone(encoding: str) -> None:
    assert mend(ogg(encoding)) is None
    assert mend(ogg(encoding) + b"TAG and more") is None


@pytest.mark.parametrize("data", [b"", b"RIFF", b"fLaC" * 100, b" OggS"])
def test_other_files_are_left_alone(data: bytes) -> None:
    assert mend(data) is None


@both
def test_whole_pages_stay_as_they_are(encoding: str) -> None:
    whole = pages(ogg(encoding))
    for count in range(1, len(whole)):
        data = b"".join(whole[:count])
        for more in (b"", b"Og", whole[count][:20], whole[count][:30]):
            assert mend(data + more) == data


@both
@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_becomes_a_valid_one(encoding: str, kept: float) -> None:
    whole = pages(ogg(encoding))
    cut = int(kept * len(ogg(encoding)))
    result = mend(ogg(encoding)[:cut])
    if result is None:
        assert cut < 4
        return
    assert len(result) <= cut
    got = pages(result)
    if not got:
        assert cut < len(whole[0])
        return
    *before, page = got
    original = whole[len(before)]
    assert before == whole[: len(before)]
    if page == original:
        return
    assert int.from_bytes(page[22:26], "little") == checksum(page)
    assert page[:5] == original[:5]
    assert page[5] == original[5] & ~4
    assert page[6:22] == original[6:22]
    table, body = page[27 : 27 + page[26]], page[27 + page[26] :]
    assert table[-1] < 255
    assert original[27:].startswith(table)
    assert original[27 + original[26] :].startswith(body)
