import io
import os
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.export.playlist import _lines, _location
from libindex.instruments import name_of

text = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1)
raw = st.binary(min_size=1).map(lambda b: os.fsdecode(b.replace(b"\0", b"x").replace(b"/", b"x")))
path = st.lists(st.one_of(text, raw), min_size=1, max_size=3).map(lambda p: "/" + "/".join(p))


def entries(content: bytes, folder: Path) -> list[tuple[str, str]]:
    """What a player finds: the title of each entry, and its path."""
    first, *lines = content.decode().split("\n")
    assert first == "#EXTM3U"
    assert lines.pop() == ""
    titles = [line.removeprefix("#EXTINF:") for line in lines[::2]]
    return list(zip(titles, (found(line, str(folder)) for line in lines[1::2]), strict=True))


def found(line: str, folder: str) -> str:
    assert line == line.strip() != ""
    assert not line.startswith("#")
    if line.startswith("file://"):
        return os.fsdecode(unquote_to_bytes(urlsplit(line).path))
    return os.path.normpath(f"{folder.rstrip('/')}/{line}") if line[0] != "/" else line


def test_every_sample_is_there_with_its_length_and_class(still, paths, tmp_path) -> None:
    target = tmp_path / "all.m3u8"
    assert still.select().playlist(target) == 8
    content = target.read_bytes()
    for (title, path), hit in zip(
        entries(content, tmp_path), still.query(sort="path", copies=True), strict=True
    ):
        assert path == hit.path
        length, _, name = title.partition(",")
        assert float(length) == pytest.approx(hit.facts.duration_s, abs=0.001)
        assert name.startswith(f"{name_of(hit.class_code)} - ")
    assert f"- {Path(paths[0]).stem}\n".encode() in content
    assert rb"- new\nline" in content


def test_what_is_below_the_playlist_is_named_from_there(still, sounds) -> None:
    target = sounds / "Pack A/list.m3u8"
    still.select().playlist(target, sort="prob")
    content = target.read_bytes()
    target.unlink()
    assert [p for _, p in entries(content, target.parent)] == [
        h.path for h in still.query(copies=True)
    ]
    assert {b"Kick.wav", b"deep/kick.WAV"} <= set(content.split(b"\n"))
    target = sounds / "list.m3u8"
    still.select(name="#1").playlist(target)
    assert target.read_bytes().endswith(b"\n./#1.wav\n")
    target.unlink()


def test_a_playlist_moves_with_its_folder(still, sounds, tmp_path) -> None:
    still.select(under=sounds / "Pack A").playlist(sounds / "list.m3u8")
    shutil.copytree(sounds, tmp_path / "elsewhere")
    (sounds / "list.m3u8").unlink()
    listed = entries((tmp_path / "elsewhere/list.m3u8").read_bytes(), tmp_path / "elsewhere")
    assert all(p.startswith(str(tmp_path)) and Path(p).exists() for _, p in listed)


def test_an_open_file_gets_absolute_paths(still, sounds, monkeypatch) -> None:
    monkeypatch.chdir(sounds)
    out = io.BytesIO()
    still.select().playlist(out, limit=2)
    assert out.getvalue().count(b"\n" + os.fsencode(sounds)) == 2


def test_a_length_that_is_not_known(still) -> None:
    (hit,) = still.query(limit=1)
    first, _ = _lines(replace(hit, facts=replace(hit.facts, duration_s=None)), None)
    assert first.startswith("#EXTINF:-1,")


@pytest.mark.slow
@given(path, st.booleans())
def test_any_path_is_found_again(path: str, below: bool) -> None:
    folder = str(Path(path).parent) if below else "/elsewhere"
    line = _location(path, folder)
    assert len(line.encode().splitlines()) == len(line.splitlines()) == 1
    if os.path.normpath(path) == path:  # the library knows no others
        assert found(line, folder) == path
