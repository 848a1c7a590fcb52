"""DecentSampler's ``.dspreset``: XML with a group for every pad.

Elements and attributes are those of the DecentSampler Developer's Guide, 1.11.
"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from libindex.kits.files import content
from libindex.kits.formats import xml
from libindex.kits.formats.base import (
    choke_group,
    number,
    reference,
    resolved,
)
from libindex.kits.kit import Kit, KitError, PadSettings, Voice

_CHOKE = "choke"
_CLASS = "class-"


class DecentSampler:
    """`Format` of the DecentSampler plugin; it has no place for stereo width and tremolo."""

    name = "decentsampler"
    title = "DecentSampler"
    suffix = ".dspreset"
    plays = frozenset({"WAV", "WAVEX", "AIFF", "FLAC"})
    is_archive = False
    unpacked_name = ""

    def write(self, kit: Kit, path: Path) -> None:
        """Write a kit; see `Format.write`."""
        root = ET.Element("DecentSampler", minVersion="1.0.11")
        groups = ET.SubElement(root, "groups")
        for voice in kit.voices:
            groups.append(_group(voice, path))
        path.write_bytes(xml.render(root))

    def read(self, path: Path, workspace: Path) -> Kit:  # noqa: ARG002 - of `Format`
        """Read a kit; see `Format.read`.

        Where several samples play at a key, the one of the loudest velocity counts.
        """
        root = xml.parse(content(path, xml.MAX_BYTES), path, "DecentSampler")
        best: dict[int, tuple[float, Voice]] = {}
        for groups in root.iter("groups"):
            for group in groups.iter("group"):
                for sample in group.iter("sample"):
                    given = {**groups.attrib, **group.attrib, **sample.attrib}
                    low, high = (
                        int(number(given, n, d)) for n, d in (("loNote", 0), ("hiNote", 127))
                    )
                    loudest = number(given, "hiVel", 127)
                    for key in range(max(0, low), min(127, high) + 1):
                        if key not in best or loudest > best[key][0]:
                            best[key] = loudest, _voice(key, given, group, path)
        if not best:
            raise KitError("has no samples", path)
        return Kit(path.stem, tuple(best[key][1] for key in sorted(best)))


def _group(voice: Voice, path: Path) -> ET.Element:
    group = ET.Element("group", name=voice.class_code or str(voice.key))
    tags = [] if voice.class_code is None else [_CLASS + voice.class_code]
    if voice.choke_group:
        choke = f"{_CHOKE}{voice.choke_group}"
        tags.append(choke)
        group.attrib.update(silencedByTags=choke, silencingMode="fast")
    if tags:
        group.set("tags", ",".join(tags))
    settings, name = voice.settings, reference(voice.sample, path)
    if "\\" in name:  # which it takes for a folder
        raise KitError(
            "has a name that no preset can contain; copy or link the samples", voice.sample
        )
    sample = ET.SubElement(
        group,
        "sample",
        path=name,
        rootNote=str(voice.key),
        loNote=str(voice.key),
        hiNote=str(voice.key),
        ampEnvEnabled="false",  # a hit sounds to its end, however short the key is held
    )
    if settings.gain_db:
        sample.set("volume", f"{settings.gain_db:g}dB")
    if settings.pan:
        sample.set("pan", f"{100 * settings.pan:g}")
    if settings.tune_semitones:
        sample.set("tuning", f"{settings.tune_semitones:g}")
    if settings.cutoff < 1:
        effects = ET.SubElement(group, "effects")
        ET.SubElement(
            effects,
            "effect",
            type="lowpass",
            frequency=f"{settings.cutoff_hz:.1f}",
            resonance=f"{_MIN_RESONANCE + (1 - _MIN_RESONANCE) * settings.resonance:.4f}",
        )
    return group


_MIN_RESONANCE = 0.7  # without a peak


def _voice(key: int, given: dict[str, str], group: ET.Element, path: Path) -> Voice:
    if "path" not in given:
        raise KitError("has a sample without a path", path)
    tags = [tag.strip() for tag in given.get("tags", "").split(",")]
    codes = [tag.removeprefix(_CLASS) for tag in tags if tag.startswith(_CLASS)]
    groups = [tag.removeprefix(_CHOKE) for tag in tags if tag.startswith(_CHOKE)]
    chokes = [choke_group(int(text)) for text in groups if re.fullmatch("[0-9]{1,3}", text)]
    return Voice(
        key,
        resolved(given["path"].replace("\\", "/"), path),
        class_code=codes[0] if codes else None,
        choke_group=chokes[0] if chokes else 0,
        settings=_settings(given, group.find("effects/effect[@type='lowpass']")),
    )


def _settings(given: dict[str, str], lowpass: ET.Element | None) -> PadSettings:
    volume = given.get("volume", "0dB")
    gain_db = number({"v": volume[:-2]}, "v", 0.0) if volume.lower().endswith("db") else 0.0
    cutoff, resonance = 1.0, 0.0
    if lowpass is not None:
        cutoff = PadSettings.cutoff_of(max(1.0, number(lowpass.attrib, "frequency", 20_000.0)))
        sharp = number(lowpass.attrib, "resonance", _MIN_RESONANCE)
        resonance = max(0.0, (sharp - _MIN_RESONANCE) / (1 - _MIN_RESONANCE))
    return PadSettings(
        gain_db=gain_db,
        pan=number(given, "pan", 0.0) / 100,
        tune_semitones=number(given, "tuning", 0.0),
        cutoff=cutoff,
        resonance=resonance,
    )
