import dataclasses

import numpy as np
import pytest
import soundfile

from libindex.errors import SampleError, UsageError
from libindex.kits.building import build
from libindex.kits.kit import KitError, PadSettings
from libindex.kits.layouts import HAT_GROUP, Layout, Pad
from libindex.kits.recipe import Recipe

LAYOUT = Layout(
    "test", (Pad(36, ("kick",)), Pad(38, ("snr",)), Pad(42, ("hhc",), choke_group=HAT_GROUP))
)


@pytest.fixture
def sounds(hit, make_sound):
    """A kick, a snare and a closed hat, at -0, -6 and -12 dB."""
    made = []
    for number, code in enumerate(("kick", "snr", "hhc")):
        path = hit(f"{code}.wav", 5)
        samples, rate = soundfile.read(path)
        soundfile.write(path, samples * 0.5**number, rate)
        made.append(make_sound(str(path), seed=number, **{code: 0.9}))
    return made


@pytest.fixture
def loop(tmp_path, tone, make_sound):
    samples = np.zeros(2 * 44_100)
    for start in range(0, len(samples) - 11_025, 11_025):
        samples[start : start + 6_615] += tone(1, 0.15)
    soundfile.write(tmp_path / "loop.wav", samples, 44_100)
    return make_sound(str(tmp_path / "loop.wav"), duration_s=2.0, kick=0.99)


def played(kit):
    return {voice.key: voice.sample.rpartition("/")[2] for voice in kit.voices}


def test_a_kit_plays_the_library_as_it_lies_there(sounds, make_material) -> None:
    kit = build("K", make_material(*sounds), Recipe(LAYOUT))
    assert kit.name == "K"
    assert played(kit) == {36: "kick.wav", 38: "snr.wav", 42: "hhc.wav"}
    for voice, sound in zip(kit.voices, sounds, strict=True):
        assert voice.sample == voice.source == sound.path
        assert voice.probability == pytest.approx(0.9)
        assert voice.duration_s == pytest.approx(0.3)
        assert voice.settings == PadSettings()
    assert [voice.choke_group for voice in kit.voices] == [0, 0, HAT_GROUP]


def test_chokes_can_be_left_out(sounds, make_material) -> None:
    kit = build("K", make_material(*sounds), Recipe(LAYOUT, choke=False))
    assert {voice.choke_group for voice in kit.voices} == {0}


def test_levels_are_matched_with_gains(sounds, make_material) -> None:
    kit = build("K", make_material(*sounds), Recipe(LAYOUT, match_levels=True))
    gains = [voice.settings.gain_db for voice in kit.voices]
    assert gains == pytest.approx([-6.02, 0, 6.02], abs=0.05)


def test_variation_follows_its_seed(sounds, make_material) -> None:
    def several(seed):
        recipe = Recipe(LAYOUT, variation=1.0, seed=seed)
        return [voice.settings for voice in build("K", make_material(*sounds), recipe).voices]

    assert several(1) == several(1) != several(2)
    assert all(settings.tune_semitones for settings in several(1))


def test_octaves_are_repeated_where_midi_has_keys(sounds, make_material) -> None:
    low = Layout("low", (Pad(3, ("kick",)), Pad(14, ("snr",))))
    kit = build("K", make_material(*sounds), Recipe(low, repeat_octaves=True))
    assert [voice.key for voice in kit.voices] == [2, 3, 14, 15, 26]
    assert played(kit)[3] == played(kit)[15] == "kick.wav"


def test_loops_and_long_files_are_kept_out(sounds, loop, make_sound, make_material) -> None:
    long = make_sound(sounds[0].path + ".long", duration_s=30.0, kick=0.99)
    unknown = make_sound(sounds[0].path + ".unknown", duration_s=None, kick=0.99)
    material = make_material(loop, long, unknown, *sounds)
    assert played(build("K", material, Recipe(LAYOUT)))[36] == "kick.wav"
    with pytest.raises(KitError, match=r"none of 1 sounds fits a pad .*0\.5 \(loops: 1\)"):
        build("K", make_material(loop), Recipe(LAYOUT))
    assert played(build("K", make_material(loop), Recipe(LAYOUT, force=True)))[36] == "loop.wav"
    by_class = build("K", make_material(loop), Recipe(LAYOUT, assignment="class"))
    assert played(by_class)[36] == "loop.wav"


@pytest.mark.parametrize("how", ["best", "class", "sample"])
def test_files_that_went_are_replaced_by_others(sounds, make_sound, make_material, how) -> None:
    gone = make_sound("/gone.wav", kick=0.99)
    kit = build("K", make_material(gone, *sounds), Recipe(LAYOUT, assignment=how))
    assert played(kit)[36] == "kick.wav"


def test_what_fits_badly_is_left_out_or_forced(sounds, make_material) -> None:
    material = make_material(sounds[0])
    assert played(build("K", material, Recipe(LAYOUT))) == {36: "kick.wav"}
    with pytest.raises(KitError, match=r"at least 0\.95; lower --min-prob, or use --force"):
        build("K", material, Recipe(LAYOUT, min_probability=0.95))
    everywhere = build(
        "K", make_material(*sounds[:2]), Recipe(LAYOUT, min_probability=0.95, force=True)
    )
    assert played(everywhere) == {36: "kick.wav", 38: "snr.wav"}


def test_damaged_files_are_left_out_and_the_originals_assignments_take_them(
    hit, make_sound, make_material
) -> None:
    whole = hit("cut.flac", seconds=2.0)
    whole.write_bytes(whole.read_bytes()[:-20_000])
    material = make_material(make_sound(str(whole), kick=0.99))
    with pytest.raises(KitError, match=r"\(damaged: 1\)"):
        build("K", material, Recipe(LAYOUT))
    assert played(build("K", material, Recipe(LAYOUT, assignment="class")))[36] == "cut.flac"


def test_why_there_is_no_kit(make_sound, make_material) -> None:
    with pytest.raises(KitError, match=r"no sound fits a pad with a probability of at least 0\.5"):
        build("K", make_material(), Recipe(LAYOUT))
    error = SampleError("is empty", "/a.wav")
    broken = dataclasses.replace(make_material(), errors=[error])
    with pytest.raises(KitError, match=r"its only sound can't be used: /a\.wav: is empty"):
        build("K", broken, Recipe(LAYOUT))
    with pytest.raises(KitError, match="is of a class of the layout"):
        build("K", make_material(make_sound("/a", fx=0.9)), Recipe(LAYOUT, assignment="sample"))
    with pytest.raises(KitError, match=r"\(missing: 2\)"):
        build(
            "K",
            make_material(make_sound("/a", kick=0.9), make_sound("/b", kick=0.9)),
            Recipe(LAYOUT),
        )
    with pytest.raises(KitError, match=r"\(too long: 1\)"):
        build("K", make_material(make_sound("/a", duration_s=99.0, kick=0.9)), Recipe(LAYOUT))


def test_of_identical_sounds_the_one_that_no_kit_holds_is_played(
    sounds, tmp_path, make_sound, make_material
) -> None:
    in_kit = tmp_path / "a kit" / "samples" / "036 kick - kick.wav"
    in_kit.parent.mkdir(parents=True)
    in_kit.write_bytes(b"the same")
    (tmp_path / "a kit" / "kit.json").write_text("{}")
    copy = dataclasses.replace(sounds[0], path=str(in_kit))
    assert played(build("K", make_material(copy, *sounds), Recipe(LAYOUT)))[36] == "kick.wav"


@pytest.mark.parametrize(
    "wrong", [{"assignment": "random"}, {"min_probability": 1.5}, {"variation": -0.1}, {"seed": -1}]
)
def test_recipes_that_make_no_sense(wrong) -> None:
    with pytest.raises(UsageError):
        Recipe(LAYOUT, **wrong)
