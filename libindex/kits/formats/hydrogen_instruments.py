"""Hydrogen's `drumkit.xml`: an instrument with one layer for every pad.

The order of elements is what its XSD demands. The laws of its filter were worked out from what it
plays, and are held by tests/kits/test_in_programs.py.
"""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, SubElement

from libindex.instruments import CODES
from libindex.kits.formats import xml
from libindex.kits.formats.base import choke_group, number
from libindex.kits.kit import Kit, KitError, PadSettings, Voice
from libindex.paths import to_text

_NAMESPACE = "http://www.hydrogen-music.org/drumkit"
_MADE = "Made with libindex."
_INFO = (
    f"{_MADE} To play every pad at its own key, tick 'Use output note as input note' "
    "in the MIDI settings."
)
_CLASS = re.compile(r"(\S+): ")
_FIRST_KEY = 36  # of the first instrument, unless output notes are used as input notes
_RATE = 44_100


def label(voice: Voice) -> str:
    """What a sample is called for people."""
    return Path(to_text(voice.source or voice.sample)).stem


def to_xml(kit: Kit, names: Mapping[str, str]) -> bytes:
    """The document, given what each sample is called in the archive."""
    root = Element("drumkit_info", xmlns=_NAMESPACE)
    _fill(root, name=xml.printable(kit.name), author="", info=_INFO, license="undefined license")
    _fill(root, image="", imageLicense="undefined license")
    component = SubElement(SubElement(root, "componentList"), "drumkitComponent")
    _fill(component, id=0, name="Main", volume=1)
    instruments = SubElement(root, "instrumentList")
    for index, voice in enumerate(kit.voices):
        instruments.append(_instrument(index, voice, names[voice.sample]))
    return xml.render(root)


def from_xml(root: Element, path: Path, sample_at: Callable[[PurePosixPath], Path]) -> Kit:
    """The kit that a document describes; `sample_at` says where a sample that it names is."""
    is_own = (root.findtext("info") or "").startswith(_MADE)
    instruments = [i for i in root.iterfind("instrumentList/instrument") if _sample(i).name]
    notes = [i.findtext("midiOutNote") or "" for i in instruments]
    keyed = len(set(notes)) == len(notes) and all(re.fullmatch("[0-9]{1,3}", n) for n in notes)
    voices = []
    for index, (instrument, note) in enumerate(zip(instruments, notes, strict=True)):
        key = int(note) if keyed else _FIRST_KEY + index
        if key < 128:
            voices.append(_voice(instrument, key, is_own, sample_at(_sample(instrument))))
    if not voices:
        raise KitError("has no samples", path)
    name = root.findtext("name") or path.stem
    return Kit(name, tuple(sorted(voices, key=lambda voice: voice.key)))


def _fill(element: Element, **values: str | float) -> None:
    for name, value in values.items():
        text = value if isinstance(value, str) else xml.digits(value)
        SubElement(element, name).text = text


def _instrument(index: int, voice: Voice, file_name: str) -> Element:
    settings = voice.settings
    instrument = Element("instrument")
    _fill(instrument, id=index, name=xml.printable(_name(voice)), volume=1)
    _fill(instrument, isMuted="false", isSoloed="false", pan=min(max(settings.pan, -1), 1))
    _fill(instrument, pitchOffset=0, randomPitchFactor=0, gain=10 ** (settings.gain_db / 20))
    _fill(instrument, applyVelocity="true", **_filter(settings))
    _fill(instrument, Attack=0, Decay=0, Sustain=1, Release=1000)
    # Groups count from 0 here.
    _fill(instrument, muteGroup=voice.choke_group - 1, midiOutChannel=-1, midiOutNote=voice.key)
    _fill(instrument, isStopNote="false", sampleSelectionAlgo="VELOCITY")
    _fill(instrument, isHihat=-1, lower_cc=0, higher_cc=127)
    _fill(instrument, FX1Level=0, FX2Level=0, FX3Level=0, FX4Level=0)
    component = SubElement(instrument, "instrumentComponent")
    _fill(component, component_id=0, gain=1)
    layer = SubElement(component, "layer")
    _fill(layer, filename=file_name, min=0, max=1, gain=1, pitch=settings.tune_semitones)
    return instrument


def _name(voice: Voice) -> str:
    """The class and what the sample is called; `_CLASS` finds the class again."""
    called = label(voice)
    if voice.class_code is None:
        return called.replace(": ", " ")
    return f"{voice.class_code}: {called}"


def _loudest(instrument: Element) -> Element | None:
    """Its layer of the loudest velocity; older kits have a single `filename` instead."""
    layers = list(instrument.iter("layer"))
    if layers:
        return max(layers, key=lambda layer: number(_texts(layer), "max", 1))
    return instrument if instrument.find("filename") is not None else None


def _sample(instrument: Element) -> PurePosixPath:
    """The file that it plays, as it is written there."""
    layer = _loudest(instrument)
    return PurePosixPath("" if layer is None else layer.findtext("filename") or "")


def _texts(element: Element) -> dict[str, str]:
    return {child.tag: child.text or "" for child in element}


def _voice(instrument: Element, key: int, is_own: bool, sample: Path) -> Voice:
    texts = _texts(instrument)
    found = _CLASS.match(texts.get("name", ""))
    code = found[1] if found and (is_own or found[1] in CODES) else None
    group = choke_group(number(texts, "muteGroup", -1) + 1)
    return Voice(
        key=key,
        sample=str(sample),
        class_code=code,
        choke_group=group,
        settings=_settings(instrument, texts),
    )


def _settings(instrument: Element, texts: Mapping[str, str]) -> PadSettings:
    loudest = _loudest(instrument)
    layer = {} if loudest is None or loudest is instrument else _texts(loudest)
    component = instrument.find("instrumentComponent")
    level = (
        number(texts, "volume", 1)
        * number(texts, "gain", 1)
        * number({} if component is None else _texts(component), "gain", 1)
        * number(layer, "gain", 1)
    )
    cutoff, resonance = 1.0, 0.0
    if texts.get("filterActive") == "true":
        cutoff, resonance = _filter_settings(
            number(texts, "filterCutoff", 1), number(texts, "filterResonance", 0)
        )
    return PadSettings(
        gain_db=round(20 * math.log10(min(max(level, 1e-6), 1e6)), 4) + 0.0,
        pan=_pan(texts),
        tune_semitones=round(number(texts, "pitchOffset", 0) + number(layer, "pitch", 0), 4),
        cutoff=round(cutoff, 4),
        resonance=round(resonance, 4),
    )


def _pan(texts: Mapping[str, str]) -> float:
    if "pan" in texts or not {"pan_L", "pan_R"} <= texts.keys():
        return min(max(number(texts, "pan", 0), -1.0), 1.0)
    left, right = (max(0.0, number(texts, name, 1)) for name in ("pan_L", "pan_R"))
    if left == right:
        return 0.0
    return right / left - 1 if left > right else 1 - left / right


def _filter(settings: PadSettings) -> dict[str, str | float]:
    """Its filter: two poles with a peak up to some 10 kHz, a single pole above.

    With the cutoff c and the resonance r, a sample x becomes y += c * (b = r * b + c * (x - y)),
    whose poles z solve z * z - (1 + r - c * c) * z + r = 0. They are put where a resonator of the
    wanted frequency and quality has them; with r = 0 it is one pole of the strength c * c.
    """
    if settings.cutoff >= 1:
        return {"filterActive": "false", "filterCutoff": 1, "filterResonance": 0}
    angle = 2 * math.pi * settings.cutoff_hz / _RATE
    damping = angle / (2 * 10 ** (2 * settings.resonance))
    resonance = math.exp(-2 * damping)
    turn = math.cos(math.sqrt(angle * angle - damping * damping))
    strength = 1 + resonance - 2 * math.sqrt(resonance) * turn
    if strength > 1:
        steep = 1 - math.cos(angle)
        strength, resonance = math.sqrt(steep * steep + 2 * steep) - steep, 0.0
    cutoff = math.sqrt(strength)
    return {"filterActive": "true", "filterCutoff": cutoff, "filterResonance": resonance}


def _filter_settings(cutoff: float, resonance: float) -> tuple[float, float]:
    """What `_filter` was given."""
    strength, resonance = min(max(cutoff, 1e-3), 1.0) ** 2, min(max(resonance, 0.0), 0.99999)
    if resonance == 0:
        if strength > 0.999:
            return 1.0, 0.0
        angle = math.acos(max(-1.0, 1 - strength * strength / (2 * (1 - strength))))
        return PadSettings.cutoff_of(angle * _RATE / (2 * math.pi)), 0.0
    damping = -math.log(resonance) / 2
    turn = (1 + resonance - strength) / (2 * math.sqrt(resonance))
    angle = math.hypot(damping, math.acos(min(max(turn, -1.0), 1.0)))
    quality = max(1.0, angle / (2 * damping))
    return PadSettings.cutoff_of(angle * _RATE / (2 * math.pi)), min(1.0, math.log10(quality) / 2)
