"""DrumKV1's presets, as its version 0.9.29 writes them.

It finds a parameter by its name, so that older versions, which number them otherwise and know
fewer, read these files too. What it does not know (the `class` and `probability` of an element,
the `title` of the preset) it ignores.
"""

import re
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from libindex.kits.files import content
from libindex.kits.formats import drumkv1_parameters as parameters
from libindex.kits.formats import xml
from libindex.kits.formats.base import choke_group, number, reference, resolved
from libindex.kits.kit import Kit, KitError, Voice

_VERSION = "0.9.29"
_DOCTYPE = "<!DOCTYPE drumkv1>"
_NUMBER = re.compile("[0-9]{1,3}")
_MAX_VALUE = 1000.0  # more than any parameter takes


class DrumKV1:
    """The format of rncbc's drumkv1, a drum sampler as LV2 plugin and stand-alone program."""

    name = "drumkv1"
    title = "drumkv1"
    suffix = ".drumkv1"
    # Whatever libsndfile reads; these were played, see tests/kits/test_in_programs.py.
    plays = frozenset("WAV WAVEX AIFF FLAC OGG MP3 CAF W64 RF64 AU".split())
    is_archive = False
    unpacked_name = ""

    def write(self, kit: Kit, path: Path) -> None:
        """Write a kit; see `Format.write`."""
        # Older versions load nothing from a preset that is not called as its file is.
        root = Element("preset", name=xml.printable(path.stem), version=_VERSION)
        if kit.name != path.stem:
            root.set("title", xml.printable(kit.name))
        elements = SubElement(root, "elements")
        for voice in kit.voices:
            elements.append(_element(voice, path))
        root.append(_params(parameters.INSTRUMENT, len(parameters.ELEMENT)))
        path.write_bytes(xml.render(root, _DOCTYPE))

    def read(self, path: Path, workspace: Path) -> Kit:  # noqa: ARG002 - of `Format`
        """Read a kit; see `Format.read`."""
        root = xml.parse(content(path, xml.MAX_BYTES), path, "preset")
        voices = {}
        for element in root.iterfind("elements/element"):
            voice = _voice(element, path)
            if voice:
                voices[voice.key] = voice
        if not voices:
            raise KitError("has no samples", path)
        name = root.get("title") or root.get("name") or path.stem
        return Kit(name, tuple(voices[key] for key in sorted(voices)))


def _element(voice: Voice, path: Path) -> Element:
    element = Element("element", index=str(voice.key))
    if voice.class_code:
        element.set("class", xml.printable(voice.class_code))
    if voice.probability is not None:
        element.set("probability", f"{voice.probability:.4f}")
    sample = SubElement(element, "sample", index="0", name="GEN1_SAMPLE")
    sample.text = reference(voice.sample, path)
    element.append(_params(parameters.of_voice(voice)))
    return element


def _params(values: dict[str, float], first: int = 0) -> Element:
    params = Element("params")
    for index, (name, value) in enumerate(values.items(), first):
        SubElement(params, "param", index=str(index), name=name).text = xml.digits(value)
    return params


def _voice(element: Element, path: Path) -> Voice | None:
    """What an element plays; None if it has no sample; the program ignores such elements too."""
    sample = element.findtext("sample")
    if not sample:
        return None
    index = element.get("index", "")
    if not _NUMBER.fullmatch(index) or int(index) > 127:
        raise KitError(
            f"has a pad at {xml.printable(index)[:20]!r}, which is not a MIDI note", path
        )
    params = {
        param.get("name") or _nth(param.get("index", "")): param.text or ""
        for param in element.iterfind("params/param")
    }
    values = {
        name: min(max(number(params, name, default), -_MAX_VALUE), _MAX_VALUE)
        for name, default in parameters.ELEMENT.items()
    }
    return Voice(
        key=int(index),
        sample=resolved(sample, path),
        class_code=element.get("class") or None,
        probability=_probability(element),
        choke_group=choke_group(values["GEN1_GROUP"]),
        settings=parameters.settings_of(values),
    )


def _probability(element: Element) -> float | None:
    value = number(element.attrib, "probability", -1)
    return value if 0 <= value <= 1 else None


def _nth(index: str) -> str:
    names = tuple(parameters.ELEMENT)
    return names[int(index)] if _NUMBER.fullmatch(index) and int(index) < len(names) else ""
