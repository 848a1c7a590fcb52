import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.store.patterns import path_matches

LETTERS = st.text("ab8 ", min_size=1, max_size=4)
PATHS = st.lists(LETTERS, min_size=1, max_size=4).map("/".join)
PATTERNS = st.lists(
    st.sampled_from(["a", "b", "8", "*", "?", "[ab]", "[!a]", "/"]), min_size=1
).map("".join)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("808", "Roland 808/Kick.wav"),
        ("808", "x/kick808.wav"),
        ("KICK", "Roland/kick.wav"),
        ("roland/k", "Roland/Kick.wav"),
        ("808*", "808 Kit/Kick.wav"),
        ("*.WAV", "808 Kit/Kick.wav"),
        ("kick?.wav", "x/kick1.wav"),
        ("Kicks/*.wav", "Vinyl/kicks/a.wav"),
        ("k*/a.wav", "Vinyl/kicks/a.wav"),
        ("vinyl/*/a*", "Vinyl/kicks/a.wav"),
        ("808*/", "808 Kit/Kick.wav"),
        ("[a-c].wav", "b.wav"),
        ("[!a-c].wav", "d.wav"),
        ("[^a-c].wav", "d.wav"),
        ("*[*]*", "a*b.wav"),
        ("ü*", "Über/a.wav"),
        ("*line*", "new\nline.wav"),
        ("[", "a[b.wav"),
        ("x[*", "x[b.wav"),
    ],
)
def test_what_matches(pattern: str, path: str) -> None:
    assert path_matches(pattern, path.encode())


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("808", "Roland/Kick.wav"),
        ("kick*", "x/a kick.wav"),  # a pattern is for whole names
        ("a*b", "a/xb"),  # of which each is one folder or file
        ("a?b", "a/b"),
        ("a[!x]b", "a/b"),
        ("kicks/*.wav", "kicks/more/a.wav"),
        ("*/*/*/*", "a/b.wav"),
    ],
)
def test_what_does_not_match(pattern: str, path: str) -> None:
    assert not path_matches(pattern, path.encode())


def test_names_that_are_not_utf8_match_with_a_question_mark() -> None:
    assert path_matches("?x.wav", b"\xffx.wav")


@given(PATTERNS, PATHS)
def test_a_pattern_matches_as_many_names_as_it_has(pattern: str, path: str) -> None:
    if not set("*?]") & set(pattern):
        assert path_matches(pattern, path.encode()) == (pattern in path)
        return
    wanted, names = pattern.strip("/").split("/"), path.split("/")
    expected = any(
        all(fnmatch.fnmatchcase(n, w) for n, w in zip(names[i:], wanted, strict=False))
        for i in range(len(names) - len(wanted) + 1)
    )
    assert path_matches(pattern, path.encode()) == expected


def test_no_pattern_takes_long() -> None:
    started = time.perf_counter()
    assert not path_matches("*a" * 20 + "b", b"a" * 255)
    assert time.perf_counter() - started < 1
