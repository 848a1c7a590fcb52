"""What holds for every format: what is written is read back."""

import dataclasses
from pathlib import Path

import pytest

from libindex.cli import kit_options
from libindex.kits.formats import FORMATS
from libindex.kits.kit import Kit, KitError, PadSettings, Voice

PRESETS = {name: f for name, f in FORMATS.items() if f.suffix}
# What a format has no place for, of a voice and its settings.
WITHOUT = {
    "decentsampler": {"width", "lfo_rate_hz", "lfo_depth"},
    "folder": {field.name for field in dataclasses.fields(PadSettings)} | {"choke_group"},
    "hydrogen": {"width", "lfo_rate_hz", "lfo_depth"},
}


def kept(voice: Voice, name: str) -> PadSettings:
    names = WITHOUT.get(name, set()) - {"choke_group"}
    lost = {field: getattr(PadSettings(), field) for field in names}
    return dataclasses.replace(voice.settings, **lost)


@pytest.fixture(params=FORMATS.values(), ids=list(FORMATS))
def a_format(request):
    return request.param


def round_trip(a_format, kit: Kit, tmp_path) -> Kit:
    path = tmp_path / "out" / f"kit{a_format.suffix}"
    path.parent.mkdir()
    a_format.write(kit, path)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return a_format.read(path, workspace)


def test_a_kit_comes_back(a_format, kit, tmp_path) -> None:
    found = round_trip(a_format, kit, tmp_path)
    assert [v.key for v in found.voices] == [v.key for v in kit.voices]
    assert [v.class_code for v in found.voices] == [v.class_code for v in kit.voices]
    for now, before in zip(found.voices, kit.voices, strict=True):
        assert Path(now.sample).read_bytes() == Path(before.sample).read_bytes()
        expected = dataclasses.asdict(kept(before, a_format.name))
        assert dataclasses.asdict(now.settings) == pytest.approx(expected, abs=0.01)
        if "choke_group" not in WITHOUT.get(a_format.name, ()):
            assert now.choke_group == before.choke_group


def test_the_plainest_kit_says_nothing_that_it_does_not_mean(a_format, hit, tmp_path) -> None:
    kit = Kit("Plain", (Voice(0, str(hit("a.wav"))), Voice(127, str(hit("b.wav", 1)))))
    found = round_trip(a_format, kit, tmp_path)
    assert [v.key for v in found.voices] == [0, 127]
    assert [v.class_code for v in found.voices] == [None, None]
    for voice in found.voices:
        assert dataclasses.asdict(voice.settings) == pytest.approx(
            dataclasses.asdict(PadSettings())
        )
        assert voice.choke_group == 0


@pytest.mark.parametrize(
    "name", ['it\'s & <b> "q".wav', "ü 🥁.wav", "a - b (1) [2] {3}.wav", "x" * 180 + ".wav"]
)
def test_names_with_characters_that_mean_something(a_format, hit, tmp_path, name) -> None:
    safe = name if a_format.name != "sfz" else name.replace("<", "(").replace(">", ")")
    sample = hit(safe)
    kit = Kit("K", (Voice(36, str(sample), "kick"),))
    [voice] = round_trip(a_format, kit, tmp_path).voices
    assert Path(voice.sample).read_bytes() == sample.read_bytes()


@pytest.mark.parametrize("a_format", PRESETS.values(), ids=list(PRESETS))
@pytest.mark.parametrize(
    "data",
    [b"", b"\0\1\2", b"<?xml version='1.0'?><other/>", b"hello", b"<" * 2000, b"\xff\xfe" * 50],
)
def test_other_files_are_refused_in_one_line(a_format, tmp_path, data) -> None:
    path = tmp_path / f"other{a_format.suffix}"
    path.write_bytes(data)
    with pytest.raises(KitError) as error:
        a_format.read(path, tmp_path)
    assert error.value.path == path
    assert "\n" not in str(error.value)


def test_a_missing_file_is_an_error(a_format, tmp_path) -> None:
    with pytest.raises(KitError, match="can't be read"):
        a_format.read(tmp_path / f"none{a_format.suffix}", tmp_path)


def test_the_command_line_knows_every_format() -> None:
    assert set(kit_options.FORMATS) == set(FORMATS)


@pytest.mark.parametrize("name", ["drumkv1", "decentsampler"])
def test_documents_in_encodings_that_nobody_knows(tmp_path, name) -> None:
    path = tmp_path / f"kit{FORMATS[name].suffix}"
    path.write_bytes(b"<?xml version='1.0' encoding='bogus'?><preset/>")
    with pytest.raises(KitError, match="is not a readable kit"):
        FORMATS[name].read(path, tmp_path)


def test_numbers_of_any_length_do_no_harm(tmp_path) -> None:
    path = tmp_path / "kit.dspreset"
    long = "9" * 5_000
    path.write_text(
        f"<DecentSampler><groups><group tags='choke{long}'><sample path='a.wav' loNote='{long}'"
        f" hiNote='40'/><sample path='b.wav' loNote='41' hiNote='41'/></group></groups>"
        "</DecentSampler>"
    )
    voices = FORMATS["decentsampler"].read(path, tmp_path).voices
    assert [v.key for v in voices] == [*range(42)]  # a bound that is no number is not given
    assert {v.choke_group for v in voices} == {0}
