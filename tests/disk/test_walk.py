import dataclasses
import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.disk import walk as walk_module
from libindex.disk.comparing import Changes, Known, compare
from libindex.disk.walk import Found, audio_files
from libindex.errors import LibindexError
from libindex.paths import SUFFIXES


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


def put(*paths: Path, content: bytes = b"sound") -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def walk(root: Path, below: str = "", known: Iterable[Known] = ()) -> Changes:
    return compare(str(root), below, {k.path: k for k in known})


def new(root: Path, below: str = "") -> list[str]:
    """Paths that a first walk finds, in its order."""
    return [found.path for found in walk(root, below).new]


def known(found: Found, **changes: Any) -> Known:
    """A sample as it is recorded of a file, with a good content."""
    values: dict[str, Any] = {
        "id": hash(found.path),
        "root_id": 1,
        "path": found.path,
        "stamp": found.stamp,
        "is_settled": True,
        "content_id": 1,
        "failed": False,
        **changes,
    }
    return Known(**values)


def all_known(root: Path, **changes: Any) -> list[Known]:
    return [known(found, **changes) for found in walk(root).new]


def paths(samples: Iterable[Known]) -> list[str]:
    return sorted(sample.path for sample in samples)


# What is found


def test_audio_files_are_found_at_any_depth_in_order_of_folders(root: Path) -> None:
    put(root / "b.wav", root / "a.wav", root / "x/y/z/deep.ogg", root / "x/c.flac")
    assert new(root) == ["a.wav", "b.wav", "x/c.flac", "x/y/z/deep.ogg"]


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_endings_in_either_case(root: Path, suffix: str) -> None:
    put(root / f"a{suffix}", root / f"b{suffix.upper()}")
    assert new(root) == [f"a{suffix}", f"b{suffix.upper()}"]


@pytest.mark.parametrize("name", ["notes.txt", "wav", "kick.wav.asd", "kick.wav~", "kick.wav.part"])
def test_other_files_are_not_looked_at(root: Path, name: str) -> None:
    put(root / name)
    assert new(root) == []


def test_hidden_files_and_folders_are_skipped(root: Path) -> None:
    put(root / ".kick.wav", root / "._kick.wav", root / ".Trashes/kick.wav", root / "a/.b/kick.wav")
    assert new(root) == []


def test_a_root_may_be_hidden_itself(tmp_path: Path) -> None:
    put(tmp_path / ".samples/kick.wav")
    assert new(tmp_path / ".samples") == ["kick.wav"]


def test_a_folder_that_is_called_like_a_file_is_a_folder(root: Path) -> None:
    put(root / "loops.wav/kick.wav")
    assert new(root) == ["loops.wav/kick.wav"]


def test_a_pipe_is_not_opened(root: Path) -> None:
    os.mkfifo(root / "pipe.wav")
    (root / "link.wav").symlink_to("pipe.wav")
    put(root / "kick.wav")
    assert new(root) == ["kick.wav"]
    assert new(root, "pipe.wav") == []


NAMES = [
    b"\xff\xfe kick.wav",
    b"line\nbreak.wav",
    "🥁 ütf 鼓.wav".encode(),
    b"x" * 251 + b".wav",
    b" leading and trailing .wav",
    b"-n.wav",
    b"~kick.wav",
    b"back\\slash 'quote' \"double\" $HOME *.wav",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_will_do(root: Path, name: bytes) -> None:
    path = root / os.fsdecode(name)
    put(path)
    (found,) = walk(root).new
    assert os.fsencode(found.path) == name
    assert found.stamp.ctime_ns == path.stat().st_ctime_ns


def test_a_stamp_says_size_and_times(root: Path) -> None:
    put(root / "kick.wav", content=b"12345")
    os.utime(root / "kick.wav", ns=(0, 123_456_789))
    (found,) = walk(root).new
    assert (found.stamp.size_bytes, found.stamp.mtime_ns) == (5, 123_456_789)
    assert found.stamp.ctime_ns == (root / "kick.wav").stat().st_ctime_ns


# Links


def test_a_link_to_a_file_is_followed(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/kick.wav", content=b"123")
    (root / "link.wav").symlink_to(tmp_path / "elsewhere/kick.wav")
    (found,) = walk(root).new
    assert (found.path, found.stamp.size_bytes) == ("link.wav", 3)


def test_a_link_to_an_outside_folder_is_followed(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/deep/kick.wav")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    assert new(root) == ["link/deep/kick.wav"]


def test_a_folder_is_found_once_by_its_own_name(root: Path) -> None:
    put(root / "real/kick.wav")
    (root / "a link").symlink_to("real")
    (root / "real/z link").symlink_to("../real")
    assert new(root) == ["real/kick.wav"]


def test_of_two_links_to_a_folder_the_first_by_name_is_followed(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/kick.wav")
    for name in ("b", "a", "c"):
        (root / name).symlink_to(tmp_path / "elsewhere")
    assert new(root) == ["a/kick.wav"]


def test_loops_end(root: Path, tmp_path: Path) -> None:
    put(root / "a/kick.wav", tmp_path / "elsewhere/snare.wav")
    (root / "a/to itself").symlink_to("to itself")
    (root / "a/to its folder").symlink_to(".")
    (root / "a/to the root").symlink_to("..")
    (root / "a/to all").symlink_to("/")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(root)
    (tmp_path / "elsewhere/round").symlink_to(tmp_path / "elsewhere")
    assert new(root) == ["a/kick.wav", "out/snare.wav"]


def test_a_link_to_what_lies_above_is_not_followed(root: Path, tmp_path: Path) -> None:
    put(root / "kick.wav", tmp_path / "other/snare.wav")
    (root / "up").symlink_to(tmp_path)
    assert new(root) == ["kick.wav"]


def test_a_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    put(root / "kick.wav")
    (tmp_path / "link").symlink_to(root)
    (root / "loop").symlink_to(tmp_path / "link")
    assert new(tmp_path / "link") == ["kick.wav"]


def test_a_link_that_leads_nowhere_keeps_what_is_known_below_it(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "drive/kick.wav", root / "gone.wav")
    (root / "link").symlink_to(tmp_path / "drive")
    before = all_known(root)
    shutil.rmtree(tmp_path / "drive")
    (root / "gone.wav").unlink()
    changes = walk(root, known=before)
    assert paths(changes.unchanged) == ["link/kick.wav"]
    assert paths(changes.missing) == ["gone.wav"]


def test_a_link_that_is_removed_takes_along_what_was_below_it(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "drive/kick.wav")
    (root / "link").symlink_to(tmp_path / "drive")
    before = all_known(root)
    (root / "link").unlink()
    assert paths(walk(root, known=before).missing) == ["link/kick.wav"]


# Comparing


def test_everything_has_its_place(root: Path) -> None:
    put(root / "same.wav", root / "changed.wav", root / "gone.wav")
    before = all_known(root)
    put(root / "new.wav")
    put(root / "changed.wav", content=b"longer than before")
    (root / "gone.wav").unlink()
    changes = walk(root, known=before)
    assert [found.path for found in changes.new] == ["new.wav"]
    assert [(k.path, f.path) for k, f in changes.changed] == [("changed.wav",) * 2]
    assert paths(changes.missing) == ["gone.wav"]
    assert paths(changes.unchanged) == ["same.wav"]


def test_a_touched_file_is_read_again(root: Path) -> None:
    put(root / "kick.wav")
    before = all_known(root)
    os.utime(root / "kick.wav", ns=(0, 0))
    assert len(walk(root, known=before).changed) == 1


def test_the_same_size_and_mtime_do_not_hide_a_change(root: Path) -> None:
    put(root / "kick.wav", content=b"one")
    before = all_known(root, is_settled=False)
    status = (root / "kick.wav").stat()
    other = root / "other"
    other.write_bytes(b"two")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(root / "kick.wav")
    (found,) = walk(root).new
    assert (found.stamp.size_bytes, found.stamp.mtime_ns) == (3, status.st_mtime_ns)
    # The file system's clock may not have ticked: then only "not settled" shows it.
    assert len(walk(root, known=before).changed) == 1
    settled = [dataclasses.replace(before[0], is_settled=True)]
    assert len(walk(root, known=settled).changed) == (found.stamp != before[0].stamp)


def test_a_fresh_file_is_not_settled_and_an_old_one_is(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root / "kick.wav")
    changed_ns = (root / "kick.wav").stat().st_ctime_ns
    for age_ns, settled in ((0, False), (1_999_999_999, False), (2_000_000_001, True)):
        monkeypatch.setattr("time.time_ns", lambda age=age_ns: changed_ns + age)
        assert [found.is_settled for found in walk(root).new] == [settled]


def test_a_file_whose_times_are_old_but_that_came_just_now_is_not_settled(root: Path) -> None:
    put(root / "kick.wav")
    os.utime(root / "kick.wav", ns=(0, 0))
    assert [found.is_settled for found in walk(root).new] == [False]


def test_what_was_not_settled_is_read_again(root: Path) -> None:
    put(root / "kick.wav")
    assert len(walk(root, known=all_known(root, is_settled=False)).changed) == 1


def test_what_could_not_be_read_is_tried_again(root: Path) -> None:
    put(root / "kick.wav")
    before = all_known(root, content_id=None, failed=True)
    assert len(walk(root, known=before).changed) == 1


def test_what_is_no_audio_is_not_read_again(root: Path) -> None:
    put(root / "kick.wav")
    assert walk(root, known=all_known(root, failed=True)).changed == []


def test_a_file_that_vanishes_meanwhile_is_not_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root / "a.wav", root / "b.wav")
    before = all_known(root)
    listed = walk_module._listed

    def slow(*arguments: Any) -> list[os.DirEntry[str]]:
        entries = listed(*arguments)
        (root / "a.wav").unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(walk_module, "_listed", slow)
    changes = walk(root, known=before)
    assert paths(changes.missing) == ["a.wav"]
    assert paths(changes.unchanged) == ["b.wav"]


# Folders that can't be looked into


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Folders that can't be listed: put their paths into this set."""
    forbidden: set[str] = set()
    scandir = os.scandir

    def guarded(path: str) -> object:
        if path in forbidden:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    return forbidden


def test_what_is_known_below_an_unreadable_folder_is_kept(root: Path, forbid: set[str]) -> None:
    put(root / "a/kick.wav", root / "a/b/snare.wav", root / "ab/hat.wav", root / "gone.wav")
    before = all_known(root)
    forbid.add(str(root / "a"))
    (root / "gone.wav").unlink()
    changes = walk(root, known=before)
    assert changes.unreadable == ["a"]
    assert paths(changes.missing) == ["gone.wav"]
    assert paths(changes.unchanged) == ["a/b/snare.wav", "a/kick.wav", "ab/hat.wav"]


def test_a_root_that_can_not_be_listed_is_an_error(root: Path, forbid: set[str]) -> None:
    forbid.add(str(root))
    with pytest.raises(LibindexError) as caught:
        walk(root)
    assert str(caught.value) == f"{root}: can't be listed (Permission denied)"


# A part of a root


def test_a_part_is_looked_at_alone(root: Path) -> None:
    put(root / "a/kick.wav", root / "ab/snare.wav", root / "b/hat.wav")
    assert new(root, "a") == ["a/kick.wav"]


def test_a_single_file(root: Path) -> None:
    put(root / "a/kick.wav", root / "a/snare.wav")
    assert new(root, "a/kick.wav") == ["a/kick.wav"]


def test_a_part_that_is_gone(root: Path) -> None:
    put(root / "a/kick.wav")
    before = all_known(root)
    shutil.rmtree(root / "a")
    assert paths(walk(root, "a", before).missing) == ["a/kick.wav"]


def test_a_file_that_became_a_folder(root: Path) -> None:
    put(root / "a.wav")
    before = all_known(root)
    (root / "a.wav").unlink()
    put(root / "a.wav/b.wav")
    changes = walk(root, "a.wav", before)
    assert paths(changes.missing) == ["a.wav"]
    assert [found.path for found in changes.new] == ["a.wav/b.wav"]


@pytest.mark.parametrize(
    "below", ["notes.txt", ".hidden.wav", "._kick.wav", ".hidden", ".hidden/a/kick.wav", "a/.b"]
)
def test_a_part_that_the_whole_would_skip_is_skipped(root: Path, below: str) -> None:
    put(
        root / "notes.txt",
        root / ".hidden.wav",
        root / "._kick.wav",
        root / ".hidden/a/kick.wav",
        root / "a/.b/kick.wav",
    )
    assert new(root) == new(root, below) == []


def test_a_link_that_the_whole_would_not_follow_is_not_followed(root: Path, tmp_path: Path) -> None:
    put(root / "real/kick.wav", tmp_path / "elsewhere/snare.wav", root / "b/c/hat.wav")
    (root / "a").symlink_to(tmp_path / "elsewhere")
    (root / "b/again").symlink_to(tmp_path / "elsewhere")
    (root / "b/link").symlink_to(root / "real")
    (root / "b/link to file").symlink_to(root / "real/kick.wav")
    whole = new(root)
    assert whole == ["b/c/hat.wav", "real/kick.wav", "a/snare.wav"]
    for below in ("a", "b", "b/again", "b/link", "b/c", "real"):
        assert sorted(new(root, below)) == sorted(p for p in whole if p.startswith(f"{below}/"))


@given(
    names=st.lists(
        st.lists(st.sampled_from(["a", "b", ".h", "c.wav", "d.txt", ".e.wav"]), min_size=1),
        max_size=12,
    )
)
def test_the_parts_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, names: list[list[str]]
) -> None:
    root = tmp_path_factory.mktemp("parts")
    for name in names:
        path = root.joinpath(*name[:4])
        if not any(parent.is_file() for parent in [path, *path.parents]) and not path.exists():
            put(path)
    whole = new(root)
    parts = [path for entry in os.listdir(root) for path in new(root, entry)]
    assert sorted(parts) == sorted(whole)
    files = [path.relative_to(root) for path in root.rglob("*.wav") if path.is_file()]
    assert sorted(whole) == sorted(
        str(path) for path in files if not any(part.startswith(".") for part in path.parts)
    )


# Whether a root is there


# The audio files of a folder, without a library


def test_a_folder_without_a_library_is_walked_as_by_a_scan(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    put(root / "b.wav", root / "a/x.wav", root / "a/.hidden.wav", root / ".git/x.wav")
    put(elsewhere / "sub/y.flac", root / "text.txt")
    (root / "link").symlink_to(elsewhere)
    (root / "a/again").symlink_to(elsewhere)
    (root / "loop").symlink_to(root)
    (elsewhere / "loop").symlink_to(elsewhere)
    expected = ["a/again/sub/y.flac", "a/x.wav", "b.wav"]
    assert audio_files(root, recursive=True) == [str(root / name) for name in expected]
    assert sorted(new(root)) == expected
    assert audio_files(root) == [str(root / "b.wav")]


def test_paths_of_audio_files_begin_as_the_folder_was_given(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root / "a/x.wav")
    monkeypatch.chdir(root)
    assert audio_files(".", recursive=True) == ["./a/x.wav"]
    assert audio_files("a") == ["a/x.wav"]


@pytest.mark.parametrize("recursive", [False, True])
def test_what_is_no_folder_has_no_audio_files(root: Path, recursive: bool) -> None:
    put(root / "x.wav")
    for path, reason in (("x.wav", "Not a directory"), ("none", "No such file or directory")):
        with pytest.raises(LibindexError, match=rf"can't be listed \({reason}\)"):
            audio_files(root / path, recursive=recursive)


@pytest.mark.parametrize("recursive", [False, True])
def test_a_link_that_leads_nowhere_is_left_to_who_reads_it(root: Path, recursive: bool) -> None:
    (root / "x.wav").symlink_to(root / "none.wav")
    (root / "drive").symlink_to(root / "unplugged")
    assert audio_files(root, recursive=recursive) == [str(root / "x.wav")]


def test_a_folder_that_can_not_be_listed_is_an_error_or_noted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root / "a/x.wav", root / "b.wav")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if path == str(root / "a"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    errors: list[LibindexError] = []
    assert audio_files(root, recursive=True, errors=errors) == [str(root / "b.wav")]
    assert [str(error) for error in errors] == [
        f"{root / 'a'}: can't be listed (Permission denied)"
    ]
    with pytest.raises(LibindexError, match="can't be listed"):
        audio_files(root, recursive=True)
