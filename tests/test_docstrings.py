"""The examples in the docstrings of what is public run, on the demo sounds."""

import doctest
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from libindex import DrumClassifier, Library, Selection, resources

CHECKOUT = Path(__file__).resolve().parent.parent
PUBLIC = (Library, Selection, DrumClassifier)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not resources.default_model().exists(), reason="the network is not trained yet"
    ),
]


def names_of(kind: type) -> list[str]:
    """What somebody may call of a class."""
    own = (name for name in vars(kind) if not name.startswith("_"))
    return [n for n in own if callable(getattr(kind, n)) or isinstance(vars(kind)[n], property)]


EXAMPLES = {
    test.name: test
    for kind in PUBLIC
    for test in doctest.DocTestFinder().find(kind, kind.__name__)
    if test.examples
}


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo sounds, and beside it what a library of them consists of."""
    home = tmp_path_factory.mktemp("docstrings")
    shutil.copytree(CHECKOUT / "demo_sounds", home / "here" / "demo_sounds")
    with Library.open(home / "library" / "library.db", jobs=2) as library:
        library.scan(home / "here" / "demo_sounds")
    return home


@pytest.fixture
def here(scanned: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder with the demo sounds, and a library of them that may be changed."""
    here = scanned / "here"
    before = set(here.iterdir())
    for file in (scanned / "library").iterdir():
        shutil.copy(file, here)
    monkeypatch.chdir(here)
    yield here
    for path in set(here.iterdir()) - before:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@pytest.fixture(scope="session")
def classifier() -> DrumClassifier:
    return DrumClassifier(jobs=2)


@pytest.mark.parametrize("kind", PUBLIC)
def test_everything_public_has_an_example(kind: type) -> None:
    missing = [name for name in names_of(kind) if f"{kind.__name__}.{name}" not in EXAMPLES]
    assert missing == []
    assert inspect.getdoc(kind)
    assert kind.__name__ in EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name: str, here: Path, request: pytest.FixtureRequest) -> None:
    test = EXAMPLES[name]
    report: list[str] = []
    with Library.open("library.db", jobs=2) as library:
        test.globs = {"Library": Library, "library": library}
        if name.startswith("DrumClassifier."):
            test.globs["classifier"] = request.getfixturevalue("classifier")
        failed, _ = doctest.DocTestRunner(verbose=False).run(
            test, out=report.append, clear_globs=False
        )
    assert failed == 0, "".join(report)
