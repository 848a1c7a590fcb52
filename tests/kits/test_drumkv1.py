import math
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.kits.formats.drumkv1 import DrumKV1
from libindex.kits.formats.drumkv1_parameters import ELEMENT, INSTRUMENT
from libindex.kits.kit import Kit, KitError, PadSettings, Voice

FORMAT = DrumKV1()

# What older versions, and the program that this format was first written for, know of a preset.
OLD_ELEMENT = """
    GEN1_SAMPLE GEN1_REVERSE GEN1_GROUP GEN1_COARSE GEN1_FINE GEN1_ENVTIME DCF1_CUTOFF DCF1_RESO
    DCF1_TYPE DCF1_SLOPE DCF1_ENVELOPE DCF1_ATTACK DCF1_DECAY1 DCF1_LEVEL2 DCF1_DECAY2 LFO1_SHAPE
    LFO1_WIDTH LFO1_RATE LFO1_SWEEP LFO1_PITCH LFO1_CUTOFF LFO1_RESO LFO1_PANNING LFO1_VOLUME
    LFO1_ATTACK LFO1_DECAY1 LFO1_LEVEL2 LFO1_DECAY2 DCA1_VOLUME DCA1_ATTACK DCA1_DECAY1 DCA1_LEVEL2
    DCA1_DECAY2 OUT1_WIDTH OUT1_PANNING OUT1_VOLUME
""".split()
OLD_INSTRUMENT = """
    DEF1_PITCHBEND DEF1_MODWHEEL DEF1_PRESSURE DEF1_VELOCITY DEF1_CHANNEL DEF1_NOTEOFF CHO1_WET
    CHO1_DELAY CHO1_FEEDB CHO1_RATE CHO1_MOD FLA1_WET FLA1_DELAY FLA1_FEEDB FLA1_DAFT PHA1_WET
    PHA1_RATE PHA1_FEEDB PHA1_DEPTH PHA1_DAFT DEL1_WET DEL1_DELAY DEL1_FEEDB DEL1_BPM DEL1_BPMSYNC
    DEL1_BPMHOST REV1_WET REV1_ROOM REV1_DAMP REV1_FEEDB REV1_WIDTH DYN1_COMPRESS DYN1_LIMITER
""".split()


def written(folder: Path, *voices: Voice, name: str = "kit") -> Path:
    path = folder / "kit.drumkv1"
    FORMAT.write(Kit(name, voices), path)
    return path


def parameters(path: Path, where: str) -> dict[str, float]:
    params = ElementTree.parse(path).getroot().iterfind(f"{where}/param")
    return {param.get("name", ""): float(param.text or "") for param in params}


def read(path: Path, text: str | bytes) -> Kit:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return FORMAT.read(path, path.parent)


def preset(inside: str) -> str:
    return f'<!DOCTYPE drumkv1>\n<preset name="kit"><elements>{inside}</elements></preset>'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kit.drumkv1"


def test_reads_what_it_wrote(tmp_path: Path) -> None:
    settings = PadSettings(
        gain_db=-4.5,
        pan=0.25,
        width=-0.5,
        tune_semitones=-2.37,
        cutoff=0.7,
        resonance=0.3,
        lfo_rate_hz=5.5,
        lfo_depth=0.4,
    )
    kit = Kit(
        "Kit",
        (
            Voice(0, str(tmp_path / "samples" / "a.wav"), "kick", 0.9876, settings=settings),
            Voice(42, "/elsewhere/closed.flac", "hhc", choke_group=1),
            Voice(127, "/elsewhere/open.flac", "my-own-class", choke_group=128),
            Voice(60, "/elsewhere/what.ogg"),
        ),
    )
    path = tmp_path / "a.b.drumkv1"
    FORMAT.write(kit, path)
    again = FORMAT.read(path, tmp_path)
    assert again == replace(kit, voices=tuple(sorted(kit.voices, key=lambda voice: voice.key)))


def test_has_every_parameter_of_new_and_old_versions(tmp_path: Path) -> None:
    path = written(tmp_path, Voice(36, "/a.wav"))
    element, instrument = parameters(path, "elements/element/params"), parameters(path, "params")
    assert list(element) == list(ELEMENT)
    assert list(instrument) == list(INSTRUMENT)
    assert (len(OLD_ELEMENT), len(OLD_INSTRUMENT)) == (36, 33)
    assert set(OLD_ELEMENT) <= set(element)
    assert set(OLD_INSTRUMENT) <= set(instrument)


def test_numbers_parameters_as_the_program_does(tmp_path: Path) -> None:
    root = ElementTree.parse(written(tmp_path, Voice(36, "/a.wav"))).getroot()
    numbers = [param.get("index") for param in root.iter("param")]
    assert numbers == [str(n) for n in range(len(ELEMENT) + len(INSTRUMENT))]


def test_plain_pads_are_not_changed(tmp_path: Path) -> None:
    path = written(tmp_path, Voice(36, "/a.wav"))
    element, instrument = parameters(path, "elements/element/params"), parameters(path, "params")
    assert not any(element[f"{part}_ENABLED"] for part in ("DCF1", "LFO1", "DCA1"))
    assert not any(instrument[f"{effect}_WET"] for effect in "CHO1 FLA1 PHA1 DEL1 REV1".split())
    assert not instrument["DYN1_COMPRESS"]
    assert not instrument["DYN1_LIMITER"]


def test_gains_beyond_the_range_end_at_its_ends(tmp_path: Path) -> None:
    path = written(tmp_path, Voice(36, "/a.wav", settings=PadSettings(gain_db=40)))
    assert FORMAT.read(path, tmp_path).voices[0].settings.gain_db == pytest.approx(12.04, abs=0.01)


def test_has_nothing_wider_than_the_sample(tmp_path: Path) -> None:
    path = written(tmp_path, Voice(36, "/a.wav", settings=PadSettings(width=0.5)))
    assert parameters(path, "elements/element/params")["OUT1_WIDTH"] == 1
    assert FORMAT.read(path, tmp_path).voices[0].settings.width == 0


@given(
    st.builds(
        PadSettings,
        gain_db=st.floats(-40, 6),
        pan=st.floats(-1, 1),
        width=st.floats(-1, 0),
        tune_semitones=st.floats(-48, 48),
        cutoff=st.floats(0.25, 0.94),
        resonance=st.floats(0.01, 0.95),
        lfo_rate_hz=st.floats(0.1, 20),
        lfo_depth=st.floats(0.01, 1),
    )
)
def test_any_shape_in_its_ranges_comes_back(
    tmp_path_factory: pytest.TempPathFactory, settings: PadSettings
) -> None:
    folder = tmp_path_factory.getbasetemp()
    again = (
        FORMAT.read(written(folder, Voice(36, "/a.wav", settings=settings)), folder)
        .voices[0]
        .settings
    )
    for field in PadSettings.__slots__:
        assert getattr(again, field) == pytest.approx(getattr(settings, field), abs=2e-4), field


@pytest.mark.parametrize("value", ["", "high", "nan", "-0.1", "1.1"])
def test_probabilities_that_are_none_are_not_known(path: Path, value: str) -> None:
    pad = f'<element index="36" probability="{value}"><sample>/a.wav</sample></element>'
    assert read(path, preset(pad)).voices[0].probability is None


def test_names_samples_below_it_by_their_relative_paths(tmp_path: Path) -> None:
    path = written(tmp_path, Voice(36, str(tmp_path / "in" / "a.wav")), Voice(37, "/out/b.wav"))
    named = [e.findtext("sample") for e in ElementTree.parse(path).getroot().iter("element")]
    assert named == ["in/a.wav", "/out/b.wav"]


@pytest.mark.parametrize(
    "name",
    ["a & <b> \"c\" 'd'.wav", " two  spaces .wav", "größe 鼓.wav", "]]>.wav", "n" * 200 + ".wav"],
)
def test_any_readable_name_comes_back(tmp_path: Path, name: str) -> None:
    kit = Kit(name, (Voice(36, str(tmp_path / name), name),))
    path = tmp_path / "kit.drumkv1"
    FORMAT.write(kit, path)
    assert FORMAT.read(path, tmp_path) == kit


@pytest.mark.parametrize("name", ["\udcff.wav", "a\nb.wav", "a\x01.wav"])
def test_names_that_no_xml_holds_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KitError, match="no preset can contain"):
        written(tmp_path, Voice(36, f"/{name}"))


def test_kit_names_lose_what_xml_does_not_hold(tmp_path: Path) -> None:
    path = written(tmp_path, Voice(36, "/a.wav"), name="a\x01\udcff")
    assert FORMAT.read(path, tmp_path).name == "a" + 2 * "\N{REPLACEMENT CHARACTER}"


def test_reads_what_the_program_writes(path: Path) -> None:
    kit = read(
        path,
        preset(
            '<element index="38"><sample offset-end="9" name="GEN1_SAMPLE" offset-start="0"'
            ' index="0">../snare.wav</sample><params>'
            '<param name="GEN1_GROUP" index="5">2</param>'
            '<param index="35">0.25</param>'  # nameless: DCA1_VOLUME
            '<param name="GEN9_NEW" index="6">3</param></params></element>'
            '<element index="36"><sample>/old.wav</sample></element>'
            '<element index="36"><sample>/kick.wav</sample></element>'
            '<element index="40"><params/></element>'
        ),
    )
    # Unless a preset says otherwise, everything is mono.
    cutoff: Any = pytest.approx(0.948, abs=0.001)
    gain_db: Any = pytest.approx(-6.02, abs=0.01)
    plain = PadSettings(width=-1, cutoff=cutoff)
    assert kit == Kit(
        "kit",
        (
            Voice(36, "/kick.wav", settings=plain),
            Voice(
                38,
                str(path.parent.parent / "snare.wav"),
                choke_group=2,
                settings=replace(plain, gain_db=gain_db),
            ),
        ),
    )


@pytest.mark.parametrize("value", ["", "loud", "nan", "inf", "1e999", "-1e300", "1e300"])
def test_strange_numbers_do_no_harm(path: Path, value: str) -> None:
    pads = "".join(
        f'<element index="{key}"><sample>/a.wav</sample>'
        f'<params><param name="{name}">{value}</param></params></element>'
        for key, name in enumerate(ELEMENT)
    )
    kit = read(path, preset(pads))
    assert all(math.isfinite(value) for voice in kit.voices for value in astuple(voice.settings))


@pytest.mark.parametrize(
    "index", ["", "128", "-1", "36.5", "kick", pytest.param("9" * 5000, id="long")]
)
def test_pads_at_no_note_are_refused(path: Path, index: str) -> None:
    with pytest.raises(KitError, match="not a MIDI note"):
        read(path, preset(f'<element index="{index}"><sample>/a.wav</sample></element>'))


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "no element found"),
    "text": ("kick", "syntax error"),
    "binary": (b"\x1f\x8b\x00\xff", "not well-formed"),
    "truncated": ("<preset><elements>", "no element found"),
    "foreign": ("<synthv1/>", "contains <synthv1>"),
    "hollow": ("<preset/>", "no samples"),
    "without samples": (preset('<element index="36"/>'), "no samples"),
    "bomb": (f'<!DOCTYPE p [<!ENTITY e0 "x">{BOMB}]><preset>&e9;</preset>', "entities"),
    "spy": ('<!DOCTYPE p [<!ENTITY e SYSTEM "/etc/passwd">]><preset>&e;</preset>', "entities"),
    "phone": ('<!DOCTYPE p SYSTEM "http://localhost/p.dtd"><preset/>', "document type"),
    "undefined": ("<preset>&e;</preset>", "undefined entity"),
    "deep": ("<preset>" * 100_000, "nested"),
    "large": (b"<preset>" + b" " * 33 * 2**20 + b"</preset>", "too large"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_preset_is_refused(path: Path, case: str) -> None:
    text, reason = REFUSED[case]
    with pytest.raises(KitError, match=reason) as caught:
        read(path, text)
    assert caught.value.path == path
    assert "\n" not in str(caught.value)


def test_presets_that_are_not_there_are_refused(path: Path) -> None:
    with pytest.raises(KitError, match="can't be read"):
        FORMAT.read(path, path.parent)
