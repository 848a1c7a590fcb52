import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from libindex.kits.kit import Kit, KitError, Voice
from libindex.kits.samples import place, safe_name

WAV = {"WAV", "WAVEX"}


def kit_of(*paths) -> Kit:
    return Kit(
        "k", tuple(Voice(36 + i, str(p), "kick", source=str(p)) for i, p in enumerate(paths))
    )


def test_copies_have_the_key_the_class_and_their_own_name(hit, tmp_path) -> None:
    source = hit("My Kick.wav")
    before = source.read_bytes()
    [voice] = place(kit_of(source), tmp_path / "samples", "copy", WAV).voices
    copy = tmp_path / "samples" / "036 kick - My Kick.wav"
    assert voice.sample == str(copy)
    assert voice.source == str(source)
    assert copy.read_bytes() == before == source.read_bytes()
    assert not copy.is_symlink()


def test_links_lead_to_the_file_itself(hit, tmp_path) -> None:
    source = hit("a.wav")
    alias = tmp_path / "alias.wav"
    alias.symlink_to(source)
    [voice] = place(kit_of(alias), tmp_path / "samples", "link", WAV).voices
    assert Path(voice.sample).readlink() == source.resolve()


def test_references_leave_everything_where_it_is(hit, tmp_path) -> None:
    kit = kit_of(hit("a.wav"), hit("b.wav", 1))
    assert place(kit, tmp_path / "samples", "reference", WAV) == kit
    assert not (tmp_path / "samples").exists()


@pytest.mark.parametrize("placing", ["copy", "link", "reference"])
def test_what_the_program_can_not_play_becomes_wav(hit, tmp_path, placing) -> None:
    source = hit("a.flac", channels=2)
    [voice] = place(kit_of(source), tmp_path / "samples", placing, WAV).voices
    info = soundfile.info(voice.sample)
    assert (info.format, info.subtype, info.channels) == ("WAV", "PCM_24", 2)
    original, converted = soundfile.read(source)[0], soundfile.read(voice.sample)[0]
    np.testing.assert_allclose(converted, original, atol=2**-22)


def test_nothing_clips_in_conversion(tmp_path) -> None:
    source = tmp_path / "hot.aiff"
    loud = np.array([0.0, 1.5, -2.0, 0.5])
    soundfile.write(source, loud, 44_100, "FLOAT")
    [voice] = place(kit_of(source), tmp_path / "samples", "copy", WAV).voices
    np.testing.assert_allclose(soundfile.read(voice.sample)[0], loud)


def test_of_a_damaged_file_what_can_be_decoded_is_converted(hit, tmp_path) -> None:
    source = hit("a.flac", seconds=2.0)
    source.write_bytes(source.read_bytes()[:-20_000])
    [voice] = place(kit_of(source), tmp_path / "samples", "copy", WAV).voices
    assert 0.5 < soundfile.info(voice.sample).duration < 2.0


def test_numbers_that_are_none_become_silence(tmp_path) -> None:
    source = tmp_path / "a.aiff"
    soundfile.write(source, np.array([0.5, np.nan, np.inf, -0.25]), 44_100, "FLOAT")
    [voice] = place(kit_of(source), tmp_path / "samples", "copy", WAV).voices
    np.testing.assert_allclose(soundfile.read(voice.sample)[0], [0.5, 0, 0, -0.25], atol=1e-6)


def test_a_name_says_what_the_file_is_and_not_what_it_was_called(hit, tmp_path) -> None:
    source = hit("really.flac")
    source = source.rename(source.with_suffix(".wav"))
    [voice] = place(kit_of(source), tmp_path / "samples", "copy", {"FLAC"}).voices
    assert voice.sample.endswith(".flac")


def test_one_sample_on_two_pads_is_placed_once(hit, tmp_path) -> None:
    source = hit("a.wav")
    first, second = place(kit_of(source, source), tmp_path / "samples", "copy", WAV).voices
    assert first.sample == second.sample
    assert len(os.listdir(tmp_path / "samples")) == 1


@pytest.mark.parametrize("name", [b"\xff kick.wav", b'a"b<c>&$(rm)`x`.wav', b"new\nline.wav"])
def test_strange_names_become_plain_ones(hit, tmp_path, name) -> None:
    source = hit("a.wav").rename(tmp_path / os.fsdecode(name))
    [voice] = place(kit_of(source), tmp_path / "samples", "copy", WAV).voices
    copied = Path(voice.sample).name
    assert copied.isprintable()
    assert not set(copied) & set('<>:"/\\|?*=$#')
    assert Path(voice.sample).exists()


def test_a_sample_that_went_meanwhile(hit, tmp_path) -> None:
    source = hit("a.wav")
    kit = kit_of(source)
    source.unlink()
    with pytest.raises(KitError, match="no longer exists") as error:
        place(kit, tmp_path / "samples", "copy", WAV)
    assert error.value.path == str(source)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dusty", "Dusty"),
        ("a/b: c?", "a_b_ c_"),
        ("  two   spaces ", "two spaces"),
        ("...", "sample"),
        ("", "sample"),
        ("ü 🥁", "ü 🥁"),
        ("x" * 300, "x" * 120),
        ("é" * 100, "é" * 60),
    ],
)
def test_safe_names(text, expected) -> None:
    assert safe_name(text) == expected
    assert safe_name(expected) == expected
