"""SFZ: text with a region for every pad.

The opcodes are those of SFZ 1 and, for choking and widths, SFZ 2, as sfzformat.com lists them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from libindex.kits.formats.base import choke_group, number, reference, resolved
from libindex.kits.formats.sfz_text import SfzText
from libindex.kits.kit import Kit, KitError, PadSettings, Voice
from libindex.paths import to_text

_NOTES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SHARPS = {"": 0, "#": 1, "b": -1}
_MAX_RESONANCE_DB = 40.0
_TREMOLO_DB = 10.0
_UNSAFE = re.compile(r"[=<>\\]|//|/\*|(^|\s)#|\$|^\s|\s$")
_LABEL = re.compile(r"^// pad (\d{1,3}) (\S+)(?: ([01](?:\.\d+)?))?$")


class Sfz:
    """`Format` of SFZ players."""

    name = "sfz"
    title = "SFZ"
    suffix = ".sfz"
    plays = frozenset({"WAV", "WAVEX", "FLAC", "OGG", "AIFF"})
    is_archive = False
    unpacked_name = ""

    def write(self, kit: Kit, path: Path) -> None:
        """Write a kit; see `Format.write`."""
        name = "".join(c if c.isprintable() else " " for c in kit.name)
        lines = [f"// {name}", "// Made with libindex.", "", "<global>"]
        lines += ["loop_mode=one_shot", ""]
        for voice in kit.voices:
            lines += [*_region(voice, path), ""]
        path.write_text("\n".join(lines), encoding="utf-8")

    def read(self, path: Path, workspace: Path) -> Kit:  # noqa: ARG002 - of `Format`
        """Read a kit; see `Format.read`.

        Where several regions play at a key, the loudest velocity and the first of a sequence
        counts.
        """
        text = SfzText(path)
        labels = {int(m[1]): m for m in map(_LABEL.match, text.lines) if m}
        best: dict[int, tuple[tuple[float, ...], Voice]] = {}
        for opcodes in text.regions():
            for key in _keys(opcodes, path):
                rank = (number(opcodes, "hivel", 127), -number(opcodes, "seq_position", 1))
                if "sample" in opcodes and (key not in best or rank > best[key][0]):
                    best[key] = rank, _voice(key, opcodes, path)
        if not best:
            raise KitError("has no regions with samples; it is not an SFZ kit", path)
        voices = [_labelled(best[key][1], labels.get(key)) for key in sorted(best)]
        first = text.lines[0]
        name = first[3:].strip() if labels and first.startswith("// ") else path.stem
        return Kit(to_text(name), tuple(voices))


def _region(voice: Voice, path: Path) -> Iterator[str]:
    sample, settings = reference(voice.sample, path), voice.settings
    if _UNSAFE.search(sample):
        raise KitError("has a name that SFZ can't contain; copy or link the samples", voice.sample)
    probability = "" if voice.probability is None else f" {voice.probability:.4f}"
    if voice.class_code is not None:
        yield f"// pad {voice.key} {voice.class_code}{probability}"
    yield "<region>"
    yield f"key={voice.key}"
    yield f"sample={sample}"
    if voice.choke_group:
        yield f"group={voice.choke_group} off_by={voice.choke_group}"
    yield from _opcodes(settings)


def _opcodes(settings: PadSettings) -> Iterator[str]:
    """What differs from SFZ's defaults, which play a sample as it is."""
    if settings.gain_db:
        yield f"volume={settings.gain_db:g}"
    if settings.pan:
        yield f"pan={100 * settings.pan:g}"
    if settings.width < 0:  # SFZ knows no wider than wide
        yield f"width={100 * (1 + settings.width):g}"
    if settings.tune_semitones:
        whole = round(settings.tune_semitones)
        yield f"transpose={whole} tune={round(100 * (settings.tune_semitones - whole))}"
    if settings.cutoff < 1:
        yield f"fil_type=lpf_2p cutoff={settings.cutoff_hz:.1f}"
        yield f"resonance={_MAX_RESONANCE_DB * settings.resonance:g}"
    if settings.lfo_depth:
        depth_db = _TREMOLO_DB * settings.lfo_depth
        yield f"amplfo_freq={settings.lfo_rate_hz:g} amplfo_depth={depth_db:g}"


def _keys(opcodes: Mapping[str, str], path: Path) -> range:
    either = opcodes.get("key")
    low, high = (
        _key(opcodes.get(name, either or default), path)
        for name, default in (("lokey", "0"), ("hikey", "127"))
    )
    return range(max(0, low), min(127, high) + 1)


def _key(text: str, path: Path) -> int:
    if re.fullmatch(r"-?\d{1,4}", text):
        return int(text)
    found = re.fullmatch(r"([a-g])([#b]?)(-?\d{1,2})", text.lower())
    if found is None:
        raise KitError(f"has a key {to_text(text)[:20]!r} that is not a note", path)
    return _NOTES[found[1]] + _SHARPS[found[2]] + 12 * (int(found[3]) + 1)


def _voice(key: int, opcodes: Mapping[str, str], path: Path) -> Voice:
    cutoff_hz = number(opcodes, "cutoff", 0)
    is_filtered = cutoff_hz > 0
    settings = PadSettings(
        gain_db=number(opcodes, "volume", 0),
        pan=number(opcodes, "pan", 0) / 100,
        width=min(0.0, number(opcodes, "width", 100) / 100 - 1),
        tune_semitones=number(opcodes, "transpose", 0) + number(opcodes, "tune", 0) / 100,
        resonance=number(opcodes, "resonance", 0) / _MAX_RESONANCE_DB if is_filtered else 0.0,
        lfo_rate_hz=number(opcodes, "amplfo_freq", 0),
        lfo_depth=number(opcodes, "amplfo_depth", 0) / _TREMOLO_DB,
    )
    if is_filtered:
        settings = replace(settings, cutoff=PadSettings.cutoff_of(cutoff_hz))
    sample = resolved(opcodes["sample"].replace("\\", "/"), path)
    return Voice(
        key, sample, choke_group=choke_group(number(opcodes, "group", 0)), settings=settings
    )


def _labelled(voice: Voice, label: re.Match[str] | None) -> Voice:
    if label is None:
        return voice
    return replace(voice, class_code=label[2], probability=float(label[3]) if label[3] else None)
