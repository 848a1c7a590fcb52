"""Kits that Hydrogen checks, and kits that it wrote."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from kits.programs import hydrogen
from kits.programs.trial import PROGRAMS, in_hydrogen, noise, write

from libindex.kits.formats.hydrogen import Hydrogen
from libindex.kits.kit import PadSettings, Voice

pytestmark = in_hydrogen


@pytest.mark.slow
def test_hydrogen_accepts_kits(tmp_path: Path) -> None:
    """Its check holds `drumkit.xml` against its XSD."""
    program = PROGRAMS["hydrogen"]
    settings = PadSettings(-3.3, -0.2, 0.1, 1.234567, 0.62, 0.1, 3, 0.2)
    sample = write(tmp_path, "a.wav", noise(1, 0.1))
    kit = program.kit(tmp_path, Voice(36, sample, "kick", settings=settings), Voice(42, sample))
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


def test_reads_kits_that_hydrogen_wrote(tmp_path: Path) -> None:
    program = PROGRAMS["hydrogen"]
    settings = PadSettings(gain_db=-3.5, pan=-0.25, tune_semitones=1.5, cutoff=0.62, resonance=0.1)
    voices = (
        Voice(36, write(tmp_path, "a.wav", noise(1, 0.1)), "kick", settings=settings),
        Voice(42, write(tmp_path, "b.wav", noise(2, 0.1)), "hhc", choke_group=1),
        Voice(46, write(tmp_path, "c.wav", noise(3, 0.1)), "hho", choke_group=1),
    )
    kit = program.kit(tmp_path, *voices)
    places = [tmp_path / name for name in ("before", "after", "upgraded")]
    for place in places:
        place.mkdir()
    before = Hydrogen().read(kit, places[0])
    after = Hydrogen().read(hydrogen.upgraded(kit, places[2]), places[1])
    assert [replace(v, sample="", settings=PadSettings()) for v in after.voices] == [
        replace(v, sample="", settings=PadSettings()) for v in before.voices
    ]
    for one, other in zip(after.voices, before.voices, strict=True):
        assert Path(one.sample).read_bytes() == Path(other.sample).read_bytes()
        for field in PadSettings.__slots__:
            expected = pytest.approx(getattr(other.settings, field), abs=0.001)
            assert getattr(one.settings, field) == expected, field


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
