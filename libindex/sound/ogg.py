"""Mending truncated Ogg files, whose last page libsndfile drops though it may hold all the sound.

Page layout: RFC 3533, section 6.
"""

import zlib

_HEADER_BYTES = 27
_FLAGS_AT = 5
_CHECKSUM_AT = 22
_LAST_PAGE = 4
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def mend(data: bytes) -> bytes | None:
    """A truncated Ogg file with its last page shortened to the packets that are whole.

    Parameters
    ----------
    data : bytes
        All bytes of a file of any kind.

    Returns
    -------
    bytes or None
        The file without what can't be used; None if it is no Ogg file or not truncated.
    """
    start, flags = 0, _LAST_PAGE
    while data.startswith(b"OggS", start):
        segments = _segments(data, start)
        end = start + _HEADER_BYTES + len(segments) + sum(segments)
        if end > len(data) or len(segments) < data[start + _HEADER_BYTES - 1]:
            return data[:start] + _shortened(data[start:])
        start, flags = end, data[start + _FLAGS_AT]
    return None if flags & _LAST_PAGE else data[:start]


def _segments(data: bytes, start: int) -> bytes:
    """The page's table of segment lengths, as far as it is there; 255 goes on in the next."""
    header = data[start : start + _HEADER_BYTES]
    count = header[-1] if len(header) == _HEADER_BYTES else 0
    return data[start + _HEADER_BYTES : start + _HEADER_BYTES + count]


def _shortened(page: bytes) -> bytes:
    """A page cut short, ended after its last whole packet; nothing if there is none."""
    table = _segments(page, 0)
    body = page[_HEADER_BYTES + len(table) :]
    size = kept_segments = kept_size = 0
    for number, length in enumerate(table, start=1):
        size += length
        if size > len(body):
            break
        if length < 255:  # the end of a packet
            kept_segments, kept_size = number, size
    if kept_segments == 0:
        return b""
    # Without the mark of a last page, whose time would have to fit its packets.
    flags = bytes([page[_FLAGS_AT] & ~_LAST_PAGE])
    before = page[:_FLAGS_AT] + flags + page[_FLAGS_AT + 1 : _CHECKSUM_AT]
    after = bytes([kept_segments]) + table[:kept_segments] + body[:kept_size]
    return before + _checksum(before + bytes(4) + after) + after


def _checksum(page: bytes) -> bytes:
    """Ogg's CRC-32: zlib's with all bits mirrored and no inversion."""
    value = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2).to_bytes(4, "little")
