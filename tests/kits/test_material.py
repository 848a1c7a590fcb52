import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from libindex.analysis.engine import Engine
from libindex.errors import LibindexError, ModelError, NotFoundError, UsageError
from libindex.instruments import CODES
from libindex.kits.kit import EmptyKitError, Kit, Voice
from libindex.kits.layouts import LAYOUTS, Layout, Pad
from libindex.kits.maker import KitMaker
from libindex.kits.recipe import Recipe
from libindex.library import Library
from libindex.network.modelfile import ModelFile

ALL = Layout("all", tuple(Pad(key, (code,)) for key, code in enumerate(CODES)))
ANY = Recipe(ALL, min_probability=0.0)
FORCED = Recipe(ALL, force=True)


@pytest.fixture
def folder(tmp_path, library, ear):
    folder = tmp_path / "Samples"
    for number in range(60):
        path = folder / f"{number % 3}" / f"{number:02}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound %d" % number)
    library.scan(folder)
    ear.analysed.clear()
    return folder


def of_folder(library, folder):
    [found] = library.kits.folder_material([folder]).values()
    return found


def paths(material):
    return [sound.path for sound in material.sounds]


def test_sounds_of_the_library_are_what_was_analysed(library, folder) -> None:
    material = library.kits.material(ANY)
    assert paths(material) == sorted(hit.path for hit in library.query())
    assert material.classes == CODES
    for sound in material.sounds[:5]:
        known = library.info(sound.path)
        found = dict(zip(CODES, sound.probabilities.tolist(), strict=True))
        assert found == pytest.approx(known.probabilities, abs=1e-6)
        assert sound.digest.hex() == known.digest
        assert sound.duration_s == known.facts.duration_s
        assert np.linalg.norm(sound.embedding) == pytest.approx(1, abs=1e-2)


def test_only_what_fits_some_pad_is_looked_at(library, folder) -> None:
    kicks = Layout("kicks", (Pad(36, ("kick",)),))
    material = library.kits.material(Recipe(kicks, min_probability=0.3))
    expected = library.query(classes=["kick"], min_prob=0.3)
    assert paths(material) == sorted(hit.path for hit in expected)
    forced = library.kits.material(Recipe(kicks, min_probability=0.3, force=True))
    assert len(forced.sounds) == 60


@pytest.mark.parametrize(
    "filters",
    [
        {"classes": ["kick", "snr", "fx"]},
        {"max_duration_s": 2.0},
        {"min_centroid_hz": 3000.0},
        {"name": "1*"},
    ],
)
def test_filters_are_those_of_a_query(library, folder, filters) -> None:
    expected = sorted(hit.path for hit in library.query(**filters))
    assert paths(library.kits.material(ANY, **filters)) == expected


def test_samples_below_a_folder(library, folder) -> None:
    assert all(
        p.startswith(f"{folder}/1/") for p in paths(library.kits.material(ANY, under=folder / "1"))
    )
    with pytest.raises(NotFoundError):
        library.kits.material(ANY, under="/elsewhere")


def test_byte_identical_sounds_count_once(library, folder) -> None:
    (folder / "copies").mkdir()
    for name in ("00", "03", "06"):
        shutil.copy(folder / "0" / f"{name}.wav", folder / "copies")
    library.scan()
    assert len(library.kits.material(ANY).sounds) == 63
    assert len(library.kits.material(ANY).distinct().sounds) == 60
    assert len(library.kits.material(ANY, under=folder / "copies").sounds) == 3
    whole = of_folder(library, folder)
    assert len(whole.sounds) == 63
    assert len(whole.distinct().sounds) == 60
    copies = of_folder(library, folder / "copies")
    assert [Path(p).name for p in paths(copies)] == ["00.wav", "03.wav", "06.wav"]
    assert len(copies.distinct().sounds) == 3


def test_samples_of_a_drive_that_is_not_there_are_no_material(library, folder) -> None:
    folder.rename(folder.with_name("Unplugged"))
    library.scan()
    assert library.query()
    assert library.kits.material(ANY).sounds == []


def test_seeds_look_at_other_samples(library, folder, monkeypatch) -> None:
    monkeypatch.setattr("libindex.kits.material._MAX_PER_CLASS", 3)
    kicks = Layout("kicks", (Pad(36, ("kick",)),))
    best = paths(library.kits.material(Recipe(kicks, min_probability=0.0)))
    assert best == sorted(hit.path for hit in library.query(classes=["kick"], min_prob=0.0)[:3])
    drawn = [
        paths(library.kits.material(Recipe(kicks, min_probability=0.0, shuffle=True, seed=s)))
        for s in range(8)
    ]
    assert all(len(some) == 3 for some in drawn)
    assert len({tuple(some) for some in drawn}) > 3
    assert drawn[1] == paths(
        library.kits.material(Recipe(kicks, min_probability=0.0, shuffle=True, seed=1))
    )


def test_chance_keeps_to_what_fits_and_to_the_best_assignment(library, folder, monkeypatch) -> None:
    monkeypatch.setattr("libindex.kits.material._MAX_PER_CLASS", 3)
    kicks = Layout("kicks", (Pad(36, ("kick",)),))
    best = [hit.path for hit in library.query(classes=["kick"], min_prob=0.0)]
    for how in ("class", "sample"):
        recipe = Recipe(kicks, assignment=how, shuffle=True, seed=4)
        assert paths(library.kits.material(recipe)) == sorted(best[:3])
    probable = {hit.path for hit in library.query(classes=["kick"], min_prob=0.2)}
    drawn = set(
        paths(
            library.kits.material(
                Recipe(kicks, min_probability=0.2, shuffle=True, force=True, seed=1)
            )
        )
    )
    assert drawn <= probable | set(best[:3])  # what fits, and for pads that stay empty the best


def test_copies_of_one_sound_do_not_keep_others_away(library, folder, monkeypatch) -> None:
    monkeypatch.setattr("libindex.kits.material._MAX_PER_CLASS", 3)
    best = [hit.path for hit in library.query(classes=["kick"], min_prob=0.0)]
    for number in range(6):
        shutil.copy(best[0], folder / f"copy {number}.wav")
    library.scan()
    kicks = Layout("kicks", (Pad(36, ("kick",)),))
    found = library.kits.material(Recipe(kicks, min_probability=0.0)).distinct()
    assert {s.digest.hex() for s in found.sounds} == {library.info(p).digest for p in best[:3]}


def test_likeness_is_looked_for_among_what_fits(library, folder) -> None:
    some = Layout("some", (Pad(36, ("kick",)),))
    subject = folder / "0" / "03.wav"
    probable = {hit.path for hit in library.query(classes=["kick"], min_prob=0.3)}
    found = library.kits.material(Recipe(some, min_probability=0.3), similar_to=subject)
    assert set(paths(found)) == probable
    forced = library.kits.material(
        Recipe(some, min_probability=0.3, force=True), similar_to=subject
    )
    assert len(forced.sounds) == 60


def test_numbers_that_are_none_are_no_material(library, folder) -> None:
    victim = library.query(classes=["kick"], min_prob=0.0)[0].path
    with library.database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE embeddings SET vector = CAST(zeroblob(0) || ? AS BLOB) WHERE analysis_id = ("
            "SELECT a.id FROM analyses a JOIN samples s USING (content_id) WHERE s.name = ?)",
            (b"\xff" * 32, Path(victim).name),
        )
    assert victim not in paths(library.kits.material(ANY))
    assert len(library.kits.material(ANY).sounds) == 59


def test_a_folder_that_can_not_be_read_costs_only_itself(library, folder, monkeypatch) -> None:
    scandir = os.scandir

    def refused(path):
        if str(path).endswith("/1"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    found = of_folder(library, folder)
    assert len(found.sounds) == 40
    assert [str(e) for e in found.errors] == [f"{folder}/1: can't be listed (Permission denied)"]


def test_a_folder_is_walked_as_by_a_scan(library, tmp_path, ear) -> None:
    pack, sounds = tmp_path / "pack", tmp_path / "sounds"
    for path in (pack / "a.wav", pack / ".hidden/b.wav", sounds / "c.wav"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    (pack / "linked").symlink_to(sounds)
    (pack / "loop").symlink_to(pack)
    assert paths(of_folder(library, pack)) == [str(pack / "a.wav"), str(pack / "linked/c.wav")]


def test_several_folders_are_analysed_at_once(library, tmp_path, ear) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.wav").write_bytes(b"the same")
    counted: list[int] = []
    found = library.kits.folder_material([tmp_path / "a", tmp_path / "b"], counted.append)
    assert counted == [2]
    assert {f: paths(m) for f, m in found.items()} == {
        str(tmp_path / name): [str(tmp_path / name / "same.wav")] for name in ("a", "b")
    }


def test_an_unknown_folder_is_analysed_whatever_the_library_was_scanned_with(
    with_another_network, tmp_path
) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "a.wav").write_bytes(b"a")
    assert len(of_folder(with_another_network, tmp_path / "pack").sounds) == 1


@pytest.mark.slow
def test_what_sounds_like_a_file(library, folder, monkeypatch) -> None:
    monkeypatch.setattr("libindex.kits.material._MAX_SIMILAR", 4)
    some = Layout("some", (Pad(36, ("kick",)),))
    subject = folder / "0" / "03.wav"
    material = library.kits.material(Recipe(some, min_probability=0.0), similar_to=subject)
    nearest = [str(subject), *(hit.path for hit in library.similar(subject, 3))]
    assert set(paths(material)) == set(nearest)
    assert paths(material)[int(np.argmax(material.weights))] == str(subject)
    assert all(0 <= weight <= 1 for weight in material.weights)


def test_a_folder_that_is_known_is_not_analysed_again(library, folder, ear) -> None:
    material = of_folder(library, folder)
    assert ear.analysed == []
    assert paths(material) == sorted(hit.path for hit in library.query())


def test_only_new_and_changed_files_of_a_folder_are_analysed(library, folder, ear) -> None:
    (folder / "new.wav").write_bytes(b"a new sound")
    (folder / "0" / "00.wav").write_bytes(b"another sound")
    (folder / "bad.wav").write_bytes(b"bad")
    (folder / "notes.txt").write_bytes(b"no sound")
    material = of_folder(library, folder)
    changed = {str(folder / "new.wav"), str(folder / "0" / "00.wav")}
    assert set(ear.analysed) == {*changed, str(folder / "bad.wav")}
    assert changed < set(paths(material))
    assert [error.path for error in material.errors] == [str(folder / "bad.wav")]
    assert library.select().count() == 60  # nothing was added


def test_a_folder_without_a_library(library, tmp_path, ear) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "a.wav").write_bytes(b"a")
    material = of_folder(library, tmp_path / "pack")
    assert paths(material) == [str(tmp_path / "pack" / "a.wav")]
    assert material.classes == ModelFile.read(library.settings.model).classes


def test_folders_that_can_not_be_used(library, tmp_path) -> None:
    with pytest.raises(LibindexError, match="can't be listed"):
        of_folder(library, tmp_path / "none")
    with pytest.raises(UsageError, match="uses all of it"):
        library.kit("K", ANY, folder=tmp_path, name="x")
    with pytest.raises(UsageError, match="is the recipe's"):
        library.kits.material(ANY, min_prob=0.2)
    with pytest.raises(UsageError, match="similarity goes with"):
        library.kits.material(Recipe(ALL, assignment="class"), similar_to="x")
    with pytest.raises(NotFoundError, match="never scanned"):
        library.kits.material(ANY)


@pytest.fixture
def with_another_network(library, folder, small_model, tmp_path):
    """The library, where another network is at hand than the one that it was scanned with."""
    other = tmp_path / "other.safetensors"
    shutil.copy(small_model, other)
    document = small_model.with_suffix(".json").read_text()
    other.with_suffix(".json").write_text(
        document.replace('"temperature": 1.0', '"temperature": 2.0')
    )
    assert ModelFile.read(other).fingerprint != ModelFile.read(small_model).fingerprint
    options = dataclasses.replace(library.settings, model=str(other))
    with Library(library.database, options, model_is_named=False) as opened:
        yield opened


def test_sounds_of_two_networks_are_not_mixed(folder, with_another_network) -> None:
    (folder / "new.wav").write_bytes(b"a new sound")
    with pytest.raises(ModelError, match="was scanned with another network"):
        of_folder(with_another_network, folder)


def test_a_kits_samples_are_known_by_their_bytes_or_analysed(
    library, folder, tmp_path, ear
) -> None:
    copy = str(shutil.copy(folder / "0" / "00.wav", tmp_path / "copy.wav"))
    new = tmp_path / "new.wav"
    new.write_bytes(b"never seen")
    voices = (Voice(36, copy), Voice(37, str(new)), Voice(38, "/gone.wav"))
    known, analysed, gone = library.kits.identify(Kit("K", voices)).voices
    best = library.query(under=folder / "0", name="00.wav")[0]
    assert (known.class_code, known.probability) == (best.class_code, best.probability)
    assert ear.analysed == [str(new)]
    assert analysed.class_code in CODES
    assert gone.class_code is None


def test_layouts_of_the_original_are_filled_from_a_library(library, folder) -> None:
    material = library.kits.material(Recipe(LAYOUTS["36"], min_probability=0.0))
    assert {Path(p).parent for p in paths(material)} == {folder / d for d in "012"}


def test_kits_are_made_from_folders_without_a_library(library, ear, write_sound, tmp_path) -> None:
    """Files that are audio, too: the samples of a kit are decoded."""
    folders = {"A": write_sound("a/1.wav").parent, "B": write_sound("b/1.wav", 1).parent}
    (tmp_path / "empty").mkdir()
    bad = folders["B"] / "bad.wav"
    bad.write_bytes(b"bad")
    analysed: list[int] = []
    errors: list[LibindexError] = []
    with Engine(library.settings, ear) as engine:
        maker = KitMaker(engine)
        assert maker.classes() == CODES
        made = list(
            maker.folder_kits({**folders, "C": tmp_path / "empty"}, FORCED, analysed.append)
        )
        one = maker.kit("B", FORCED, folder=folders["B"], on_error=errors.append)
        with pytest.raises(NotFoundError, match="there is no library"):
            maker.kit("K", FORCED)
    assert analysed == [3]
    assert [name for name, *_ in made] == ["A", "B", "C"]
    assert [len(kit.voices) for _, kit, _ in made if isinstance(kit, Kit)] == [1, 1]
    assert one == made[1][1]
    assert [e.path for e in errors] == [e.path for e in made[1][2]] == [str(bad)]
    assert isinstance(made[2][1], EmptyKitError)
