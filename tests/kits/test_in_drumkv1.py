"""Presets that drumkv1 loads, what it makes of them, and presets that it wrote."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from kits.programs import drumkv1
from kits.programs.hits import RATE
from kits.programs.trial import PROGRAMS, heard_with, in_drumkv1, noise, pitch_hz, write

from libindex.kits.formats import drumkv1_parameters
from libindex.kits.formats.drumkv1 import DrumKV1
from libindex.kits.kit import Kit, PadSettings, Voice

pytestmark = in_drumkv1


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
    assert changed == {"DEF1_NOTEOFF", "DYN1_LIMITER"}


def test_drumkv1_loads_every_pad_as_it_was_written(tmp_path: Path) -> None:
    settings = PadSettings(-3.3, -0.2, -0.1, 1.234567, 0.62, 0.1, 3, 0.2)
    voices = [
        Voice(
            0,
            write(tmp_path, "a.wav", noise(1, 0.1)),
            "kick",
            0.9,
            choke_group=7,
            settings=settings,
        ),
        Voice(127, write(tmp_path, "b.wav", noise(2, 0.1))),
    ]
    path = tmp_path / "kit.drumkv1"
    DrumKV1().write(Kit("Another name", tuple(voices)), path)
    loaded = drumkv1.loaded(path)
    assert list(loaded) == [0, 127]
    for voice in voices:
        assert loaded[voice.key].sample == voice.sample
        expected = drumkv1_parameters.of_voice(voice)
        assert loaded[voice.key].parameters == pytest.approx(expected, abs=1e-5)


def test_reads_what_drumkv1_writes(tmp_path: Path) -> None:
    settings = PadSettings(-3.3, -0.2, -0.1, 1.25, 0.62, 0.1, 3, 0.2)
    voice = Voice(36, write(tmp_path, "a.wav", noise(1, 0.1)), choke_group=7, settings=settings)
    state = ElementTree.fromstring(drumkv1.state(PROGRAMS["drumkv1"].kit(tmp_path, voice)))
    preset = ElementTree.Element("preset", name="again", version="0.9.29")
    preset.extend(state.findall("elements"))
    path = tmp_path / "again.drumkv1"
    ElementTree.ElementTree(preset).write(path)
    (again,) = DrumKV1().read(path, tmp_path).voices
    assert replace(again, settings=settings) == voice
    for field in PadSettings.__slots__:
        assert getattr(again.settings, field) == pytest.approx(
            getattr(settings, field), abs=1e-3
        ), field


def test_drumkv1_makes_samples_narrower(tmp_path: Path) -> None:
    sample = write(tmp_path, "a.wav", noise(1, 0.9, channels=2))
    several = [PadSettings(width=width) for width in (-1, -0.5, 0, 0.5)]
    heard = heard_with(PROGRAMS["drumkv1"], tmp_path, sample, *several)
    sides = [float(np.sqrt(((s[:, 0] - s[:, 1]) ** 2).mean())) for s in heard]
    assert np.array(sides) / sides[2] == pytest.approx([0, 0.5, 1, 1], abs=0.01)


def test_drumkv1_trembles(tmp_path: Path) -> None:
    sample = write(tmp_path, "a.wav", np.full(RATE, 0.5), subtype="FLOAT")
    wanted = [(4.0, 0.3), (8.0, 1.0), (12.0, 0.5)]
    several = [PadSettings(lfo_rate_hz=rate, lfo_depth=depth) for rate, depth in wanted]
    heard = heard_with(PROGRAMS["drumkv1"], tmp_path, sample, *several)
    for (rate, depth), sound in zip(wanted, heard, strict=True):
        level = sound[2000:40000, 0] / 0.125
        assert level.max() == pytest.approx(1, abs=0.02)
        assert level.min() == pytest.approx(1 - depth, abs=0.02)
        assert pitch_hz(level - level.mean()) == pytest.approx(rate, rel=0.15)
