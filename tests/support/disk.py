"""A folder in which anything may happen, as a state machine."""

import itertools
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from support.libraries import content_of, counts, put

from libindex.errors import NotFoundError
from libindex.indexing import Indexer

# Few, so that things happen to the same ones again and again.
NAMES = st.sampled_from(["a", "a/x.wav", "a/y/z.wav", "b", "b/x.wav", "c.wav", "d.wav", "d.txt"])
WHICH = st.integers(0, 20)


class Disk(RuleBasedStateMachine):
    """A folder in which anything may happen, and a library that is scanned now and then.

    What the operating system refuses has not happened.
    """

    def new_library(self) -> Indexer:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.root = self.home / "root"
        self.root.mkdir()
        (self.home / "outside").mkdir()
        self.numbers = itertools.count()
        self.library = self.new_library()
        self.library.scan([str(self.root)])

    def teardown(self) -> None:
        self.compare()
        shutil.rmtree(self.home)

    @rule(name=NAMES, text=st.sampled_from(["one", "two", "bad", "own"]))
    def write(self, name: str, text: str) -> None:
        with suppress(OSError):
            put(self.root / name, f"own {next(self.numbers)}" if text == "own" else text)

    def one(self, which: int) -> Path:
        """Something that is there, if anything is."""
        there = sorted(self.root.rglob("*"))
        return there[which % len(there)] if there else self.root / "none"

    @rule(which=WHICH, text=st.sampled_from(["one", "two", "bad", "own"]))
    def overwrite(self, which: int, text: str) -> None:
        self.write(str(self.one(which).relative_to(self.root)), text)

    @rule(which=WHICH, to=NAMES)
    def move(self, which: int, to: str) -> None:
        with suppress(OSError):
            (self.root / to).parent.mkdir(parents=True, exist_ok=True)
            self.one(which).replace(self.root / to)

    @rule(which=WHICH, to=NAMES)
    def copy(self, which: int, to: str) -> None:
        with suppress(OSError, shutil.SameFileError):
            (self.root / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.one(which), self.root / to)

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        path = self.one(which)
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    @rule(folder=st.sampled_from("ab"), out=st.booleans())
    def move_out_or_in(self, folder: str, out: bool) -> None:
        there, here = self.home / "outside" / folder, self.root / folder
        with suppress(OSError):
            (here if out else there).rename(there if out else here)

    @rule(name=NAMES, to=st.sampled_from(["a", "b", "outside/a", "outside/b", ".", "a/x.wav"]))
    def link(self, name: str, to: str) -> None:
        with suppress(OSError):
            (self.root / name).symlink_to((self.home if "out" in to else self.root) / to)

    @rule()
    def scan(self) -> None:
        self.library.scan()

    @rule(name=NAMES)
    def scan_a_part(self, name: str) -> None:
        with suppress(NotFoundError):
            self.library.scan([str(self.root / name)])

    @rule(after=st.integers(0, 3))
    def scan_and_stop(self, after: int) -> None:
        stop = threading.Event()
        self.library.scan(stop=stop, on_progress=lambda p: stop.set() if p.done >= after else None)

    @rule()
    def compare(self) -> None:
        # What is known below a link that leads nowhere is kept; a fresh scan can't know it.
        for path in [path for path in self.root.rglob("*") if not path.exists()]:
            path.unlink()
        fresh = self.new_library()
        found = fresh.scan([str(self.root)])
        self.library.scan()
        with self.library._database.reading() as mine, fresh._database.reading() as theirs:
            assert content_of(mine) == content_of(theirs)
        expected = {"unchanged": found.new, "failed": found.failed}
        assert counts(self.library.scan()) == {k: v for k, v in expected.items() if v}
