import dataclasses

import pytest

from libindex.kits.formats import FORMATS
from libindex.kits.identifying import identified, unidentified
from libindex.kits.kit import Kit, KitError, Voice
from libindex.kits.reading import read, with_lengths
from libindex.kits.writing import write


def test_a_folder_without_a_manifest_is_read_by_its_preset(kit, tmp_path) -> None:
    folder = write(dataclasses.replace(kit, name="K"), [FORMATS["sfz"]], tmp_path / "Kits")
    (folder / "kit.json").unlink()
    assert [v.key for v in read(folder, tmp_path).voices] == [36, 42, 46, 49]
    (folder / "K.sfz").unlink()
    assert [v.key for v in read(folder / "samples", tmp_path).voices] == [36, 42, 46, 49]
    with pytest.raises(KitError, match="is not a kit: it holds no preset, and no files with"):
        read(folder, tmp_path)


@pytest.mark.parametrize("name", ["none.sfz", "none", "kit.json"])
def test_what_is_not_there(tmp_path, name) -> None:
    with pytest.raises(KitError, match="no such kit"):
        read(tmp_path / name, tmp_path)


def test_an_ending_that_no_format_has(tmp_path) -> None:
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(
        KitError, match=r"ends in none of \.drumkv1, \.h2drumkit, \.sfz, \.dspreset"
    ):
        read(tmp_path / "a.xyz", tmp_path)


def test_endings_in_capitals(kit, tmp_path) -> None:
    FORMATS["sfz"].write(kit, tmp_path / "K.SFZ")
    assert len(read(tmp_path / "K.SFZ", tmp_path).voices) == 4


def test_samples_without_class_or_probability_are_identified() -> None:
    kit = Kit(
        "K",
        (
            Voice(36, "/a", "kick", 0.9),
            Voice(37, "/b", "rim"),
            Voice(38, "/c"),
            Voice(39, "/gone", "clp"),
        ),
    )
    assert unidentified(kit) == ["/b", "/c", "/gone"]
    found = identified(kit, {"/b": {"snr": 0.7, "rim": 0.2}, "/c": {"snr": 0.8, "clp": 0.1}})
    assert [(v.class_code, v.probability) for v in found.voices] == [
        ("kick", 0.9), ("rim", 0.2), ("snr", 0.8), ("clp", None),
    ]  # fmt: skip


def test_lengths_of_samples_that_are_there(hit) -> None:
    kit = Kit(
        "K",
        (
            Voice(36, str(hit("a.wav", seconds=0.25))),
            Voice(37, "/gone.wav"),
            Voice(38, "/known.wav", duration_s=7.0),
        ),
    )
    lengths = [voice.duration_s for voice in with_lengths(kit).voices]
    assert lengths == [pytest.approx(0.25), None, 7.0]
