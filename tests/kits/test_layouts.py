import pytest

from libindex.errors import UsageError
from libindex.instruments import CODES
from libindex.kits.kit import KitError
from libindex.kits.layouts import HAT_GROUP, LAYOUTS, Pad, find_layout, read_layout

# As the original program has them.
ORIGINAL_24 = {
    36: "kick", 37: "kick", 38: "snr", 50: "snr", 39: "stick", 40: "clp", 41: "tom", 42: "tom",
    43: "shk", 44: "ped", 45: "hhc", 46: "cym", 47: "hho", 48: "taik", 49: "bass", 51: "rim",
    52: "cah", 53: "tomf", 54: "tab", 55: "whis", 56: "met", 57: "wood", 58: "rid", 59: "tri",
}  # fmt: skip
ORIGINAL_36 = ORIGINAL_24 | {
    24: "kick", 25: "kick", 26: "snr", 27: "stick", 28: "clp", 29: "tom", 30: "tom", 31: "shk",
    32: "ped", 33: "hhc", 34: "cym", 35: "hho",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("8", {key: code for key, code in ORIGINAL_24.items() if key <= 47}),
        ("24", ORIGINAL_24),
        ("36", ORIGINAL_36),
    ],
)
def test_the_originals_layouts(name, expected) -> None:
    assert {pad.key: pad.classes for pad in LAYOUTS[name].pads} == {
        key: (code,) for key, code in expected.items()
    }


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_pads_are_in_order_of_key_and_of_known_classes(layout) -> None:
    keys = [pad.key for pad in layout.pads]
    assert keys == sorted(set(keys))
    assert set(layout.classes) <= set(CODES)
    hats = {pad.key for pad in layout.pads if pad.classes[0] in {"hhc", "hho", "ped"}}
    assert {pad.key for pad in layout.pads if pad.choke_group == HAT_GROUP} == hats
    assert not any(pad.choke_group for pad in layout.without_chokes().pads)


@pytest.mark.parametrize(("name", "shift"), [("8", 12), ("24", 24), ("36", 36), ("gm", 48)])
def test_repetitions_lie_whole_octaves_apart_and_never_overlap(name, shift) -> None:
    layout = LAYOUTS[name]
    assert layout.octave_shifts() == (-shift, shift)
    keys = {pad.key for pad in layout.pads}
    assert not keys & {key + shift for key in keys}


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_layout_of_ones_own(file) -> None:
    layout = read_layout(
        file(
            'name = "Mine"\n[pads]\n42 = "closed hat"\n36 = "bd"\n'
            '37 = ["side stick", "sticks"]\n41 = { classes = "toms", pitch = 2, choke = 7 }\n'
            '35 = { classes = "bd", priority = 3 }\n'
        )
    )
    assert layout.name == "Mine"
    assert layout.pads == (
        Pad(35, ("kick",), None, 0, 3),
        Pad(36, ("kick",), None, 0, 0),
        Pad(37, ("rim", "stick"), None, 0, 0),
        Pad(41, ("tom", "tomf"), 2, 7, 0),
        Pad(42, ("hhc",), None, HAT_GROUP, 0),
    )


def test_a_layout_is_named_after_its_file_and_takes_ones_own_classes(file) -> None:
    layout = find_layout(str(file('[pads]\n0 = "zap"\n127 = "boing"\n')), ("zap", "boing"))
    assert layout.name == "mine"
    assert layout.classes == ("zap", "boing")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[pads", "is not TOML"),
        ("", "has no pads"),
        ("[pads]\n", "has no pads"),
        ("pads = 3\n", "has no pads"),
        ('colour = "red"\n[pads]\n36 = "kick"\n', "unknown entry 'colour'"),
        ('[pads]\n128 = "kick"\n', "keys are MIDI notes"),
        ('[pads]\nC1 = "kick"\n', "keys are MIDI notes"),
        ('[pads]\n036 = "kick"\n', "keys are MIDI notes"),
        ("[pads]\n" + "9" * 5_000 + ' = "kick"\n', "keys are MIDI notes"),
        ("[pads]\n36 = " + "[" * 5_000, "is not TOML"),
        ("[pads]\n36 = 7\n", "needs a class"),
        ("[pads]\n36 = []\n", "needs a class"),
        ("[pads]\n36 = [1]\n", "needs a class"),
        ('[pads]\n36 = "kikc"\n', "pad 36: no class 'kikc'"),
        ('[pads]\n36 = { classes = "kick", pitch = "high" }\n', "pitch must be a whole number"),
        ('[pads]\n36 = { classes = "kick", choke = 129 }\n', "choke must be a whole number"),
        ('[pads]\n36 = { classes = "kick", choke = true }\n', "choke must be a whole number"),
        ('[pads]\n36 = { classes = "kick", priority = -1 }\n', "priority must be a whole number"),
        ('[pads]\n36 = { class = "kick" }\n', "unknown entry 'class'"),
    ],
)
def test_files_that_make_no_sense(file, text, why) -> None:
    path = file(text)
    with pytest.raises(KitError, match=why) as error:
        read_layout(path)
    assert error.value.path == path
    assert "\n" not in str(error.value)


def test_unknown_names_and_missing_files(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"no layout '9'; choose 8, 24, 36, gm"):
        find_layout("9")
    with pytest.raises(KitError, match="can't be read"):
        find_layout(str(tmp_path / "none.toml"))
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(KitError, match="is not TOML"):
        find_layout(str(binary))
