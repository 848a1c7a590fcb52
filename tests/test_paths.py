import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex import paths

NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: not set(name) & {0, ord("/")})


def test_absolute_normalises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = str(Path.cwd())
    assert paths.absolute("a.wav") == f"{here}/a.wav"
    assert paths.absolute("a//b/../c/./d.wav") == f"{here}/a/c/d.wav"
    assert paths.absolute("/x/../y") == "/y"


def test_absolute_expands_the_home_folder() -> None:
    assert paths.absolute("~/Samples") == f"{os.environ['HOME']}/Samples"


def test_absolute_takes_a_name_that_begins_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.absolute("~kick.wav") == str(Path.cwd() / "~kick.wav")


def test_absolute_keeps_links(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    assert paths.absolute(tmp_path / "link" / "a.wav") == str(tmp_path / "link" / "a.wav")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("kick.wav", "kick.wav"),
        (Path("kicks/808.wav"), "kicks/808.wav"),
        ("Große Trommel 🥁.wav", "Große Trommel 🥁.wav"),
        (b"kick\xff.wav", r"kick\xff.wav"),
        (os.fsdecode(b"kick\xff.wav"), r"kick\xff.wav"),
        ("two\nlines\t.wav", r"two\nlines\t.wav"),
        ("\x1b[31mred.wav", r"\x1b[31mred.wav"),
    ],
)
def test_display(path: paths.PathLike | bytes, shown: str) -> None:
    assert paths.display(path) == shown


@given(NAMES)
def test_any_name_is_displayed_on_one_printable_line(name: bytes) -> None:
    assert paths.display(os.fsdecode(name)).isprintable()


@given(NAMES)
def test_any_name_as_text_is_unicode(name: bytes) -> None:
    text = paths.to_text(os.fsdecode(name))
    assert text.encode("utf-8").decode("utf-8") == text
    assert ("\ufffd" in text) >= (not paths.is_utf8(os.fsdecode(name)))


@given(NAMES)
def test_a_name_that_is_utf8_is_its_own_text(name: bytes) -> None:
    path = os.fsdecode(name)
    assert paths.is_utf8(path) == (os.fsencode(paths.to_text(path)) == name)


@pytest.mark.parametrize(
    ("path", "folder", "relative"),
    [
        ("/a/b", "/a", "b"),
        ("/a/b/c", "/a", "b/c"),
        ("/a", "/a", ""),
        ("/a", "/", "a"),
        ("/ab", "/a", None),
        ("/a", "/a/b", None),
    ],
)
def test_relative_to(path: str, folder: str, relative: str | None) -> None:
    assert paths.relative_to(path, folder) == relative


@given(st.lists(NAMES, min_size=1, max_size=3), st.lists(NAMES, min_size=1, max_size=3))
def test_what_is_stored_gives_the_path_back(root: list[bytes], below: list[bytes]) -> None:
    folder = os.fsdecode(b"/" + b"/".join(root))
    path = folder + "/" + os.fsdecode(b"/".join(below))
    relative = paths.relative_to(path, folder)
    assert relative is not None
    assert paths.join(os.fsencode(folder), os.fsencode(relative)) == path
