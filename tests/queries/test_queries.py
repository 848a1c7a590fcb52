import dataclasses
import fnmatch
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from support.ear import Ear

from libindex.analysis.results import Analysis
from libindex.errors import ModelError, NotFoundError, SampleError, UsageError
from libindex.instruments import CODES
from libindex.library import Library
from libindex.paths import join, to_text
from libindex.queries import Filters, Hit
from libindex.similarity.embeddings import unpacked
from libindex.sound.facts import FACETS
from libindex.store.schema import samples

NAMES = [
    "Kick 01.wav",
    "kick_02.WAV",
    "SNARE.flac",
    "hat[open].wav",
    "hat closed.wav",
    "Ümlaut.wav",
    "100%_wet.wav",
    "a.wav",
    "b.wav",
    "B side.wav",
    "\udcff broken.wav",
    "new\nline.wav",
]


def put(path: Path, content: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.fsencode(content or path.name))
    return path


def fill(folder: Path) -> Path:
    """Two dozen different sounds in two folders, and a bad one."""
    for name in NAMES:
        put(folder / "pack" / name)
    for number in range(12):
        put(folder / "more" / f"{number:02}.wav")
    put(folder / "bad.wav", "bad")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "Samples")


@pytest.fixture
def scanned(library: Library, ear: Ear, folder: Path) -> Library:
    library.scan(folder)
    return library


@pytest.fixture(scope="module")
def still_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("still") / "Samples")


@pytest.fixture(scope="module")
def still(
    tmp_path_factory: pytest.TempPathFactory, still_folder: Path, small_model: Path
) -> Iterator[Library]:
    """The same as `scanned`, for tests that change nothing."""
    path = tmp_path_factory.mktemp("still") / "library.db"
    ear = Ear(has_percussion_score=True)
    with Library.open(path, model=small_model, jobs=1, pipeline_factory=ear) as opened:
        opened.scan(still_folder)
        yield opened


def names(hits: list[Hit]) -> list[str]:
    return [Path(hit.path).name for hit in hits]


def every(library: Library) -> list[Hit]:
    """All hits, by path."""
    return sorted(library.query(), key=lambda hit: os.fsencode(hit.path))


def by_path(hits: list[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: os.fsencode(hit.path))


# Hits


def test_all_that_can_be_used_is_found(still: Library, still_folder: Path) -> None:
    found = [hit.path for hit in every(still)]
    good = [str(p) for p in still_folder.rglob("*") if p.is_file() and p.name != "bad.wav"]
    assert found == sorted(good, key=os.fsencode)


def test_a_hit_is_what_was_analysed(still: Library, still_folder: Path) -> None:
    path = still_folder / "more/03.wav"
    (hit,) = still.query(name="03.wav")
    expected = Ear(has_percussion_score=True).result(str(path))
    assert isinstance(expected, Analysis)
    top = int(expected.probabilities.argmax())
    assert (hit.path, hit.root) == (str(path), str(still_folder))
    assert hit.class_code == CODES[top]
    assert hit.probability == pytest.approx(float(expected.probabilities[top]))
    assert hit.percussion == expected.percussion
    assert hit.facts == expected.facts
    assert hit.is_online
    assert (hit.similarity, hit.copies) == (None, ())


def test_the_python_face_is_the_same(still: Library) -> None:
    info = still.info("03.wav")
    (hit,) = still.query(name="03.wav")
    for name in ("path", "percussion", "facts", "added_at"):
        assert getattr(info, name) == getattr(hit, name)
    assert next(iter(info.probabilities.items())) == (hit.class_code, hit.probability)
    assert list(info.probabilities.values()) == sorted(info.probabilities.values(), reverse=True)
    assert set(info.probabilities) == set(CODES)


# Filters


def of(hit: Hit, key: str) -> float:
    return float(getattr(hit.facts, key))


@pytest.mark.parametrize("facet", [facet.key for facet in FACETS])
def test_ranges(still: Library, facet: str) -> None:
    hits = every(still)
    values = sorted(of(hit, facet) for hit in hits)
    low, high = values[5], values[15]  # both ends belong to it
    both: Any = {f"min_{facet}": low, f"max_{facet}": high}
    above: Any = {f"min_{facet}": high}
    below: Any = {f"max_{facet}": low}
    found = by_path(still.query(**both))
    assert found == [hit for hit in hits if low <= of(hit, facet) <= high]
    assert len(found) == 11
    assert len(still.query(**above)) == len(values) - 15
    assert len(still.query(**below)) == 6


def test_everything_that_is_given_must_hold(still: Library, still_folder: Path) -> None:
    hits = every(still)
    found = still.query(
        min_duration_s=1, max_centroid_hz=6000, under=still_folder / "pack", name="a"
    )
    expected = [
        hit
        for hit in hits
        if hit.facts.duration_s >= 1
        and hit.facts.centroid_hz <= 6000
        and "/pack/" in hit.path
        and "a" in Path(hit.path).name.lower()
    ]
    assert by_path(found) == expected
    assert 0 < len(found) < len(hits)


def test_a_class_is_the_most_probable_one(still: Library) -> None:
    hits = every(still)
    for code in CODES:
        expected = [hit for hit in hits if hit.class_code == code]
        assert by_path(still.query(classes=[code])) == expected
        assert by_path(still.query(classes=code)) == expected


def test_several_classes_are_or(still: Library) -> None:
    chosen = {hit.class_code for hit in every(still)[:6]}
    expected = [hit for hit in every(still) if hit.class_code in chosen]
    assert by_path(still.query(classes=chosen)) == expected


def test_min_prob_alone_is_about_the_most_probable_class(still: Library) -> None:
    expected = [hit for hit in every(still) if hit.probability >= 0.5]
    assert by_path(still.query(min_prob=0.5)) == expected
    assert 0 < len(expected) < len(every(still))


@pytest.mark.parametrize("classes", [["kick"], ["kick", "snr"], CODES[::2]])
@pytest.mark.parametrize("min_prob", [0.0, 0.01, 0.2, 1.0])
def test_min_prob_with_classes_is_about_any_of_them(
    still: Library, classes: list[str], min_prob: float
) -> None:
    expected = {}
    for hit in every(still):
        probabilities = still.info(hit.path).probabilities
        code = max(classes, key=lambda c: probabilities[c])
        if probabilities[code] >= min_prob:
            expected[hit.path] = (code, probabilities[code])
    found = still.query(classes=classes, min_prob=min_prob)
    assert {hit.path: (hit.class_code, hit.probability) for hit in found} == expected
    assert len(found) == len(expected)


def test_min_percussion_leaves_out_what_is_hardly_percussion(still: Library) -> None:
    hits = every(still)
    values = sorted(hit.percussion for hit in hits)
    for least in (0.0, 0.5, values[7], 1.0):  # the end belongs to it
        expected = [hit for hit in hits if hit.percussion >= least]
        assert by_path(still.query(min_percussion=least)) == expected
        assert still.select(min_percussion=least).count() == len(expected)
        both = [hit for hit in expected if hit.probability >= 0.5]
        assert by_path(still.query(min_percussion=least, min_prob=0.5)) == both
    assert len(still.query(min_percussion=values[7])) == len(hits) - 7
    found = still.query(classes=CODES[::2], min_prob=0.01, min_percussion=0.5)
    assert found == [
        h for h in still.query(classes=CODES[::2], min_prob=0.01) if h.percussion > 0.5
    ]


def test_samples_without_a_score_are_not_left_out(scanned: Library, folder: Path) -> None:
    hits = every(scanned)
    assert len(hits) == 24
    assert by_path(scanned.query(min_percussion=1.0)) == hits
    assert scanned.select(min_percussion=1.0).count() == 24
    assert len(scanned.similar("03.wav", 100, min_percussion=1.0)) == 23
    assert {hit.percussion for hit in hits} == {None}
    assert scanned.info(folder / "more/03.wav").percussion is None


@pytest.mark.parametrize(
    ("word", "codes"),
    [
        ("bd", ["kick"]),
        ("Bass Drum", ["kick"]),
        ("snare", ["snr"]),
        ("SNARES", ["snr"]),
        ("open hat", ["hho"]),
        ("hi-hat", ["hhc", "hho", "ped"]),
        ("cymbals", ["cym", "rid"]),
    ],
)
def test_a_class_has_many_names(still: Library, word: str, codes: list[str]) -> None:
    assert still.query(classes=[word], min_prob=0.01) == still.query(classes=codes, min_prob=0.01)


def test_an_unknown_class_names_the_nearest(still: Library) -> None:
    with pytest.raises(UsageError) as caught:
        still.query(classes=["snaer"])
    assert "'snaer'" in str(caught.value)
    assert "snr (snare drum)" in str(caught.value)
    assert all(code in str(caught.value) for code in CODES)


def test_under_a_folder(scanned: Library, folder: Path) -> None:
    put(folder / "more sounds/x.wav")
    scanned.scan()
    assert len(scanned.query(under=folder / "more")) == 12
    assert len(scanned.query(under=f"{folder}/pack/../more/")) == 12
    assert len(scanned.query(under=folder)) == len(every(scanned)) == 25
    assert len(scanned.query(under=folder.parent)) == 25
    assert len(scanned.query(under=folder / "more/03.wav")) == 1
    assert scanned.query(under=folder / "none") == []


def test_under_several_roots(scanned: Library, folder: Path, tmp_path: Path) -> None:
    put(tmp_path / "Others/x.wav")
    put(tmp_path / "Samples 2/y.wav")
    scanned.scan(tmp_path / "Others", tmp_path / "Samples 2")
    assert names(scanned.query(under=tmp_path / "Others")) == ["x.wav"]
    assert len(scanned.query(under=folder)) == 24
    assert len(scanned.query(under=tmp_path)) == 26


def test_under_a_folder_that_is_no_part_of_the_library(still: Library, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is not in the library"):
        still.query(under=tmp_path / "Other")


def test_under_relative_paths(scanned: Library, folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    assert len(scanned.query(under="more")) == len(scanned.query(under="./pack/../more")) == 12


@pytest.mark.parametrize(
    "pattern",
    [
        "*.wav",
        "kick*",
        "KICK*",
        "kick?01*",
        "[ab].wav",
        "[A-B].wav",
        "*[0-9]*",
        "*_*",
        "*line*",
        "ü*",
    ],
)
def test_a_pattern_is_that_of_the_shell(still: Library, pattern: str) -> None:
    found = names(by_path(still.query(name=pattern)))
    everything = names(every(still))
    assert found == [n for n in everything if fnmatch.fnmatchcase(n.lower(), pattern.lower())]
    assert found


def test_a_negated_set(still: Library) -> None:
    assert sorted(names(still.query(name="[!b-z0-9]*.wav"))) == sorted(
        n for n in names(every(still)) if n.endswith(".wav") and n[0].lower() not in "bkhn01"
    )
    assert still.query(name="[!a].wav") == still.query(name="[^a].wav")


@pytest.mark.parametrize("text", ["kick", "KICK", "%_", "ümlaut", "ÜML", "02", "broken", "\n"])
def test_without_wildcards_it_may_stand_anywhere(still: Library, text: str) -> None:
    found = names(by_path(still.query(name=text)))
    assert found == [n for n in names(every(still)) if text.lower() in n.lower()]
    assert found


def test_nothing_matches_nothing(still: Library) -> None:
    assert still.query(name="no such file") == []
    assert still.select(name="no such file").count() == 0


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_probability_out_of_range_is_refused(still: Library, value: float) -> None:
    for name in ("min_prob", "min_percussion"):
        with pytest.raises(UsageError, match=r"between 0 and 1|not a number"):
            still.query(**cast("Any", {name: value}))


def test_an_unknown_filter_is_refused(still: Library) -> None:
    with pytest.raises(UsageError, match="unknown filter 'klass'"):
        still.query(**cast("Any", {"klass": "kick"}))
    with pytest.raises(UsageError, match="can't sort by 'size'"):
        still.query(sort=cast("Any", "size"))


# Order, limits, counts


def test_each_order(scanned: Library) -> None:
    with scanned.database.writing() as connection:
        for number, (id_,) in enumerate(
            connection.execute(samples.select().with_only_columns(samples.c.id)).all()
        ):
            connection.execute(
                samples.update().where(samples.c.id == id_).values(added_at=number * 7 % 24)
            )
    keys: dict[Any, Callable[[Hit], Any]] = {
        "prob": lambda hit: -hit.probability,
        "duration": lambda hit: hit.facts.duration_s,
        "centroid": lambda hit: hit.facts.centroid_hz,
        "loudness": lambda hit: hit.facts.loudness_dbfs,
        "added": lambda hit: -hit.added_at,
        "name": lambda hit: _lower(Path(hit.path).name),
    }
    for sort, key in keys.items():
        found = scanned.query(sort=sort)
        assert found == sorted(every(scanned), key=key), sort
    assert scanned.query() == scanned.query(sort="prob")


def _lower(name: str) -> str:
    return to_text(name).lower()


@pytest.mark.parametrize("sort", ["prob", "name", "duration", "added"])
def test_pages_are_the_whole(still: Library, sort: Any) -> None:
    whole = still.query(sort=sort)
    pages = [still.query(sort=sort, limit=7, offset=start) for start in range(0, 28, 7)]
    assert [len(page) for page in pages] == [7, 7, 7, 3]
    assert sum(pages, []) == whole  # noqa: RUF017 - four short lists
    assert still.query(sort=sort, offset=20) == whole[20:]
    assert still.query(sort=sort, limit=0) == whole


@pytest.mark.parametrize(
    "filters",
    [{}, {"classes": ["kick"], "min_prob": 0.01}, {"name": "kick"}, {"min_duration_s": 2}],
)
def test_the_count_is_that_of_the_hits(still: Library, filters: dict[str, Any]) -> None:
    assert still.select(**filters).count() == len(still.query(**filters))


def test_an_empty_library_says_so(library: Library) -> None:
    for ask in (library.query, library.select().count, lambda: library.similar("kick.wav")):
        with pytest.raises(NotFoundError):
            ask()


def test_a_network_that_was_never_used_here(
    scanned: Library, small_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.safetensors"
    shutil.copy(small_model, other)
    text = small_model.with_suffix(".json").read_text()
    other.with_suffix(".json").write_text(text.replace('"temperature": 1.0', '"temperature": 2.0'))
    with (
        Library.open(scanned.database.path, model=str(other)) as second,
        pytest.raises(NotFoundError, match="never scanned with that network"),
    ):
        second.query()


# Likeness


@pytest.fixture
def cosines(scanned: Library) -> Callable[[Path], dict[str, float]]:
    """Similarities to a file by path, from the stored vectors: `cosines(path)`."""
    query = (
        "SELECT roots.path, samples.path, vector FROM embeddings"
        " JOIN analyses ON analyses.id = analysis_id JOIN samples USING (content_id)"
        " JOIN roots ON roots.id = root_id"
    )

    def compute(path: Path) -> dict[str, float]:
        with scanned.database.reading() as connection:
            rows = connection.exec_driver_sql(query).all()
        vectors = {join(root, name): unpacked(vector).astype(float) for root, name, vector in rows}
        me = vectors.pop(str(path))
        return {other: float(vector @ me) for other, vector in vectors.items()}

    return compute


def ranked(similarities: dict[str, float]) -> list[str]:
    return sorted(similarities, key=lambda path: -similarities[path])


def test_the_most_similar_come_first(scanned: Library, folder: Path, cosines) -> None:
    path = folder / "more/03.wav"
    expected = cosines(path)
    hits = scanned.similar(path, 100)
    assert [hit.path for hit in hits] == ranked(expected)
    for hit in hits:
        assert hit.similarity == pytest.approx(expected[hit.path], abs=1e-4)
    assert scanned.similar(path) == hits[:10]
    assert scanned.similar(path, 1) == hits[:1]


def test_a_unique_name_will_do(still: Library, still_folder: Path) -> None:
    expected = still.similar(still_folder / "more/03.wav")
    for name in ("03.wav", "03.WAV", "more/03.wav", "MORE/03.wav"):
        assert still.similar(name) == expected


def test_a_name_of_several_files_lists_them(scanned: Library, folder: Path) -> None:
    put(folder / "other/03.wav", "something else")
    scanned.scan()
    with pytest.raises(NotFoundError) as caught:
        scanned.similar("03.wav")
    assert "is the name of 2 files" in str(caught.value)
    assert f"{folder}/more/03.wav, {folder}/other/03.wav" in str(caught.value)
    assert len(scanned.similar("other/03.wav")) == 10


def test_a_name_of_very_many_files_lists_some(scanned: Library, folder: Path) -> None:
    for number in range(15):
        put(folder / f"{number:02}/same.wav", f"sound {number}")
    scanned.scan()
    with pytest.raises(NotFoundError, match=r"15 files: .*09/same.wav and 5 more$"):
        scanned.similar("same.wav")


def test_a_name_of_copies_is_unique(scanned: Library, folder: Path) -> None:
    expected = scanned.similar("03.wav")
    shutil.copytree(folder / "more", folder / "copies")
    scanned.scan()
    assert [hit.path for hit in scanned.similar("03.wav")] == [
        hit.path.replace("/more/", "/copies/") for hit in expected
    ]


def test_a_name_that_is_unknown(still: Library) -> None:
    with pytest.raises(NotFoundError, match="no such file, and none of this name"):
        still.similar("none.wav")


def test_a_file_that_is_gone_is_still_known(scanned: Library, folder: Path) -> None:
    expected = scanned.similar(folder / "more/03.wav")
    (folder / "more/03.wav").unlink()
    assert scanned.similar(folder / "more/03.wav") == expected


def latent_of(ear: Ear, path: str) -> NDArray[np.float64]:
    result = ear.result(path)
    assert isinstance(result, Analysis)
    return result.latent.astype(float)


def test_a_file_that_is_not_in_the_library_is_analysed_and_not_added(
    scanned: Library, tmp_path: Path, ear: Ear
) -> None:
    path = put(tmp_path / "elsewhere.wav", "a new sound")
    ear.analysed.clear()
    hits = scanned.similar(path, 100)
    assert ear.analysed == [str(path)]
    assert len(hits) == 24
    latent = latent_of(ear, str(path))
    for hit in hits:
        other = latent_of(ear, hit.path)
        cosine = latent @ other / np.linalg.norm(latent) / np.linalg.norm(other)
        assert hit.similarity == pytest.approx(cosine, abs=2e-3)
    assert len(every(scanned)) == 24
    assert scanned.status().contents == 25


def test_a_copy_that_is_not_in_the_library_finds_the_one_that_is(
    scanned: Library, folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "more/03.wav", tmp_path / "copy.wav")
    first, *rest = scanned.similar(tmp_path / "copy.wav")
    assert first.path == str(folder / "more/03.wav")
    assert first.similarity == pytest.approx(1, abs=1e-3)
    assert first.similarity <= 1
    assert [hit.path for hit in rest] == [hit.path for hit in scanned.similar("03.wav", 9)]


def test_a_file_that_changed_is_analysed_again(scanned: Library, folder: Path, ear: Ear) -> None:
    path = put(folder / "more/03.wav", "quite another sound")
    ear.analysed.clear()
    hits = scanned.similar(path)
    assert ear.analysed == [str(path)]
    assert len(hits) == 10
    assert str(path) not in {hit.path for hit in hits}
    shutil.copy(path, folder.parent / "aside.wav")
    assert [hit.path for hit in scanned.similar(path, 23)] == [
        hit.path
        for hit in scanned.similar(folder.parent / "aside.wav", 24)
        if hit.path != str(path)
    ]


@pytest.mark.parametrize("copies", [True, False])
def test_the_file_itself_is_never_among_the_hits(
    scanned: Library, folder: Path, ear: Ear, copies: bool
) -> None:
    path = folder / "more/03.wav"
    shutil.copy(path, folder / "a copy.wav")
    shutil.copy(path, folder / "pack/z copy.wav")
    scanned.scan()
    for touched in (False, True):
        if touched:
            os.utime(path, ns=(0, 0))
        for asked in (path, "03.wav"):
            hits = scanned.similar(asked, 30, copies=copies)
            shown = [p for hit in hits for p in (hit.path, *hit.copies)]
            assert str(path) not in shown
            assert len(shown) == len(set(shown)) >= 23
            assert len(scanned.similar(asked, 12, copies=copies)) == 12


def test_copies_are_one_hit_or_many(scanned: Library, folder: Path) -> None:
    shutil.copytree(folder / "pack", folder / "zopies")
    scanned.scan()
    grouped = scanned.similar("03.wav", 100)
    assert len(grouped) == 23
    for hit in grouped:
        twin = (hit.path.replace("/pack/", "/zopies/"),) if "/pack/" in hit.path else ()
        assert hit.copies == twin
    single = scanned.similar("03.wav", 100, copies=True)
    assert [hit.path for hit in single] == [
        path for hit in grouped for path in (hit.path, *hit.copies)
    ]
    assert [hit.similarity for hit in single] == sorted(
        (hit.similarity for hit in single), reverse=True
    )
    assert all(hit.copies == () for hit in single)
    assert [hit.path for hit in scanned.similar("03.wav", 5, copies=True)] == [
        hit.path for hit in single[:5]
    ]


def test_copies_of_the_file_are_hits_only_if_asked_for(scanned: Library, folder: Path) -> None:
    shutil.copy(folder / "more/03.wav", folder / "copy.wav")
    scanned.scan()
    path = folder / "more/03.wav"
    assert str(folder / "copy.wav") not in {hit.path for hit in scanned.similar(path, 100)}
    first = scanned.similar(path, 1, copies=True)[0]
    assert first.path == str(folder / "copy.wav")
    assert first.similarity == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("n", [1, 3, 100])
@pytest.mark.parametrize(
    "filters",
    [
        {"classes": ["snr", "kick", "tom", "hhc", "cym"], "min_prob": 0.005},
        {"max_duration_s": 2.5},
        {"min_percussion": 0.5},
        {"name": "*.wav", "min_centroid_hz": 3000},
        {"name": "no such file"},
    ],
)
def test_filters_choose_among_all(
    still: Library, still_folder: Path, n: int, filters: dict[str, Any]
) -> None:
    wanted = {hit.path for hit in still.query(**filters)}
    everything = still.similar("03.wav", 100)
    expected = [hit.path for hit in everything if hit.path in wanted][:n]
    assert [hit.path for hit in still.similar("03.wav", n, **filters)] == expected


def test_under_chooses_among_copies_too(scanned: Library, folder: Path) -> None:
    shutil.copytree(folder / "pack", folder / "zopies")
    scanned.scan()
    hits = scanned.similar("03.wav", 100, under=folder / "zopies")
    assert len(hits) == 12
    assert all("/zopies/" in hit.path and hit.copies == () for hit in hits)


def test_a_least_similarity(still: Library) -> None:
    everything = still.similar("03.wav", 100)
    least = everything[7].similarity
    assert still.similar("03.wav", 100, min_similarity=least) == everything[:8]
    assert still.similar("03.wav", min_similarity=1.0) == []


def test_a_file_that_failed_gives_its_reason(still: Library, still_folder: Path) -> None:
    for asked in (still_folder / "bad.wav", "bad.wav"):
        with pytest.raises(SampleError) as caught:
            still.similar(asked)
        assert str(caught.value) == f"{still_folder}/bad.wav: is not audio"


def test_a_file_that_is_no_audio_gives_its_reason(scanned: Library, tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="is not audio"):
        scanned.similar(put(tmp_path / "text.wav", "bad text"))
    with pytest.raises(SampleError, match="is a folder, not an audio file"):
        scanned.similar(tmp_path)


def test_another_network_than_the_librarys_can_not_hear_for_it(
    scanned: Library, small_model: Path, tmp_path: Path
) -> None:
    # Only where the network was not named; otherwise there is no answer at all.
    other = tmp_path / "other.safetensors"
    shutil.copy(small_model, other)
    text = small_model.with_suffix(".json").read_text()
    other.with_suffix(".json").write_text(text.replace('"temperature": 1.0', '"temperature": 2.0'))
    path = put(tmp_path / "elsewhere.wav", "a new sound")
    settings = dataclasses.replace(scanned.settings, model=str(other))
    with Library(scanned.database, settings, model_is_named=False) as second:
        assert len(second.similar("03.wav")) == 10
        with pytest.raises(ModelError, match=r"scanned with another network \(small\)"):
            second.similar(path)


# Status and information


def test_status_counts_everything(scanned: Library, folder: Path) -> None:
    shutil.copy(folder / "more/03.wav", folder / "copy.wav")
    scanned.scan()
    status = scanned.status()
    assert (status.samples, status.contents, status.analysed, status.failed) == (26, 25, 24, 1)
    (root,) = status.roots
    assert (root.path, root.is_online, root.samples) == (str(folder), True, 26)
    assert root.scanned_at > 0
    found = [hit.class_code for hit in scanned.query(copies=True)]
    assert status.by_class == {code: found.count(code) for code in set(found)}
    assert list(status.by_class.values()) == sorted(status.by_class.values(), reverse=True)


def test_status_of_an_empty_library(library: Library) -> None:
    status = library.status()
    assert (status.roots, status.samples, status.by_class) == ([], 0, {})
    assert library.network() is None
    assert library.index_status() is None
    assert library.failures() == []


def test_information_on_a_file_that_failed(still: Library, still_folder: Path) -> None:
    info = still.info(still_folder / "bad.wav")
    assert (info.failure, info.facts, info.probabilities) == ("is not audio", None, {})
    assert info.percussion is None
    assert (info.size_bytes, len(bytes.fromhex(info.digest))) == (3, 20)


def test_information_lists_copies(scanned: Library, folder: Path) -> None:
    shutil.copy(folder / "more/03.wav", folder / "copy.wav")
    scanned.scan()
    assert scanned.info(folder / "copy.wav").copies == (str(folder / "more/03.wav"),)


def test_information_on_what_is_not_there(scanned: Library, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none of this name"):
        scanned.info("none.wav")
    with pytest.raises(SampleError, match="is a folder, not an audio file"):
        scanned.info(tmp_path)


def test_information_on_a_file_that_is_not_in_the_library(
    scanned: Library, tmp_path: Path, ear: Ear
) -> None:
    path = put(tmp_path / "elsewhere.wav")
    info, expected = scanned.info(path), ear.result(str(path))
    assert isinstance(expected, Analysis)
    assert (info.path, info.root, info.added_at, info.copies) == (str(path), None, None, ())
    assert (info.facts, info.digest) == (expected.facts, expected.digest.hex())
    assert info.probabilities == dict(zip(CODES, expected.probabilities.tolist(), strict=True))
    assert list(info.probabilities.values()) == sorted(info.probabilities.values(), reverse=True)
    shutil.copy(scanned.query(name="03.wav")[0].path, tmp_path / "copy.wav")
    (original,) = scanned.info(tmp_path / "copy.wav").copies
    assert original.endswith("more/03.wav")


def test_filters_default_to_everything() -> None:
    assert not any(getattr(Filters(), field.name) for field in fields(Filters))
