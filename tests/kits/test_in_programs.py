"""Kits in the programs that musicians play them with: what is heard is compared with the samples.

Where a program is not installed these tests are skipped; `.ci/run` installs both.
"""

import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from kits.programs import drumkv1, hydrogen
from kits.programs.hits import RATE, Hit, correlation, level_db, source

from libindex.kits.formats import drumkv1_parameters
from libindex.kits.formats.base import Format
from libindex.kits.formats.drumkv1 import DrumKV1
from libindex.kits.formats.hydrogen import Hydrogen
from libindex.kits.kit import Kit, Shape, Voice

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


@dataclass(frozen=True, slots=True)
class Program:
    """A program, the format of its kits, and at which level it plays a plain pad."""

    plays: ModuleType
    format: Format
    level: float

    def kit(self, folder: Path, *voices: Voice, name: str = "kit") -> Path:
        path = folder / f"{name}{self.format.suffix}"
        self.format.write(Kit(name, voices), path)
        return path


def _needs(program: ModuleType) -> pytest.MarkDecorator:
    return pytest.mark.skipif(bool(program.missing()), reason=program.missing())


in_hydrogen, in_drumkv1 = _needs(hydrogen), _needs(drumkv1)
PROGRAMS = {
    "hydrogen": Program(hydrogen, Hydrogen(), 1.0),
    "drumkv1": Program(drumkv1, DrumKV1(), 0.25),
}


@pytest.fixture(
    params=[
        pytest.param("hydrogen", marks=in_hydrogen),
        pytest.param("drumkv1", marks=in_drumkv1),
    ]
)
def program(request: pytest.FixtureRequest) -> Program:
    return PROGRAMS[request.param]


Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a sound, shape (frames,) or (frames, channels); returns its path."""

    def write(name: str, sound: np.ndarray, rate: int = RATE, **options: str) -> str:
        path = tmp_path / "samples" / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(os.fsencode(path), sound, rate, **options)
        return str(path)

    return write


def noise(seed: int, seconds: float, *, fade_s: float = 0.1, channels: int = 1) -> np.ndarray:
    """Noise that fades by 1/e in `fade_s`, another one for every seed: (frames, channels)."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE)
    fade = np.exp(-np.arange(frames) / (fade_s * RATE))
    return np.clip(0.25 * rng.standard_normal((frames, channels)), -1, 1) * fade[:, None]


def sine(hertz: float, seconds: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def pitch_hz(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**20))
    return float(np.argmax(spectrum) * RATE / 2**20)


def gain_db(heard: np.ndarray, played: np.ndarray, program: Program) -> float:
    """How much louder something is than its sample at the program's level."""
    frames = min(len(heard), len(played))
    plain = 20 * np.log10(program.level)
    return level_db(heard[:frames]) - level_db(played[:frames]) - plain


def heard_with(program: Program, folder: Path, sample: str, *shapes: Shape) -> list[np.ndarray]:
    """What one sample sounds like with some shapes, for a second each."""
    voices = [Voice(36 + n, sample, shape=shape) for n, shape in enumerate(shapes)]
    kit = program.kit(folder, *voices)
    return list(program.plays.render(kit, dict.fromkeys(range(36, 36 + len(shapes)), 1.0)).values())


def test_every_pad_sounds_like_its_sample(program: Program, tmp_path: Path, write: Write) -> None:
    keys = range(24, 60)
    voices = [
        Voice(key, write(f"{key}.wav", noise(key, 0.25, channels=1 + key % 2)), "kick")
        for key in keys
    ]
    heard = program.plays.render(program.kit(tmp_path, *voices), dict.fromkeys(keys, 0.3))
    for voice in voices:
        played = source(voice.sample)
        assert correlation(heard[voice.key], played) > 0.99
        assert gain_db(heard[voice.key], played, program) == pytest.approx(0, abs=0.1)
        other = source(voices[voice.key - 25].sample)
        assert correlation(heard[voice.key], other) < 0.2


def test_nothing_sounds_unless_it_is_struck(program: Program, tmp_path: Path, write: Write) -> None:
    kit = program.kit(tmp_path, Voice(36, write("a.wav", noise(1, 0.5))))
    assert not program.plays.record(kit, [], 1.0).any()


def test_every_velocity_is_as_loud(program: Program, tmp_path: Path, write: Write) -> None:
    sample = write("a.wav", noise(1, 0.3))
    kit = program.kit(tmp_path, Voice(36, sample))
    velocities = (127, 64, 16, 1)
    hits = [Hit(n / 2, 36, velocity) for n, velocity in enumerate(velocities)]
    heard = program.plays.record(kit, hits, len(velocities) / 2)
    for sound in np.split(heard[: len(velocities) * RATE // 2], len(velocities)):
        assert gain_db(sound, source(sample), program) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("choked", [True, False])
def test_a_closed_hat_silences_the_open_one(
    program: Program, tmp_path: Path, write: Write, choked: bool
) -> None:
    group = int(choked)
    open_hat = Voice(46, write("open.wav", noise(1, 2, fade_s=5)), choke_group=group)
    closed = Voice(42, write("closed.wav", noise(2, 0.05)), choke_group=group)
    kit = program.kit(tmp_path, closed, open_hat)
    heard = program.plays.record(kit, [Hit(0.1, 46), Hit(0.6, 42)], 1.5)
    before, after = (heard[round(at * RATE) : round((at + 0.3) * RATE)] for at in (0.25, 0.7))
    fell_db = level_db(before) - level_db(after)
    assert fell_db > 100 if choked else fell_db < 3


def test_other_groups_and_the_hat_itself_play_on(
    program: Program, tmp_path: Path, write: Write
) -> None:
    voices = [
        Voice(key, write(f"{key}.wav", noise(key, 1, fade_s=5)), choke_group=group)
        for key, group in ((36, 0), (42, 1), (46, 1), (50, 2))
    ]
    kit = program.kit(tmp_path, *voices)
    heard = program.plays.record(kit, [Hit(0.1, 36), Hit(0.1, 50), Hit(0.3, 46)], 0.9)
    late = heard[round(0.5 * RATE) :]
    for voice, at in ((voices[0], 0.1), (voices[3], 0.1), (voices[2], 0.3)):
        played = source(voice.sample)[round((0.5 - at) * RATE) :][: len(late)]
        assert correlation(late, played) > 0.4  # one of three


def test_cymbals_keep_their_tails(program: Program, tmp_path: Path, write: Write) -> None:
    lengths = {49: 4.0, 57: 12.0}
    voices = [
        Voice(key, write(f"{key}.wav", noise(key, length, fade_s=length / 4, channels=2)), "cym")
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


def test_gains(program: Program, tmp_path: Path, write: Write) -> None:
    sample = write("a.wav", 0.2 * noise(1, 0.9))
    gains = (-20.0, -6.0, 0.0, 3.0, 12.0)
    heard = heard_with(program, tmp_path, sample, *(Shape(gain_db=gain) for gain in gains))
    for gain, sound in zip(gains, heard, strict=True):
        assert gain_db(sound, source(sample), program) == pytest.approx(gain, abs=0.1)


def test_pans(program: Program, tmp_path: Path, write: Write) -> None:
    sample = write("a.wav", noise(1, 0.9))
    pans = (-1.0, -0.4, 0.0, 0.4, 1.0)
    heard = heard_with(program, tmp_path, sample, *(Shape(pan=pan) for pan in pans))
    left, right = (np.array([(sound[:, c] ** 2).mean() for sound in heard]) for c in (0, 1))
    balance = (right - left) / (right + left)
    assert np.all(np.diff(balance) > 0.2)
    assert balance == pytest.approx(-balance[::-1], abs=0.01)
    assert balance[-1] == pytest.approx(1, abs=0.001)


def test_tunings(program: Program, tmp_path: Path, write: Write) -> None:
    sample = write("a.wav", sine(1000, 0.45))
    tunings = (-12.5, -2.37, -0.5, 0.5, 1.0, 7.25, 24.0)
    shapes = [Shape(tune_semitones=semitones) for semitones in tunings]
    for semitones, sound in zip(
        tunings, heard_with(program, tmp_path, sample, *shapes), strict=True
    ):
        heard_hz = pitch_hz(sound[: round(0.1 * RATE), 0])
        assert 12 * np.log2(heard_hz / 1000) == pytest.approx(semitones, abs=0.03)


def response_db(program: Program, folder: Path, write: Write, *shapes: Shape) -> list[np.ndarray]:
    """How filters let through each frequency, one in every hertz."""
    click = np.zeros(RATE // 2)
    click[100] = 0.5
    heard = heard_with(program, folder, write("click.wav", click, subtype="FLOAT"), *shapes)
    return [
        20 * np.log10(np.abs(np.fft.rfft(sound[:, 0], RATE)) / 0.5 / program.level + 1e-9)
        for sound in heard
    ]


def test_filters_cut_where_they_should(program: Program, tmp_path: Path, write: Write) -> None:
    cutoffs = (0.4, 0.6, 0.8)
    shapes = [Shape(cutoff=cutoff) for cutoff in cutoffs]
    for shape, decibels in zip(shapes, response_db(program, tmp_path, write, *shapes), strict=True):
        assert decibels[20] == pytest.approx(0, abs=0.2)
        corner_hz = int(np.argmax(decibels < -3))
        assert abs(np.log2(corner_hz / shape.cutoff_hz)) < 0.6  # octaves
        assert decibels[min(4 * corner_hz, RATE // 2 - 100)] < -15


def test_filters_that_are_open_are_off(program: Program, tmp_path: Path, write: Write) -> None:
    (decibels,) = response_db(program, tmp_path, write, Shape(resonance=0.5))
    assert np.abs(decibels).max() < 0.1


def test_resonances(program: Program, tmp_path: Path, write: Write) -> None:
    resonances = (0.15, 0.3, 0.5)
    shapes = [Shape(cutoff=0.6, resonance=resonance) for resonance in resonances]
    for shape, decibels in zip(shapes, response_db(program, tmp_path, write, *shapes), strict=True):
        assert decibels.max() == pytest.approx(40 * shape.resonance, abs=1.5)
        assert abs(np.log2(np.argmax(decibels) / shape.cutoff_hz)) < 0.2


def test_containers(program: Program, tmp_path: Path, write: Write) -> None:
    """What `plays` says is played."""
    assert program.format.plays == set(CONTAINERS)
    sound = noise(1, 0.3, channels=2)
    kinds = [(container, subtype) for container, names in CONTAINERS.items() for subtype in names]
    voices = []
    for key, (container, subtype) in enumerate(kinds, 24):
        rate = 48_000 if subtype == "OPUS" else RATE
        name = f"{key}.{container.lower()}"
        sample = write(name, sound, rate, format=container, subtype=subtype)
        voices.append(Voice(key, sample))
    kit = program.kit(tmp_path, *voices)
    heard = program.plays.render(kit, {voice.key: 0.5 for voice in voices})
    for voice in voices:
        assert correlation(heard[voice.key], source(voice.sample)) > 0.9, voice.sample


def test_sample_rates(program: Program, tmp_path: Path, write: Write) -> None:
    rates = {36: 8_000, 37: 22_050, 38: 48_000, 39: 96_000}
    voices = [
        Voice(key, write(f"{key}.wav", sine(440, 1)[: rate // 3], rate))
        for key, rate in rates.items()
    ]
    heard = program.plays.render(program.kit(tmp_path, *voices), dict.fromkeys(rates, 0.5))
    for key, rate in rates.items():
        heard_hz = pitch_hz(heard[key][: round(0.2 * RATE), 0])
        assert heard_hz == pytest.approx(440 * rate / RATE, rel=0.01)


NAMES = ("a & <b> \\ \"c\" 'd' ;=%20", "größe 鼓", " - two  spaces", "n" * 200)


@pytest.mark.parametrize("name", NAMES)
def test_names(program: Program, tmp_path: Path, write: Write, name: str) -> None:
    sample = write(f"{name}.wav", noise(1, 0.2))
    kit = program.kit(tmp_path, Voice(36, sample, name), name=name)
    assert correlation(program.plays.render(kit, {36: 0.3})[36], source(sample)) > 0.99


@in_hydrogen
def test_hydrogen_accepts_kits(tmp_path: Path, write: Write) -> None:
    """Its check holds `drumkit.xml` against its XSD."""
    program = PROGRAMS["hydrogen"]
    shape = Shape(-3.3, -0.2, 0.1, 1.234567, 0.62, 0.1, 3, 0.2)
    sample = write("a.wav", noise(1, 0.1))
    kit = program.kit(tmp_path, Voice(36, sample, "kick", shape=shape), Voice(42, sample))
    assert hydrogen.is_valid(kit)
    right = hydrogen.description_of(kit)
    for wrong in (right.replace(b"volume>", b"vol>"), right.replace(b">true<", b">yes<")):
        assert wrong != right
        assert not hydrogen.is_valid(with_description(kit, wrong, tmp_path / "wrong.h2drumkit"))


def with_description(kit: Path, description: bytes, path: Path) -> Path:
    with tarfile.open(kit) as old, tarfile.open(path, "w") as new:
        for member in old:
            data = description
            if not member.name.endswith(".xml"):
                opened = old.extractfile(member)
                assert opened is not None
                data = opened.read()
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return path


@in_hydrogen
def test_reads_kits_that_hydrogen_wrote(tmp_path: Path, write: Write) -> None:
    program = PROGRAMS["hydrogen"]
    shape = Shape(gain_db=-3.5, pan=-0.25, tune_semitones=1.5, cutoff=0.62, resonance=0.1)
    voices = (
        Voice(36, write("a.wav", noise(1, 0.1)), "kick", shape=shape),
        Voice(42, write("b.wav", noise(2, 0.1)), "hhc", choke_group=1),
        Voice(46, write("c.wav", noise(3, 0.1)), "hho", choke_group=1),
    )
    kit = program.kit(tmp_path, *voices)
    places = [tmp_path / name for name in ("before", "after", "upgraded")]
    for place in places:
        place.mkdir()
    before = Hydrogen().read(kit, places[0])
    after = Hydrogen().read(hydrogen.upgraded(kit, places[2]), places[1])
    assert [replace(v, sample="", shape=Shape()) for v in after.voices] == [
        replace(v, sample="", shape=Shape()) for v in before.voices
    ]
    for one, other in zip(after.voices, before.voices, strict=True):
        assert Path(one.sample).read_bytes() == Path(other.sample).read_bytes()
        for field in Shape.__slots__:
            expected = pytest.approx(getattr(other.shape, field), abs=0.001)
            assert getattr(one.shape, field) == expected, field


@in_hydrogen
@pytest.mark.parametrize(("name", "pads"), [("GMRockKit", 18), ("TR808EmulationKit", 16)])
def test_reads_kits_that_come_with_hydrogen(tmp_path: Path, name: str, pads: int) -> None:
    path, workspace = tmp_path / "kit.h2drumkit", tmp_path / "workspace"
    workspace.mkdir()
    with tarfile.open(path, "w") as archive:
        archive.add(hydrogen.DATA / "drumkits" / name, name)
    kit = Hydrogen().read(path, workspace)
    assert kit.name == name
    assert len(kit.voices) == pads
    assert all(soundfile.info(voice.sample).frames for voice in kit.voices)


@in_drumkv1
def test_drumkv1_has_these_parameters() -> None:
    """All of them, in this order, with these defaults: from the description of its plugin."""
    text = (drumkv1.BUNDLE / "drumkv1.ttl").read_text(encoding="utf-8")
    ports = text.split("lv2:ControlPort")[1:]
    described = {
        port.split('lv2:symbol "')[1].split('"')[0]: float(port.split("lv2:default ")[1].split()[0])
        for port in ports
    }
    element, instrument = drumkv1_parameters.ELEMENT, drumkv1_parameters.INSTRUMENT
    older = ["DEL1_BPMSYNC", "DEL1_BPMHOST"]
    assert list(described) == [*element, *(name for name in instrument if name not in older)]
    assert list(instrument)[-2:] == older
    assert {name: described[name] for name in element} == element
    changed = {name for name in described if described[name] != {**element, **instrument}[name]}
    assert changed == {"DEF1_VELOCITY", "DEF1_NOTEOFF", "DYN1_LIMITER"}


@in_drumkv1
def test_drumkv1_loads_every_pad_as_it_was_written(tmp_path: Path, write: Write) -> None:
    shape = Shape(-3.3, -0.2, -0.1, 1.234567, 0.62, 0.1, 3, 0.2)
    voices = [
        Voice(0, write("a.wav", noise(1, 0.1)), "kick", 0.9, choke_group=7, shape=shape),
        Voice(127, write("b.wav", noise(2, 0.1))),
    ]
    path = tmp_path / "kit.drumkv1"
    DrumKV1().write(Kit("Another name", tuple(voices)), path)
    loaded = drumkv1.loaded(path)
    assert list(loaded) == [0, 127]
    for voice in voices:
        assert loaded[voice.key].sample == voice.sample
        expected = drumkv1_parameters.of_voice(voice)
        assert loaded[voice.key].parameters == pytest.approx(expected, abs=1e-5)


@in_drumkv1
def test_reads_what_drumkv1_writes(tmp_path: Path, write: Write) -> None:
    shape = Shape(-3.3, -0.2, -0.1, 1.25, 0.62, 0.1, 3, 0.2)
    voice = Voice(36, write("a.wav", noise(1, 0.1)), choke_group=7, shape=shape)
    state = ElementTree.fromstring(drumkv1.state(PROGRAMS["drumkv1"].kit(tmp_path, voice)))
    preset = ElementTree.Element("preset", name="again", version="0.9.29")
    preset.extend(state.findall("elements"))
    path = tmp_path / "again.drumkv1"
    ElementTree.ElementTree(preset).write(path)
    (again,) = DrumKV1().read(path, tmp_path).voices
    assert replace(again, shape=shape) == voice
    for field in Shape.__slots__:
        assert getattr(again.shape, field) == pytest.approx(getattr(shape, field), abs=1e-3), field


@in_drumkv1
def test_drumkv1_makes_samples_narrower(tmp_path: Path, write: Write) -> None:
    sample = write("a.wav", noise(1, 0.9, channels=2))
    shapes = [Shape(width=width) for width in (-1, -0.5, 0, 0.5)]
    heard = heard_with(PROGRAMS["drumkv1"], tmp_path, sample, *shapes)
    sides = [float(np.sqrt(((s[:, 0] - s[:, 1]) ** 2).mean())) for s in heard]
    assert np.array(sides) / sides[2] == pytest.approx([0, 0.5, 1, 1], abs=0.01)


@in_drumkv1
def test_drumkv1_trembles(tmp_path: Path, write: Write) -> None:
    sample = write("a.wav", np.full(RATE, 0.5), subtype="FLOAT")
    wanted = [(4.0, 0.3), (8.0, 1.0), (12.0, 0.5)]
    shapes = [Shape(lfo_rate_hz=rate, lfo_depth=depth) for rate, depth in wanted]
    heard = heard_with(PROGRAMS["drumkv1"], tmp_path, sample, *shapes)
    for (rate, depth), sound in zip(wanted, heard, strict=True):
        level = sound[2000:40000, 0] / 0.125
        assert level.max() == pytest.approx(1, abs=0.02)
        assert level.min() == pytest.approx(1 - depth, abs=0.02)
        assert pitch_hz(level - level.mean()) == pytest.approx(rate, rel=0.15)
