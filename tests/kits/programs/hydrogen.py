"""Play kits in Hydrogen: its command `h2cli` checks them, and exports songs as audio."""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import soundfile
from kits.programs.hits import RATE, Hit, each_alone

DATA = Path("/usr/share/hydrogen/data")
TICKS_A_SECOND = 100  # at 125 beats a minute: 441 frames each
NAMESPACE = "{http://www.hydrogen-music.org/drumkit}"


def missing() -> str:
    """Why kits can't be tried here; ``""`` if they can."""
    return "" if shutil.which("h2cli") and DATA.is_dir() else "Hydrogen's h2cli is not installed"


def is_valid(kit: Path) -> bool:
    """Whether Hydrogen accepts an archive, or the folder of a kit."""
    with tempfile.TemporaryDirectory() as home:
        said = _h2cli(Path(home), "--check", kit)
    return "is valid" in said


def upgraded(kit: Path, folder: Path) -> Path:
    """The kit as Hydrogen itself writes it, as an archive in a folder."""
    with tempfile.TemporaryDirectory() as home:
        _h2cli(Path(home), "--upgrade", kit, "--target", folder)
    return next(folder.glob("*.h2drumkit"))


def render(kit: Path, seconds: Mapping[int, float]) -> dict[int, np.ndarray]:
    """What each key of a kit sounds like, listening for so many seconds: by key, (frames, 2)."""
    return each_alone(seconds, partial(record, kit))


def record(kit: Path, hits: Sequence[Hit], seconds: float) -> np.ndarray:
    """What is heard when a kit is installed, and a song strikes its keys: shape (frames, 2)."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        _h2cli(home, "--install", kit)
        (folder,) = (home / ".hydrogen/data/drumkits").iterdir()
        instruments = _instruments(folder / "drumkit.xml")
        song, out = home / "song.h2song", home / "out.wav"
        song.write_text(_song(instruments, hits, seconds), encoding="utf-8")
        arguments = ("--song", song, "-k", folder.name, "--outfile", out)
        said = _h2cli(home, *arguments, "--rate", RATE, "--bits", 32)
        assert out.exists(), said
        return soundfile.read(out, dtype="float32", always_2d=True)[0]


def _h2cli(home: Path, *arguments: Any) -> str:
    """Run it in a home and a working directory of its own; returns what it says.

    Without a sound card it waits long for one, so that it is told to do without; in a folder with
    files that are called as the kit's samples, it takes those and fails.
    """
    settings = home / ".hydrogen" / "hydrogen.conf"
    if not settings.exists():
        settings.parent.mkdir()
        text = (DATA / "hydrogen.default.conf").read_text(encoding="utf-8")
        text = re.sub("(<audio_driver>).*?(</audio_driver>)", r"\1Fake\2", text)
        text = re.sub("(<driverName>).*?(</driverName>)", r"\1None\2", text)
        settings.write_text(text, encoding="utf-8")
        (home / "empty").mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(home),
        "QT_QPA_PLATFORM": "offscreen",
    }
    done = subprocess.run(
        ["h2cli", *map(str, arguments)],
        cwd=home / "empty",
        env=environment | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def _instruments(description: Path) -> list[int]:
    """The keys of a kit's instruments, in their order."""
    root = ElementTree.parse(description).getroot()
    notes = root.iterfind(f".//{NAMESPACE}instrument/{NAMESPACE}midiOutNote")
    return [int(note.text or "") for note in notes]


def description_of(kit: Path) -> bytes:
    """The `drumkit.xml` in an archive."""
    with tarfile.open(kit) as archive:
        (name,) = (name for name in archive.getnames() if name.endswith("/drumkit.xml"))
        opened = archive.extractfile(name)
        assert opened is not None
        return opened.read()


def _song(instruments: Sequence[int], hits: Sequence[Hit], seconds: float) -> str:
    """A song of one pattern; its instruments are silent and give way to those of the kit."""
    placeholders = "".join(_PLACEHOLDER.format(index=i) for i in range(len(instruments)))
    notes = "".join(
        _NOTE.format(
            tick=round(hit.time_s * TICKS_A_SECOND),
            velocity=hit.velocity / 127,
            instrument=instruments.index(hit.key),
        )
        for hit in hits
    )
    size = round(seconds * TICKS_A_SECOND) + 1
    return _SONG.format(instruments=placeholders, notes=notes, size=size)


# Its first line must hold nothing but the declaration: Hydrogen reads on behind it.
_SONG = """<?xml version="1.0" encoding="UTF-8"?>
<song>
<version>1.2.0</version><bpm>125</bpm><volume>1</volume><metronomeVolume>0</metronomeVolume>
<name>hits</name><author/><notes/><license/>
<loopEnabled>false</loopEnabled><patternModeMode>true</patternModeMode>
<playbackTrackFilename/><playbackTrackEnabled>false</playbackTrackEnabled>
<playbackTrackVolume>0</playbackTrackVolume><action_mode>0</action_mode><mode>song</mode>
<pan_law_type>RATIO_STRAIGHT_POLYGONAL</pan_law_type><pan_law_k_norm>1.33333</pan_law_k_norm>
<humanize_time>0</humanize_time><humanize_velocity>0</humanize_velocity>
<swing_factor>0</swing_factor>
<componentList>
<drumkitComponent><id>0</id><name>Main</name><volume>1</volume></drumkitComponent>
</componentList>
<instrumentList>{instruments}</instrumentList>
<patternList><pattern>
<name>all</name><category/><size>{size}</size><denominator>4</denominator><info/>
<noteList>{notes}</noteList>
</pattern></patternList>
<virtualPatternList/>
<patternSequence><group><patternID>all</patternID></group></patternSequence>
<ladspa/><BPMTimeLine/><timeLineTag/><automationPaths/>
</song>
"""

_PLACEHOLDER = f"""
<instrument>
<id>{{index}}</id><name>placeholder</name><drumkit>GMRockKit</drumkit>
<drumkitLookup>2</drumkitLookup><volume>1</volume><isMuted>false</isMuted>
<isSoloed>false</isSoloed><pan>0</pan><gain>1</gain><applyVelocity>true</applyVelocity>
<filterActive>false</filterActive><filterCutoff>1</filterCutoff>
<filterResonance>0</filterResonance>
<Attack>0</Attack><Decay>0</Decay><Sustain>1</Sustain><Release>1000</Release>
<muteGroup>-1</muteGroup><isStopNote>false</isStopNote>
<midiOutChannel>-1</midiOutChannel><midiOutNote>36</midiOutNote>
<instrumentComponent><component_id>0</component_id><gain>1</gain><layer>
<filename>{DATA}/emptySample.wav</filename><ismodified>false</ismodified>
<smode>forward</smode><startframe>0</startframe><loopframe>0</loopframe><loops>0</loops>
<endframe>0</endframe><userubber>0</userubber><rubberdivider>1</rubberdivider>
<rubberCsettings>4</rubberCsettings><rubberPitch>1</rubberPitch>
<min>0</min><max>1</max><gain>1</gain><pitch>0</pitch>
</layer></instrumentComponent>
</instrument>
"""

_NOTE = """
<note>
<position>{tick}</position><leadlag>0</leadlag><velocity>{velocity:.6f}</velocity><pan>0</pan>
<pitch>0</pitch><probability>1</probability><key>C0</key><length>-1</length>
<instrument>{instrument}</instrument><note_off>false</note_off>
</note>
"""
