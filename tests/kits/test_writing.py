import dataclasses
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from libindex.kits import manifest, writing
from libindex.kits.formats import FORMATS
from libindex.kits.kit import Kit, KitError, Voice
from libindex.kits.reading import read
from libindex.kits.writing import check_target, write

SFZ, FOLDER, HYDROGEN = FORMATS["sfz"], FORMATS["folder"], FORMATS["hydrogen"]


@pytest.fixture
def dusty(kit) -> Kit:
    return dataclasses.replace(kit, name="Dusty")


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "Kits"


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_kit_is_a_folder_with_presets_and_samples(dusty, out) -> None:
    folder = write(dusty, [SFZ, FORMATS["drumkv1"], HYDROGEN], out)
    assert folder == out / "Dusty"
    assert sorted(os.listdir(folder)) == [
        "Dusty.drumkv1", "Dusty.h2drumkit", "Dusty.sfz", "kit.json", "samples",
    ]  # fmt: skip
    assert os.listdir(out) == ["Dusty"]
    assert "sample=samples/036 kick - kick one.wav" in (folder / "Dusty.sfz").read_text()


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("placing", ["copy", "link", "reference"])
def test_every_format_with_every_placing_is_read_back(dusty, out, tmp_path, name, placing) -> None:
    folder = write(dusty, [FORMATS[name]], out, placing)
    preset = folder / (f"Dusty{FORMATS[name].suffix}" if FORMATS[name].suffix else "pads")
    (tmp_path / "workspace").mkdir()
    found = read(preset, tmp_path / "workspace")
    for now, before in zip(found.voices, dusty.voices, strict=True):
        assert now.key == before.key
        assert Path(now.sample).read_bytes() == Path(before.sample).read_bytes()
    outside = [v for v in found.voices if not v.sample.startswith(str(folder))]
    if placing == "reference" and name not in {"folder", "hydrogen"}:
        assert [v.sample for v in outside] == [v.sample for v in dusty.voices]


def test_the_folder_can_be_moved_with_its_samples(dusty, out, tmp_path) -> None:
    moved = write(dusty, [SFZ, FOLDER], out).rename(tmp_path / "Elsewhere")
    for voice in dusty.voices:
        Path(voice.sample).unlink()
    for kit in (read(moved, tmp_path), read(moved / "Dusty.sfz", tmp_path)):
        assert all(Path(v.sample).is_file() for v in kit.voices)
        assert all(v.sample.startswith(str(moved)) for v in kit.voices)


def test_plain_folders_have_wav_files_whatever_the_sources_are(hit, out) -> None:
    kit = Kit(
        "K", (Voice(36, str(hit("a.flac", 1)), "kick"), Voice(38, str(hit("b.ogg", 2)), "snr"))
    )
    folder = write(kit, [FOLDER], out, "link")
    assert sorted(os.listdir(folder / "pads")) == ["036 kick - a.wav", "038 snr - b.wav"]
    assert all(p.read_bytes()[:4] == b"RIFF" for p in (folder / "pads").iterdir())


def test_archives_alone_leave_no_copies_beside_them(dusty, out) -> None:
    assert sorted(os.listdir(write(dusty, [HYDROGEN], out))) == ["Dusty.h2drumkit", "kit.json"]


def test_what_is_there_stays_unless_it_may_be_replaced(dusty, out, tmp_path) -> None:
    folder = write(dusty, [SFZ], out)
    before = content(folder)
    with pytest.raises(KitError, match="already exists; add --overwrite"):
        write(dusty, [SFZ], out)
    assert content(folder) == before
    smaller = dataclasses.replace(dusty, voices=dusty.voices[:1])
    write(smaller, [SFZ], out, overwrite=True)
    assert [v.key for v in read(folder, tmp_path).voices] == [36]
    assert os.listdir(folder / "samples") == ["036 kick - kick one.wav"]
    assert os.listdir(out) == ["Dusty"]


@pytest.mark.parametrize("name", ["mine.txt", "samples/mine.wav", "sub/mine.wav"])
def test_nobody_elses_file_is_lost_by_overwriting(dusty, out, name) -> None:
    folder = write(dusty, [SFZ], out)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"precious")
    before = content(folder)
    with pytest.raises(KitError, match="is not part of this kit") as error:
        write(dusty, [SFZ], out, overwrite=True)
    assert error.value.path == folder / name
    assert content(folder) == before


def test_a_folder_that_is_no_kit_is_never_overwritten(dusty, out) -> None:
    (out / "Dusty").mkdir(parents=True)
    (out / "Dusty" / "a.wav").write_bytes(b"precious")
    with pytest.raises(KitError, match=r"is not a kit of libindex: it has no kit\.json"):
        write(dusty, [SFZ], out, overwrite=True)
    assert content(out) == {"Dusty/a.wav": b"precious"}


def test_a_link_or_a_file_in_its_place_is_never_overwritten(dusty, out, tmp_path) -> None:
    real = write(dusty, [SFZ], tmp_path / "Other")
    out.mkdir()
    (out / "Dusty").symlink_to(real)
    with pytest.raises(KitError, match="is not a kit, so it is not overwritten"):
        write(dusty, [SFZ], out, overwrite=True)
    (out / "Dusty").unlink()
    (out / "Dusty").write_text("a file")
    with pytest.raises(KitError, match="is not a kit, so it is not overwritten"):
        write(dusty, [SFZ], out, overwrite=True)


def test_a_folder_of_links_in_the_kit_is_somebody_elses(dusty, out, tmp_path) -> None:
    folder = write(dusty, [SFZ], out)
    (folder / "more").symlink_to(tmp_path)
    with pytest.raises(KitError, match="is not part of this kit"):
        write(dusty, [SFZ], out, overwrite=True)


@pytest.mark.parametrize("out", ["", "Kits", "../Kits"])
def test_a_relative_place(dusty, tmp_path, monkeypatch, out) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    folder = write(dusty, list(FORMATS.values()), Path(out))
    assert folder == Path(out).resolve() / "Dusty"
    for preset in ("Dusty.sfz", "Dusty.drumkv1", "Dusty.dspreset", "kit.json", "pads"):
        for now, before in zip(read(folder / preset, tmp_path).voices, dusty.voices, strict=True):
            assert Path(now.sample).read_bytes() == Path(before.sample).read_bytes()
    assert ".libindex-kit" not in (folder / "Dusty.sfz").read_text()


@pytest.mark.parametrize("placing", ["link", "reference"])
def test_samples_do_not_go_with_the_kit_that_they_come_from(dusty, out, tmp_path, placing) -> None:
    folder = write(dusty, [SFZ], out)
    again = read(folder / "Dusty.sfz", tmp_path)
    before = content(folder)
    with pytest.raises(KitError, match="would be deleted with the old kit; use --copy-samples"):
        write(again, [SFZ], out, placing, overwrite=True)
    assert content(folder) == before
    write(again, [SFZ], out, "copy", overwrite=True)
    assert [Path(v.sample).exists() for v in read(folder, tmp_path).voices] == [True] * 4


def test_a_folder_that_comes_meanwhile_is_not_replaced(dusty, out, monkeypatch) -> None:
    fill = writing._fill

    def filled(*arguments: Any) -> None:
        fill(*arguments)
        (out / "Dusty").mkdir()
        (out / "Dusty" / "mine.txt").write_text("precious")

    monkeypatch.setattr(writing, "_fill", filled)
    with pytest.raises(KitError, match="can't be written"):
        write(dusty, [SFZ], out)
    assert content(out) == {"Dusty/mine.txt": b"precious"}


def test_a_file_that_comes_meanwhile_is_not_lost(dusty, out, monkeypatch) -> None:
    folder = write(dusty, [SFZ], out)
    fill = writing._fill

    def filled(*arguments: Any) -> None:
        fill(*arguments)
        (folder / "mine.txt").write_text("precious")

    monkeypatch.setattr(writing, "_fill", filled)
    with pytest.raises(KitError, match="is not part of this kit") as error:
        write(dusty, [SFZ], out, overwrite=True)
    assert error.value.path == folder / "mine.txt"
    assert os.listdir(out) == ["Dusty"]
    assert (folder / "mine.txt").read_text() == "precious"


def test_an_interruption_between_old_and_new_brings_the_old_one_back(
    dusty, out, monkeypatch
) -> None:
    folder = write(dusty, [SFZ], out)
    before = content(folder)
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path.name.startswith(".libindex-kit-"):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(dusty, [SFZ], out, overwrite=True)
    assert content(folder) == before
    assert os.listdir(out) == ["Dusty"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_never_half_a_kit(dusty, out, monkeypatch, overwrite) -> None:
    if overwrite:
        write(dusty, [SFZ], out)
    before = content(out) if out.exists() else {}

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(manifest, "write", full)
    with pytest.raises(KitError, match="No space left on device"):
        write(dusty, [SFZ], out, overwrite=overwrite)
    assert content(out) == before
    assert os.listdir(out) == (["Dusty"] if overwrite else [])


def test_a_sample_that_went_leaves_nothing_behind(dusty, out) -> None:
    Path(dusty.voices[2].sample).unlink()
    with pytest.raises(KitError, match="no longer exists"):
        write(dusty, [SFZ], out)
    assert os.listdir(out) == []


def test_a_target_that_can_not_be_written(dusty, tmp_path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(KitError, match="can't be written"):
        write(dusty, [SFZ], tmp_path / "file" / "Kits")


def test_presets_refuse_names_that_are_no_text_and_copies_do_not(hit, out, tmp_path) -> None:
    source = hit("a.wav").rename(tmp_path / "\udcff.wav")
    kit = Kit("K", (Voice(36, str(source), "kick"),))
    with pytest.raises(KitError, match="copy or link the samples"):
        write(kit, [SFZ], out, "reference")
    assert os.listdir(out) == []
    folder = write(kit, [SFZ], out, "link")
    assert Path(read(folder, tmp_path).voices[0].sample).read_bytes() == source.read_bytes()
    assert manifest.read(folder)[0].voices[0].sample.startswith(str(folder))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\nb", " a", "\udcff", "x" * 300])
def test_names_that_no_folder_should_have(name) -> None:
    with pytest.raises(KitError, match="is not a valid kit name; try"):
        check_target(name, Path("/"), overwrite=False)


def test_the_manifest_keeps_everything(dusty, out) -> None:
    with_source = dataclasses.replace(dusty.voices[0], source="/Samples/\udcff.wav")
    kit = dataclasses.replace(dusty, voices=(with_source, *dusty.voices[1:]))
    folder = write(kit, [SFZ], out)
    found, files = manifest.read(folder)
    assert set(files) == set(content(folder))
    for now, before in zip(found.voices, kit.voices, strict=True):
        assert dataclasses.replace(now, sample=before.sample) == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.update(version=2),
        lambda d: d.update(format="other"),
        lambda d: d.pop("pads"),
        lambda d: d.update(pads=[3]),
        lambda d: d["pads"][0].update(key="x"),
        lambda d: d["pads"][0].update(shape={"colour": 1}),
        lambda d: d.update(files="x"),
        lambda d: d["pads"][0].update(key=float("inf")),
        lambda d: d["pads"][0].update(key=9999),
        lambda d: d["pads"][0].update({"class": 5}),
        lambda d: d["pads"][0].update(probability="abc"),
        lambda d: d["pads"][0].update(probability=7),
        lambda d: d["pads"][0].update(sample="a\0b"),
        lambda d: d["pads"][0].update(sample="\ud800"),
        lambda d: d["pads"][0].update(choke_group=-1),
        lambda d: d["pads"][0]["shape"].update(pan=float("nan")),
    ],
)
def test_a_damaged_manifest_is_an_error(dusty, out, damage) -> None:
    folder = write(dusty, [SFZ], out)
    document = json.loads((folder / "kit.json").read_text())
    damage(document)
    (folder / "kit.json").write_text(json.dumps(document))
    with pytest.raises(KitError) as error:
        manifest.read(folder)
    assert error.value.path == folder / "kit.json"
    (folder / "kit.json").write_text("[" * 10_000)
    with pytest.raises(KitError, match="is damaged"):
        manifest.read(folder)
