"""Words as classes or names, and folders by the end of their path."""

import shutil
from pathlib import Path

import pytest

from libindex.errors import NotFoundError, UsageError
from libindex.instruments import CODES
from libindex.library import Library


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode())
    return path


@pytest.fixture
def folder(tmp_path: Path, library: Library, ear: object) -> Path:
    folder = tmp_path / "Samples"
    for number in range(40):
        put(folder / "Vintage Drums" / ("808" if number % 2 else "909") / f"{number:02}.wav")
    put(folder / "Modern/Kicks/808 deep.wav")
    put(folder / "Modern/Snares/thud.wav")
    library.scan(folder)
    return folder


def paths(hits) -> set[str]:
    return {hit.path for hit in hits}


@pytest.mark.parametrize("word", ["snr", "snare", "Snare Drum", "hats", "bd"])
def test_a_word_is_a_class(library: Library, folder: Path, word: str) -> None:
    assert library.query(words=[word], min_prob=0.01) == library.query(
        classes=[word], min_prob=0.01
    )
    assert library.query(words=word) == library.query(classes=word)


@pytest.mark.parametrize("word", ["808", "thud.wav", "modern", "3?.wav", "vintage", "Modern/*/*"])
def test_another_word_is_a_name(library: Library, folder: Path, word: str) -> None:
    found = library.query(words=[word])
    assert found == library.query(name=word)
    assert found


def test_classes_are_or_and_names_are_and(library: Library, folder: Path) -> None:
    found = library.query(words=["snare", "808", "kick", "vintage"], min_prob=0.02)
    expected = library.query(classes=["snare", "kick"], min_prob=0.02)
    assert (
        paths(found) == {hit.path for hit in expected if "/Vintage Drums/808/" in hit.path} != set()
    )
    assert paths(library.query(words=["snare"], classes=["kick"], min_prob=0.02)) == paths(expected)


def test_the_words_of_a_class_may_stand_alone(library: Library, folder: Path) -> None:
    for words in (["open", "hat"], ["808", "open", "hat"], ["hand", "clap", "808"]):
        code = "clp" if "clap" in words else "hho"
        name = "808" if "808" in words else None
        found = library.query(words=words, min_prob=0.001)
        assert found == library.query(classes=[code], name=name, min_prob=0.001)
        assert found


def test_a_word_that_means_nothing_names_the_nearest_class(library: Library, folder: Path) -> None:
    for word, message in (
        ("snaer", "no class, file or folder 'snaer'; did you mean snare?"),
        ("kikc", "no class, file or folder 'kikc'; did you mean kick?"),
        ("qqqq", "no class, file or folder 'qqqq'"),
    ):
        selection = library.select(words=["808", word])
        for ask in (selection.hits, selection.count, lambda s=selection: s.similar("thud.wav")):
            with pytest.raises(UsageError) as caught:
                ask()
            assert str(caught.value) == message


def test_folders_count_as_names(library: Library, folder: Path) -> None:
    found = paths(library.query(name="808"))
    assert len(found) == 21
    assert str(folder / "Modern/Kicks/808 deep.wav") in found
    assert found > paths(library.query(name="808/*"))
    assert paths(library.query(name="808")) == paths(library.query(name="*808*"))
    assert library.query(name="Samples") == []  # the root's own name is that of all


@pytest.mark.parametrize(
    "text", ["Vintage Drums", "vintage drums", "Samples/Vintage Drums", "Vintage Drums/"]
)
def test_under_the_end_of_a_path(library: Library, folder: Path, text: str) -> None:
    expected = paths(library.query(under=folder / "Vintage Drums"))
    assert paths(library.query(under=text)) == expected
    assert paths(library.similar("thud.wav", 50, under=text)) == expected
    assert library.select(under=text).count() == len(expected) == 40


def test_under_a_folder_in_a_folder(library: Library, folder: Path) -> None:
    assert len(library.query(under="Vintage Drums/808")) == 20
    assert len(library.query(under="808")) == 20
    assert len(library.query(under="Samples")) == 42


def test_several_folders_that_end_so_are_listed(library: Library, folder: Path) -> None:
    put(folder / "Other/Kicks/x.wav")
    library.scan()
    with pytest.raises(NotFoundError) as caught:
        library.query(under="kicks")
    assert str(caught.value) == (
        f"kicks: is the name of 2 folders: {folder}/Modern/Kicks, {folder}/Other/Kicks"
    )
    (folder / "Third").mkdir()
    shutil.move(folder / "Other/Kicks", folder / "Third/kicks")
    library.scan()
    assert len(library.query(under="kicks")) == 1  # the same to the letter


def test_a_path_that_is_there_counts_more(library: Library, folder: Path, monkeypatch) -> None:
    put(folder / "Modern/Vintage Drums/x.wav")
    library.scan()
    monkeypatch.chdir(folder / "Modern")
    assert [Path(hit.path).name for hit in library.query(under="Vintage Drums")] == ["x.wav"]


def test_no_folder_ends_so(library: Library, folder: Path, monkeypatch) -> None:
    with pytest.raises(NotFoundError, match="none: is not in the library"):
        library.query(under="none")
    monkeypatch.chdir(folder)
    assert library.query(under="none") == []  # which would be a part of it


def test_a_class_sorted_by_a_facet_begins_with_what_is_of_it(
    library: Library, folder: Path
) -> None:
    for code in CODES:
        for reverse in (False, True):
            hits = library.query(classes=[code], sort="duration", reverse=reverse)
            likely = [hit for hit in hits if hit.probability >= 0.5]
            doubtful = [hit for hit in hits if hit.probability < 0.5]
            assert hits == likely + doubtful
            for part in (likely, doubtful):
                lengths = [hit.facts.duration_s for hit in part]
                assert lengths == sorted(lengths, reverse=reverse)
    hits = library.query(classes=CODES, sort="duration", min_prob=0.0)
    assert hits == sorted(hits, key=lambda hit: hit.facts.duration_s)


def test_what_is_hardly_percussion_comes_last_too(library: Library, folder: Path) -> None:
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE analyses SET percussion = (id % 2) * 0.9")
        connection.exec_driver_sql("UPDATE analyses SET probability = 0.9")
    hits = library.query(classes=CODES, sort="centroid")
    kinds = [hit.percussion for hit in hits]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {0.0, 0.9}


def test_what_is_not_known_comes_last(library: Library, folder: Path) -> None:
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE contents SET duration_s = NULL WHERE id < 5")
    for reverse in (False, True):
        hits = library.query(sort="duration", reverse=reverse)
        assert [hit.facts.duration_s is None for hit in hits] == [False] * 38 + [True] * 4
