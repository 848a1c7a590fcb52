"""DrumKV1's presets, as its version 0.9.29 writes them.

It finds a parameter by its name, so that older versions, which number them otherwise and know
fewer, read these files too. What it does not know (the attribute `class` of an element, `title` of
the preset) it passes over.
"""

import math
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from libindex.kits.formats import drumkv1_parameters as parameters
from libindex.kits.formats import xml
from libindex.kits.formats.base import reference, resolved
from libindex.kits.kit import Kit, KitError, Voice

_VERSION = "0.9.29"
_DOCTYPE = "drumkv1"


class DrumKV1:
    """The format of rncbc's drumkv1, a drum sampler as LV2 plugin and stand-alone program."""

    name = "drumkv1"
    title = "DrumKV1 preset"
    suffix = ".drumkv1"
    # Whatever libsndfile reads; these were played, see tests/kits/test_in_programs.py.
    plays = frozenset("WAV WAVEX AIFF FLAC OGG MP3 CAF W64 RF64 AU".split())
    is_archive = False

    def write(self, kit: Kit, path: Path) -> None:
        # Older versions load nothing from a preset that is not called as its file is.
        root = Element("preset", name=xml.text(path.stem), version=_VERSION)
        if kit.name != path.stem:
            root.set("title", xml.text(kit.name))
        elements = SubElement(root, "elements")
        for voice in kit.voices:
            elements.append(_element(voice, path))
        root.append(_params(parameters.INSTRUMENT, len(parameters.ELEMENT)))
        path.write_bytes(xml.serialised(root, _DOCTYPE))

    def read(self, path: Path, workspace: Path) -> Kit:  # noqa: ARG002 - for archives
        with path.open("rb") as file:
            data = file.read(xml.MAX_BYTES + 1)
        root = xml.parse(data, path, "preset", _DOCTYPE)
        voices = {}
        for element in root.iterfind("elements/element"):
            voice = _voice(element, path)
            if voice:
                voices[voice.key] = voice
        name = root.get("title") or root.get("name") or path.stem
        return Kit(name, tuple(voices[key] for key in sorted(voices)))


def _element(voice: Voice, path: Path) -> Element:
    element = Element("element", index=str(voice.key))
    if voice.class_code:
        element.set("class", xml.text(voice.class_code))
    sample = SubElement(element, "sample", index="0", name="GEN1_SAMPLE")
    sample.text = reference(voice.sample, path)
    element.append(_params(parameters.of_voice(voice)))
    return element


def _params(values: dict[str, float], first: int = 0) -> Element:
    params = Element("params")
    for index, (name, value) in enumerate(values.items(), first):
        SubElement(params, "param", index=str(index), name=name).text = xml.number(value)
    return params


def _voice(element: Element, path: Path) -> Voice | None:
    """What an element plays; None if it has no sample, which the program passes over as well."""
    sample = xml.child_text(element, "sample")
    if not sample:
        return None
    key = xml.finite(element.get("index", ""), path)
    if key not in range(128):
        raise KitError(f"has a pad at key {key:g}, which is no MIDI note", path)
    values = dict(parameters.ELEMENT)
    names = tuple(values)
    for param in element.iterfind("params/param"):
        name = param.get("name") or _nth(names, param.get("index", ""))
        if name in values:
            values[name] = xml.finite(param.text or "", path)
    return Voice(
        key=int(key),
        sample=resolved(sample, path),
        class_code=element.get("class") or None,
        choke_group=max(0, math.floor(values["GEN1_GROUP"])),
        shape=parameters.shape_of(values),
    )


def _nth(names: tuple[str, ...], index: str) -> str:
    return names[int(index)] if index.isdecimal() and int(index) < len(names) else ""
