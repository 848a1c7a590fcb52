"""Trees over made-up answers, so that any library and any change of it can be tried."""

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libindex.errors import LibindexError, UsageError
from libindex.export import tree
from libindex.export.columns import Answer
from libindex.export.manifest import NAME, PART, Manifest
from libindex.export.names import Wanted
from libindex.export.tree import TreeSummary, write_tree
from libindex.library import Library

Samples = dict[str, str]  # path below the root to class
UNNUMBERED = re.compile(r"( \(\d+\))+(?=\.|$)")


class World:
    """A folder with samples, and a tree beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "Samples"
        self.tree = folder / "Sorted"
        self.root.mkdir()

    def put(self, *names: str) -> None:
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.fsencode(name) * 3)

    def make(
        self, samples: Samples, by: Any = "class", copy: bool = False, into: Path | None = None
    ) -> TreeSummary:
        hits: Any = (
            SimpleNamespace(path=f"{self.root}/{name}", root=str(self.root), class_code=code)
            for name, code in samples.items()
        )
        roots = [SimpleNamespace(path=str(self.root))]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tree, "all_roots", lambda _: roots)
            return write_tree(Answer(None, None, hits), into or self.tree, by, copy=copy)

    def shown(self, top: Path | None = None) -> dict[str, str]:
        """Every file of the tree: the sample that it leads to or was copied from."""
        top = top or self.tree
        found = {}
        for path in top.rglob("*"):
            if path.name == NAME or path.is_dir():
                continue
            source = str(path.readlink()) if path.is_symlink() else self._origin(path)
            found[str(path.relative_to(top))] = str(Path(source).relative_to(self.root))
        return found

    def _origin(self, path: Path) -> str:
        content = path.read_bytes()
        return os.fsdecode(os.fsencode(self.root) + b"/" + content[: len(content) // 3])

    def snapshot(self) -> dict[str, object]:
        """Everything in the folder of the tree, with what would show that it was touched."""
        return {
            str(path.relative_to(self.tree)): (
                os.lstat(path).st_ino,
                os.lstat(path).st_mtime_ns,
                path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes(),
            )
            for path in self.tree.rglob("*")
            if path.name != NAME and not (path.is_dir() and not path.is_symlink())
        }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def counts(summary: TreeSummary) -> tuple[int, int, int]:
    return summary.added, summary.removed, summary.kept


# What is made


@pytest.mark.parametrize("copy", [False, True])
def test_samples_by_class(world: World, copy: bool) -> None:
    samples = {"P/a.wav": "kick", "Q/b.wav": "snr", "c.wav": "kick"}
    world.put(*samples)
    assert counts(world.make(samples, copy=copy)) == (3, 0, 0)
    assert world.shown() == {
        "kick/a.wav": "P/a.wav",
        "snr/b.wav": "Q/b.wav",
        "kick/c.wav": "c.wav",
    }
    assert (world.tree / "kick/a.wav").is_symlink() is not copy
    source, made = (world.root / "P/a.wav").stat(), (world.tree / "kick/a.wav").stat()
    assert (made.st_size, made.st_mtime_ns) == (source.st_size, source.st_mtime_ns)


def test_samples_by_class_and_pack(world: World) -> None:
    # The pack is the first folder below the root; what lies in the root is in the root's.
    samples = {"P/deep/a.wav": "kick", "Q/a.wav": "kick", "c.wav": "snr"}
    world.make(samples, "class/pack")
    assert world.shown() == {
        "kick/P/a.wav": "P/deep/a.wav",
        "kick/Q/a.wav": "Q/a.wav",
        "snr/Samples/c.wav": "c.wav",
    }


def test_names_that_collide_get_numbers_in_order_of_path(world: World) -> None:
    names = ["b/k.wav", "a/k.wav", "c/K.WAV", "d/k (2).wav", "e/k", "f/k.", "g/\udcff"]
    world.make(dict.fromkeys(names, "kick"))
    assert world.shown() == {
        "kick/k.wav": "a/k.wav",
        "kick/k (2).wav": "b/k.wav",
        "kick/K (3).WAV": "c/K.WAV",  # many disks ignore case
        "kick/k (2) (2).wav": "d/k (2).wav",
        "kick/k": "e/k",
        "kick/k.": "f/k.",
        "kick/\udcff": "g/\udcff",
    }


def test_a_number_does_not_make_a_name_too_long(world: World) -> None:
    name = "ü" * 125 + ".wav"  # 254 bytes
    world.make({f"{folder}/{name}": "kick" for folder in "abc"})
    shown = sorted(world.shown())
    assert len(shown) == 3
    assert all(name.endswith(".wav") and len(os.fsencode(name)) <= 260 for name in shown)


@pytest.mark.parametrize(
    ("code", "folder"), [("a/b", "a-b"), ("..", "_"), (".hidden", "hidden"), ("", "_")]
)
def test_a_class_of_any_name_is_one_folder(world: World, code: str, folder: str) -> None:
    world.make({"a.wav": code})
    assert list(world.shown()) == [f"{folder}/a.wav"]


def test_a_name_once_given_stays(world: World) -> None:
    world.make({"b/k.wav": "kick", "c/k.wav": "kick"})
    world.make({"a/k.wav": "kick", "c/k.wav": "kick", "b/k.wav": "kick"})
    expected = {
        "kick/k.wav": "b/k.wav",
        "kick/k (2).wav": "c/k.wav",
        "kick/k (3).wav": "a/k.wav",
    }
    assert world.shown() == expected
    world.make({"c/k.wav": "kick"})
    assert world.shown() == {"kick/k (2).wav": "c/k.wav"}
    world.make({"c/k.wav": "kick", "a/k.wav": "kick"})
    assert world.shown() == {"kick/k (2).wav": "c/k.wav", "kick/k.wav": "a/k.wav"}


# What is left alone


def test_what_others_put_there_is_left_alone(world: World) -> None:
    (world.tree / "kick").mkdir(parents=True)
    (world.tree / "kick/a.wav").write_bytes(b"mine")
    (world.tree / "kick/b.wav").symlink_to("nowhere")
    (world.tree / "notes.txt").write_bytes(b"mine")
    before = world.snapshot()
    world.make({"a.wav": "kick", "b.wav": "kick"})
    assert set(world.snapshot()) - set(before) == {"kick/a (2).wav", "kick/b (2).wav"}
    world.make({})
    assert world.snapshot() == before
    assert not (world.tree / NAME).exists()
    assert (world.tree / "kick").is_dir()


def test_what_others_changed_is_theirs(world: World) -> None:
    names = {"a.wav": "kick", "b.wav": "kick", "c.wav": "kick"}
    world.put(*names)
    world.make(names, copy=True)
    (world.tree / "kick/a.wav").write_bytes(b"edited")
    (world.tree / "kick/b.wav").unlink()
    (world.tree / "kick/b.wav").symlink_to(world.root / "b.wav")
    before = world.snapshot()
    del before["kick/c.wav"]
    world.make({})
    assert world.snapshot() == before


def test_a_tree_that_is_not_wanted_any_more_goes_with_its_folder(world: World) -> None:
    world.make({"a.wav": "kick", "P/b.wav": "snr"}, "class/pack")
    world.make({})
    assert not world.tree.exists()
    world.tree.mkdir()
    world.make({"a.wav": "kick"})
    world.make({})
    assert list(world.tree.iterdir()) == []


@pytest.mark.parametrize("copy", [False, True])
def test_samples_are_never_written(world: World, copy: bool) -> None:
    # Somebody replaces a folder of the tree by a link to where the samples are.
    world.put("kick/a.wav", "b.wav")
    samples = {"kick/a.wav": "kick", "b.wav": "kick"}
    world.make(samples, copy=copy)
    shutil.rmtree(world.tree / "kick")
    (world.tree / "kick").symlink_to(world.root / "kick")
    before = {p: p.read_bytes() for p in world.root.rglob("*.wav")}
    with pytest.raises(
        LibindexError, match="is a link or a file where a folder of this tree should be"
    ):
        world.make(samples, copy=copy)
    assert counts(world.make({})) == (0, 0, 0)
    assert {p: p.read_bytes() for p in world.root.rglob("*.wav")} == before
    assert (world.tree / "kick").is_symlink()


@pytest.mark.parametrize("place", [".", "Sorted", "kick/Sorted"])
def test_a_folder_of_the_library_is_refused(world: World, place: str) -> None:
    with pytest.raises(UsageError, match="where the next scan would take it for more samples"):
        world.make({"a.wav": "kick"}, into=world.root / place)
    link = world.root.parent / "link"
    link.symlink_to(world.root)
    with pytest.raises(UsageError):
        world.make({"a.wav": "kick"}, into=link / place)
    assert list(world.root.iterdir()) == []


def test_a_root_inside_of_the_tree_is_no_folder_of_it(world: World) -> None:
    (world.root.parent / "kick").mkdir()
    world.root = world.root.parent / "kick"
    with pytest.raises(UsageError):
        world.make({"a.wav": "kick"}, into=world.root.parent)
    assert list(world.root.iterdir()) == []


def test_a_hidden_folder_of_the_library_will_do(world: World) -> None:
    world.make({"a.wav": "kick"}, into=world.root / ".sorted")
    assert world.shown(world.root / ".sorted") == {"kick/a.wav": "a.wav"}


# Going on


def test_links_become_copies_and_links_again(world: World) -> None:
    samples = {"a.wav": "kick", "b.wav": "snr"}
    world.put(*samples)
    world.make(samples)
    assert counts(world.make(samples, copy=True)) == (2, 2, 0)
    assert not (world.tree / "kick/a.wav").is_symlink()
    assert counts(world.make(samples)) == (2, 2, 0)
    assert (world.tree / "kick/a.wav").is_symlink()


def test_a_copy_follows_its_sample(world: World) -> None:
    world.put("a.wav")
    world.make({"a.wav": "kick"}, copy=True)
    (world.root / "a.wav").write_bytes(b"a.wav" * 3)
    os.utime(world.root / "a.wav", ns=(0, 0))
    assert counts(world.make({"a.wav": "kick"}, copy=True)) == (1, 1, 0)
    assert (world.tree / "kick/a.wav").stat().st_mtime_ns == 0


def test_samples_that_are_away_keep_their_copies_and_get_no_new_ones(world: World) -> None:
    world.put("a.wav", "b.wav")
    world.make({"a.wav": "kick"}, copy=True)
    world.root.rename(world.root.with_name("away"))
    done = world.make({"a.wav": "kick", "b.wav": "kick"}, copy=True)
    assert counts(done) == (0, 0, 1)
    assert done.missing == (str(world.root / "b.wav"),)
    assert list(world.shown()) == ["kick/a.wav"]
    world.root.with_name("away").rename(world.root)
    assert counts(world.make({"a.wav": "kick", "b.wav": "kick"}, copy=True)) == (1, 0, 1)


def test_a_sample_that_changes_meanwhile_is_left_for_the_next_time(world: World) -> None:
    world.put("a.wav")
    copy = shutil.copyfileobj

    def changing(source: Any, *rest: Any) -> None:
        copy(source, *rest)
        os.utime(world.root / "a.wav", ns=(0, 0))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", changing)
        assert world.make({"a.wav": "kick"}, copy=True).missing == (str(world.root / "a.wav"),)
    assert world.shown() == {}
    assert counts(world.make({"a.wav": "kick"}, copy=True)) == (1, 0, 0)


def test_disks_that_round_times(world: World) -> None:
    world.put("a.wav")
    world.make({"a.wav": "kick"}, copy=True)
    made = world.tree / "kick/a.wav"
    os.utime(made, ns=(0, made.stat().st_mtime_ns - 1_500_000_000))
    assert counts(world.make({"a.wav": "kick"}, copy=True)) == (0, 0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2, "folders": [], "files": []}',
        '{"version": 1, "folders": [], "files": [["../a/b", "x", null]]}',
        '{"version": 1, "folders": [], "files": [["/b", "x", null]]}',
    ],
)
def test_a_damaged_list_stops_it(world: World, text: str) -> None:
    world.make({"a.wav": "kick"})
    (world.tree / NAME).write_text(text)
    before = world.snapshot()
    with pytest.raises(LibindexError, match="is damaged or newer"):
        world.make({})
    assert world.snapshot() == before


def test_two_at_once(world: World) -> None:
    world.make({"a.wav": "kick"})
    with tree._alone(str(world.tree)), pytest.raises(LibindexError, match="by another libindex"):
        world.make({})


def test_a_disk_without_links(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refused)
    with pytest.raises(LibindexError, match=r"takes no links .*; try --copy$"):
        world.make({"a.wav": "kick"})


def test_a_full_disk_is_an_error_and_nothing_is_forgotten(world: World) -> None:
    world.put("a.wav", "b.wav", "c.wav")
    copy = shutil.copyfileobj
    done: list[None] = []

    def filling(*arguments: Any) -> None:
        if done:
            raise OSError(28, "No space left on device")
        done.append(copy(*arguments))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", filling)
        with pytest.raises(LibindexError) as caught:
            world.make(dict.fromkeys(["a.wav", "b.wav", "c.wav"], "kick"), copy=True)
    assert str(caught.value) == f"{world.tree}: can't be written (No space left on device)"
    assert list(world.shown()) == ["kick/a.wav"]
    assert not (world.tree / PART).exists()
    world.make({})
    assert not world.tree.exists()


# Laws

NAMES = [f"{pack}/{name}" for pack in ("P", "p", "Q") for name in ("k.wav", "K.wav", "k (2).wav")]
samples_ = st.dictionaries(st.sampled_from([*NAMES, "k.wav", "x.wav"]), st.sampled_from("ab"))
options_ = st.tuples(st.sampled_from(["class", "class/pack"]), st.booleans())
steps_ = st.lists(st.tuples(samples_, options_), min_size=1, max_size=4)


@contextmanager
def new_world() -> Iterator[World]:
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        world = World(Path(folder))
        world.put(*NAMES, "k.wav", "x.wav")
        yield world


def without_numbers(shown: dict[str, str]) -> Counter[tuple[str, str]]:
    return Counter((UNNUMBERED.sub("", path), source) for path, source in shown.items())


@given(steps_)
def test_any_change_leads_to_what_a_fresh_tree_would_be(steps) -> None:
    with new_world() as world:
        for number, (samples, (by, copy)) in enumerate(steps):
            before = world.shown()
            world.make(samples, by, copy)
            shown = world.shown()
            again = world.snapshot()
            assert counts(world.make(samples, by, copy)) == (0, 0, len(samples))
            assert world.snapshot() == again
            fresh = world.tree.with_name(f"fresh {number}")
            world.make(dict(reversed(samples.items())), by, copy, into=fresh)
            assert without_numbers(shown) == without_numbers(world.shown(fresh))
            for path, source in before.items():  # names stay, as long as the folder does
                there = [p for p, s in shown.items() if s == source]
                assert path in there or all(Path(p).parent != Path(path).parent for p in there)
            if number == 0:
                assert shown == world.shown(fresh)


@given(steps_, st.data())
@settings(max_examples=30)
def test_others_files_survive_anything(steps, data) -> None:
    with new_world() as world:
        mine: dict[Path, int] = {}
        for samples, (by, copy) in steps:
            world.make(samples, by, copy)
            world.tree.mkdir(exist_ok=True)
            places = [world.tree, *(p for p in world.tree.rglob("*") if p.is_dir())]
            place = data.draw(st.sampled_from(places)) / data.draw(
                st.sampled_from(["k.wav", "k (2).wav", "mine.txt"])
            )
            if data.draw(st.booleans()) and (place.is_symlink() or place.is_file()):
                place.unlink()
                mine.pop(place, None)
            if not os.path.lexists(place):
                place.write_bytes(b"mine")
                mine[place] = os.lstat(place).st_ino
        world.make({})
        left = {p: os.lstat(p).st_ino for p in world.tree.rglob("*") if not p.is_dir()}
        left.pop(world.tree / NAME, None)  # it is kept for a folder of ours that is not empty
        assert left == mine


_CALLS = ("symlink", "unlink", "mkdir", "replace", "utime", "rmdir")


@contextmanager
def interrupted_at(call: int, after: bool) -> Iterator[None]:
    """Ctrl-C at the n-th call that changes something, before or after it has done its work."""
    left = call

    def wrapped(real: Callable[..., object]) -> Callable[..., object]:
        def function(*arguments: Any, **options: Any) -> object:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                raise KeyboardInterrupt
            result = real(*arguments, **options)
            if left == 0:
                raise KeyboardInterrupt
            return result

        return function

    with pytest.MonkeyPatch.context() as patch:
        for name in _CALLS:
            patch.setattr(os, name, wrapped(getattr(os, name)))
        yield


def test_after_an_interruption_a_copy_is_not_taken_for_another_of_the_same_size_and_age(
    world: World,
) -> None:
    world.put("P/k.wav", "Q/k.wav")
    for name in ("P/k.wav", "Q/k.wav"):  # as they come out of an archive
        os.utime(world.root / name, ns=(10**18, 10**18))
    world.make({"Q/k.wav": "kick"}, copy=True)
    with pytest.raises(KeyboardInterrupt), interrupted_at(4, after=False):  # between list and copy
        world.make({"P/k.wav": "kick"}, copy=True)
    world.make({"P/k.wav": "kick"}, copy=True)
    assert world.shown() == {"kick/k.wav": "P/k.wav"}


@pytest.mark.slow
@given(samples_, options_, samples_, options_, st.integers(1, 40), st.booleans())
@settings(max_examples=60)
def test_an_interruption_forgets_nothing(before, first, after, second, call, late) -> None:
    with new_world() as world:
        world.make(before, *first)
        try:
            with interrupted_at(call, late):
                world.make(after, *second)
        except KeyboardInterrupt:
            pass
        world.make(after, *second)
        fresh = world.tree.with_name("fresh")
        by, copy = second
        world.make(after, by, copy, into=fresh)
        assert without_numbers(world.shown()) == without_numbers(world.shown(fresh))
        world.make({})
        left = list(world.tree.rglob("*")) if world.tree.exists() else []
        assert left == []


def test_a_list_can_be_read_again(tmp_path: Path) -> None:
    one = Wanted("kick", "/Samples/\udcff.wav", (3, 4))
    made = Manifest(frozenset({"", "kick"}), (("kick/\udcff.wav", one),))
    made.write(str(tmp_path))
    assert Manifest.read(str(tmp_path)) == made


# With a library


def test_the_tree_of_a_library(library: Library, ear: object, tmp_path: Path) -> None:
    folder = tmp_path / "Samples"
    for number in range(20):
        path = folder / f"{number % 3}" / f"{number % 4}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number)
    library.scan(folder)

    def targets() -> dict[str, str]:
        found = [p for p in (tmp_path / "Sorted").rglob("*") if p.is_symlink()]
        return {str(p.readlink()): p.parent.name for p in found}

    assert library.select().tree(tmp_path / "Sorted").added == 12
    assert targets() == {hit.path: hit.class_code for hit in library.query()}
    (folder / "0").rename(folder / "9")
    (folder / "1/1.wav").unlink()
    library.scan()
    done = library.select().tree(tmp_path / "Sorted")
    assert (done.added, done.removed, done.kept) == (4, 5, 7)
    assert targets() == {hit.path: hit.class_code for hit in library.query()}
    code = library.query()[0].class_code
    library.select(classes=[code]).tree(tmp_path / "Sorted")
    assert set(targets().values()) == {code}
    with pytest.raises(UsageError, match="can't sort a tree by 'name'"):
        library.select().tree(tmp_path / "Sorted", by=cast("Any", "name"))
