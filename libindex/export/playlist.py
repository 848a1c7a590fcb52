"""Playlists: extended M3U in UTF-8."""

import os
from collections.abc import Iterator
from urllib.parse import quote

from libindex.export.columns import Answer
from libindex.export.destination import Destination, writing_to
from libindex.instruments import name_of
from libindex.paths import absolute, display, is_utf8, relative_to
from libindex.queries import Hit


def export_playlist(answer: Answer, target: Destination) -> int:
    """Write a playlist with the length and the class of every sample; returns how many.

    Samples below the folder of a named file are given relative to it.
    """
    folder = None
    if isinstance(target, str | os.PathLike):
        folder = os.path.dirname(absolute(target))  # noqa: PTH120
    with writing_to(target) as out:
        out.write(b"#EXTM3U\n")
        for part in answer.parts():
            for hit in part:
                out.write("".join(f"{line}\n" for line in _lines(hit, folder)).encode())
    return answer.count


def _lines(hit: Hit, folder: str | None) -> Iterator[str]:
    length = hit.facts.duration_s
    duration = "-1" if length is None else f"{length:.3f}"
    title = os.path.splitext(os.path.basename(hit.path))[0]  # noqa: PTH119, PTH122
    yield f"#EXTINF:{duration},{display(name_of(hit.class_code))} - {display(title)}"
    yield _location(hit.path, folder)


def _location(path: str, folder: str | None) -> str:
    """How players find a file: its path, or a URL where that can't be a line of text."""
    below = relative_to(path, folder) if folder else None
    written = below or path
    if not is_utf8(path) or len(written.splitlines()) > 1 or written != written.strip():
        return f"file://{quote(os.fsencode(path))}"
    return f"./{written}" if written.startswith("#") or "://" in written else written
