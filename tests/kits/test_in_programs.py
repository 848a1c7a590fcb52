"""Kits in the programs that musicians play them with: what is heard is compared with the samples.

Where a program is not installed these tests are skipped; `.ci/run` installs both.
"""

from pathlib import Path

import numpy as np
import pytest
from kits.programs.hits import RATE, Hit, correlation, level_db, source
from kits.programs.trial import (
    PROGRAMS,
    Program,
    gain_db,
    heard_with,
    in_drumkv1,
    in_hydrogen,
    noise,
    pitch_hz,
    sine,
    write,
)

from libindex.kits.kit import PadSettings, Voice

pytestmark = pytest.mark.slow

CONTAINERS = {
    "WAV": ("PCM_U8", "PCM_16", "PCM_24", "FLOAT"),
    "WAVEX": ("PCM_24",),
    "AIFF": ("PCM_16", "PCM_24"),
    "FLAC": ("PCM_16", "PCM_24"),
    "OGG": ("VORBIS", "OPUS"),
    "MP3": ("MPEG_LAYER_III",),
    "CAF": ("PCM_16",),
    "W64": ("PCM_16",),
    "RF64": ("PCM_16",),
    "AU": ("PCM_16",),
}


@pytest.fixture(
    params=[
        pytest.param("hydrogen", marks=in_hydrogen),
        pytest.param("drumkv1", marks=in_drumkv1),
    ]
)
def program(request: pytest.FixtureRequest) -> Program:
    return PROGRAMS[request.param]


def test_every_pad_sounds_like_its_sample(program: Program, tmp_path: Path) -> None:
    keys = range(24, 60)
    voices = [
        Voice(key, write(tmp_path, f"{key}.wav", noise(key, 0.25, channels=1 + key % 2)), "kick")
        for key in keys
    ]
    heard = program.plays.render(program.kit(tmp_path, *voices), dict.fromkeys(keys, 0.3))
    for voice in voices:
        played = source(voice.sample)
        assert correlation(heard[voice.key], played) > 0.99
        assert gain_db(heard[voice.key], played, program) == pytest.approx(0, abs=0.1)
        other = source(voices[voice.key - 25].sample)
        assert correlation(heard[voice.key], other) < 0.2


def test_nothing_sounds_unless_it_is_struck(program: Program, tmp_path: Path) -> None:
    kit = program.kit(tmp_path, Voice(36, write(tmp_path, "a.wav", noise(1, 0.5))))
    assert not program.plays.record(kit, [], 1.0).any()


def test_softer_strikes_are_softer(program: Program, tmp_path: Path) -> None:
    sample = write(tmp_path, "a.wav", noise(1, 0.3))
    kit = program.kit(tmp_path, Voice(36, sample))
    velocities = (127, 96, 64, 32)
    hits = [Hit(n / 2, 36, velocity) for n, velocity in enumerate(velocities)]
    heard = program.plays.record(kit, hits, len(velocities) / 2)
    sounds = np.split(heard[: len(velocities) * RATE // 2], len(velocities))
    gains = [gain_db(sound, source(sample), program) for sound in sounds]
    assert gains[0] == pytest.approx(0, abs=0.1)
    assert gains == sorted(gains, reverse=True)
    assert -30 < gains[-1] < -3


@pytest.mark.parametrize("choked", [True, False])
def test_a_closed_hat_silences_the_open_one(program: Program, tmp_path: Path, choked: bool) -> None:
    group = int(choked)
    open_hat = Voice(46, write(tmp_path, "open.wav", noise(1, 2, fade_s=5)), choke_group=group)
    closed = Voice(42, write(tmp_path, "closed.wav", noise(2, 0.05)), choke_group=group)
    kit = program.kit(tmp_path, closed, open_hat)
    heard = program.plays.record(kit, [Hit(0.1, 46), Hit(0.6, 42)], 1.5)
    before, after = (heard[round(at * RATE) : round((at + 0.3) * RATE)] for at in (0.25, 0.7))
    fell_db = level_db(before) - level_db(after)
    assert fell_db > 100 if choked else fell_db < 3


def test_other_groups_and_the_hat_itself_play_on(program: Program, tmp_path: Path) -> None:
    voices = [
        Voice(key, write(tmp_path, f"{key}.wav", noise(key, 1, fade_s=5)), choke_group=group)
        for key, group in ((36, 0), (42, 1), (46, 1), (50, 2))
    ]
    kit = program.kit(tmp_path, *voices)
    heard = program.plays.record(kit, [Hit(0.1, 36), Hit(0.1, 50), Hit(0.3, 46)], 0.9)
    late = heard[round(0.5 * RATE) :]
    for voice, at in ((voices[0], 0.1), (voices[3], 0.1), (voices[2], 0.3)):
        played = source(voice.sample)[round((0.5 - at) * RATE) :][: len(late)]
        assert correlation(late, played) > 0.4  # one of three


def test_cymbals_keep_their_tails(program: Program, tmp_path: Path) -> None:
    lengths = {49: 4.0, 57: 12.0}
    voices = [
        Voice(
            key,
            write(tmp_path, f"{key}.wav", noise(key, length, fade_s=length / 4, channels=2)),
            "cym",
        )
        for key, length in lengths.items()
    ]
    kit = program.kit(tmp_path, *voices)
    heard = program.plays.render(kit, {key: length + 0.2 for key, length in lengths.items()})
    for voice in voices:
        length, played = lengths[voice.key], source(voice.sample)
        last = slice(round((length - 1) * RATE), round(length * RATE))
        ending = heard[voice.key][last]
        assert gain_db(ending, played[last], program) == pytest.approx(0, abs=0.1)
        assert correlation(ending, played[last]) > 0.99


def test_gains(program: Program, tmp_path: Path) -> None:
    sample = write(tmp_path, "a.wav", 0.2 * noise(1, 0.9))
    gains = (-20.0, -6.0, 0.0, 3.0, 12.0)
    heard = heard_with(program, tmp_path, sample, *(PadSettings(gain_db=gain) for gain in gains))
    for gain, sound in zip(gains, heard, strict=True):
        assert gain_db(sound, source(sample), program) == pytest.approx(gain, abs=0.1)


def test_pans(program: Program, tmp_path: Path) -> None:
    sample = write(tmp_path, "a.wav", noise(1, 0.9))
    pans = (-1.0, -0.4, 0.0, 0.4, 1.0)
    heard = heard_with(program, tmp_path, sample, *(PadSettings(pan=pan) for pan in pans))
    left, right = (np.array([(sound[:, c] ** 2).mean() for sound in heard]) for c in (0, 1))
    balance = (right - left) / (right + left)
    assert np.all(np.diff(balance) > 0.2)
    assert balance == pytest.approx(-balance[::-1], abs=0.01)
    assert balance[-1] == pytest.approx(1, abs=0.001)


def test_tunings(program: Program, tmp_path: Path) -> None:
    sample = write(tmp_path, "a.wav", sine(1000, 0.45))
    tunings = (-12.5, -2.37, -0.5, 0.5, 1.0, 7.25, 24.0)
    several = [PadSettings(tune_semitones=semitones) for semitones in tunings]
    for semitones, sound in zip(
        tunings, heard_with(program, tmp_path, sample, *several), strict=True
    ):
        heard_hz = pitch_hz(sound[: round(0.1 * RATE), 0])
        assert 12 * np.log2(heard_hz / 1000) == pytest.approx(semitones, abs=0.03)


def response_db(program: Program, folder: Path, *several: PadSettings) -> list[np.ndarray]:
    """How filters let through each frequency, one in every hertz."""
    click = np.zeros(RATE // 2)
    click[100] = 0.5
    heard = heard_with(
        program, folder, write(folder, "click.wav", click, subtype="FLOAT"), *several
    )
    return [
        20 * np.log10(np.abs(np.fft.rfft(sound[:, 0], RATE)) / 0.5 / program.level + 1e-9)
        for sound in heard
    ]


def test_filters_cut_where_they_should(program: Program, tmp_path: Path) -> None:
    cutoffs = (0.4, 0.6, 0.8)
    several = [PadSettings(cutoff=cutoff) for cutoff in cutoffs]
    for settings, decibels in zip(several, response_db(program, tmp_path, *several), strict=True):
        assert decibels[20] == pytest.approx(0, abs=0.2)
        corner_hz = int(np.argmax(decibels < -3))
        assert abs(np.log2(corner_hz / settings.cutoff_hz)) < 0.6  # octaves
        assert decibels[min(4 * corner_hz, RATE // 2 - 100)] < -15


def test_filters_that_are_open_are_off(program: Program, tmp_path: Path) -> None:
    (decibels,) = response_db(program, tmp_path, PadSettings(resonance=0.5))
    assert np.abs(decibels).max() < 0.1


def test_resonances(program: Program, tmp_path: Path) -> None:
    resonances = (0.15, 0.3, 0.5)
    several = [PadSettings(cutoff=0.6, resonance=resonance) for resonance in resonances]
    for settings, decibels in zip(several, response_db(program, tmp_path, *several), strict=True):
        assert decibels.max() == pytest.approx(40 * settings.resonance, abs=1.5)
        assert abs(np.log2(np.argmax(decibels) / settings.cutoff_hz)) < 0.2


def test_containers(program: Program, tmp_path: Path) -> None:
    """What `plays` says is played."""
    assert program.format.plays == set(CONTAINERS)
    sound = noise(1, 0.3, channels=2)
    kinds = [(container, subtype) for container, names in CONTAINERS.items() for subtype in names]
    voices = []
    for key, (container, subtype) in enumerate(kinds, 24):
        rate = 48_000 if subtype == "OPUS" else RATE
        name = f"{key}.{container.lower()}"
        sample = write(tmp_path, name, sound, rate, format=container, subtype=subtype)
        voices.append(Voice(key, sample))
    kit = program.kit(tmp_path, *voices)
    heard = program.plays.render(kit, {voice.key: 0.5 for voice in voices})
    for voice in voices:
        assert correlation(heard[voice.key], source(voice.sample)) > 0.9, voice.sample


def test_sample_rates(program: Program, tmp_path: Path) -> None:
    rates = {36: 8_000, 37: 22_050, 38: 48_000, 39: 96_000}
    voices = [
        Voice(key, write(tmp_path, f"{key}.wav", sine(440, 1)[: rate // 3], rate))
        for key, rate in rates.items()
    ]
    heard = program.plays.render(program.kit(tmp_path, *voices), dict.fromkeys(rates, 0.5))
    for key, rate in rates.items():
        heard_hz = pitch_hz(heard[key][: round(0.2 * RATE), 0])
        assert heard_hz == pytest.approx(440 * rate / RATE, rel=0.01)


NAMES = ("a & <b> \\ \"c\" 'd' ;=%20", "größe 鼓", " - two  spaces", "n" * 200)


@pytest.mark.parametrize("name", NAMES)
def test_names(program: Program, tmp_path: Path, name: str) -> None:
    sample = write(tmp_path, f"{name}.wav", noise(1, 0.2))
    kit = program.kit(tmp_path, Voice(36, sample, name), name=name)
    assert correlation(program.plays.render(kit, {36: 0.3})[36], source(sample)) > 0.99
