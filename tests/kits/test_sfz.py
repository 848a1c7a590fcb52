import os
import re
from contextlib import suppress

import pytest
import sfzen

from libindex.kits.formats.sfz import Sfz
from libindex.kits.kit import Kit, KitError, PadSettings, Voice

SFZ = Sfz()


@pytest.fixture
def parse(tmp_path):
    def parsed(text: str) -> Kit:
        path = tmp_path / "kit.sfz"
        path.write_text(text, encoding="utf-8")
        return SFZ.read(path, tmp_path)

    return parsed


def test_another_parser_finds_only_opcodes_and_values_of_the_specification(kit, tmp_path) -> None:
    path = tmp_path / "hits" / "Dusty.sfz"
    SFZ.write(kit, path)
    read = sfzen.SFZ(str(path))
    assert read.errors == []
    regions = list(read.regions())
    assert [int(r.opcode("key").value) for r in regions] == [v.key for v in kit.voices]
    assert [r.opcode("sample").value for r in regions] == [
        "kick one.wav", "ch.wav", "oh.wav", "crash.wav"
    ]  # fmt: skip
    used = {name for region in regions for name in region.opcodes_used()}
    assert used == {
        "key", "sample", "group", "off_by", "volume", "pan", "width", "transpose", "tune",
        "fil_type", "cutoff", "resonance", "amplfo_freq", "amplfo_depth",
    }  # fmt: skip


def test_what_it_says(kit, tmp_path) -> None:
    path = tmp_path / "hits" / "Dusty.sfz"
    SFZ.write(kit, path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// Dusty & <Bold>\n")
    assert "loop_mode=one_shot" in text
    assert re.search(
        r"// pad 46 hho 0\.7500\n<region>\nkey=46\nsample=oh\.wav\ngroup=1 off_by=1\n"
        r"volume=-3\.5\npan=25\ntranspose=-1 tune=-30\n",
        text,
    )
    assert "key=36\nsample=kick one.wav\n\n" in text  # nothing that is so anyway


def test_probabilities_and_the_name_come_back(kit, tmp_path) -> None:
    path = tmp_path / "Other.sfz"
    SFZ.write(kit, path)
    found = SFZ.read(path, tmp_path)
    assert found.name == kit.name
    assert [v.probability for v in found.voices] == [v.probability for v in kit.voices]


@pytest.mark.parametrize(
    "name", ["a=b.wav", "a <b>.wav", "#1.wav", "x #define.wav", "a$b.wav", " a.wav", "a\\b.wav"]
)
def test_names_that_sfz_can_not_hold(tmp_path, name) -> None:
    folder = tmp_path / "kit"
    voice = Voice(36, str(folder / name))
    with pytest.raises(KitError, match="can't contain"):
        SFZ.write(Kit("k", (voice,)), folder / "kit.sfz")


def test_kits_of_others(parse, tmp_path) -> None:
    kit = parse(
        "// A kit\n/* of\nothers */\n#define $VEL 127\n"
        "<control> default_path=Samples\\\n"
        "<global> volume=-6\n"
        "<group> group=2 off_by=2 key=c2 // hats\n"
        "<region> sample=soft hat.wav hivel=63\n"
        "<region> sample=loud hat.wav hivel=$VEL pan=-50\n"
        "<group>\n<region> lokey=d2 hikey=d#2\n sample=kick.wav cutoff=632.4555 resonance=20\n"
        "<region> key=60 sample=second.wav seq_position=2\n"
        "<region> key=60 sample=first.wav seq_position=1\n"
    )
    assert [(v.key, v.sample.removeprefix(f"{tmp_path}/")) for v in kit.voices] == [
        (36, "Samples/loud hat.wav"),
        (38, "Samples/kick.wav"),
        (39, "Samples/kick.wav"),
        (60, "Samples/first.wav"),
    ]
    hat, kick, *_ = kit.voices
    assert (hat.choke_group, kick.choke_group) == (2, 0)
    assert (hat.settings.gain_db, hat.settings.pan) == (-6, -0.5)
    assert kick.settings.cutoff == pytest.approx(0.5)
    assert kick.settings.resonance == pytest.approx(0.5)
    assert {v.class_code for v in kit.voices} == {None}


def test_included_files(parse, tmp_path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "kick.sfz").write_text("<region> key=36 sample=k.wav\n")
    assert [v.key for v in parse('#include "parts/kick.sfz"\n').voices] == [36]
    with pytest.raises(KitError, match=r"none\.sfz: can't be read"):
        parse('#include "none.sfz"\n')
    with pytest.raises(KitError, match="includes itself"):
        parse('#include "kit.sfz"\n')


@pytest.mark.parametrize(
    "text",
    [
        "just words",
        "<region> key=36\n",
        "<region> key=h2 sample=a.wav\n",
        "<region> key=300 sample=a.wav\n",
        "<control> default_path=x\n",
    ],
)
def test_text_that_is_no_kit(parse, text) -> None:
    with pytest.raises(KitError) as error:
        parse(text)
    assert "\n" not in str(error.value)


def test_values_that_are_no_numbers_count_as_not_given(parse) -> None:
    [voice] = parse("<region> key=36 sample=a.wav pan=left volume=nan group=x\n").voices
    assert voice.settings == PadSettings()
    assert voice.choke_group == 0


def test_a_key_replaces_the_range_of_its_group(parse) -> None:
    kit = parse(
        "<group> lokey=30 hikey=40 sample=a.wav\n<region> key=36\n"
        "<group> key=50 sample=b.wav\n<region> lokey=60 hikey=61\n"
    )
    assert [voice.key for voice in kit.voices] == [36, 60, 61]


def test_names_in_other_encodings_are_found(tmp_path) -> None:
    path = tmp_path / "kit.sfz"
    path.write_bytes(b"<region> key=36 sample=caf\xe9.wav\n")
    [voice] = SFZ.read(path, tmp_path).voices
    assert voice.sample == f"{tmp_path}/caf\udce9.wav"


def test_a_variable_is_the_longest_that_is_defined(parse) -> None:
    [voice] = parse(
        "#define $A x\n#define $AB y\n#define $C $ABz\n<region> key=36 sample=$C1.wav\n"
    ).voices
    assert voice.sample.endswith("/yz1.wav")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        '#include "/dev/zero"\n',
        "".join(f"#define $A{n + 1:03} $A{n:03}$A{n:03}\n" for n in range(200)) + "<region>$A200",
        "\n" * 300_000 + "<region> key=36 sample=a.wav\n",
        "<region> key=36 sample=a" + " " * 300_000 + "b.wav\n",
        "<region> key=36 sample=a.wav " + "x=" * 100_000,
        "<region> " * 50_000 + "key=36 sample=a.wav",
        "// pad " + "9" * 5_000 + " kick\n<region> key=" + "9" * 5_000 + " sample=a.wav\n",
        "<region> key=c" + "9" * 5_000 + " sample=a.wav group=" + "9" * 5_000 + "\n",
        "<region> key=36 sample=a.wav group=" + "9" * 5_000 + "\n",
    ],
    ids=range(9),
)
def test_no_text_takes_longer_than_its_length(parse, text) -> None:
    # Each of these took minutes, or for ever, with one careless pattern or another.
    with suppress(KitError):
        assert [voice.key for voice in parse(text).voices] == [36]


def test_a_pipe_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "kit.sfz")
    with pytest.raises(KitError, match="is not a file"):
        SFZ.read(tmp_path / "kit.sfz", tmp_path)
