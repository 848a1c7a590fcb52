"""``kit.json``: a kit that libindex wrote, with the list of its own files."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from libindex.kits.files import content
from libindex.kits.formats.base import MAX_CHOKE_GROUP
from libindex.kits.kit import MANIFEST, Kit, KitError, PadSettings, Voice
from libindex.paths import path_fields, relative_to

_FORMAT, _VERSION = "libindex-kit", 1
_MAX_BYTES = 8 * 2**20


def write(kit: Kit, folder: Path, files: Sequence[str]) -> None:
    """Write it.

    Parameters
    ----------
    kit : Kit
        The kit.
    folder : Path
        Its folder; samples below it are named relative to it.
    files : sequence of str
        Everything else that the kit has there, relative to the folder.
    """
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "name": kit.name,
        "pads": [_pad(voice, os.fspath(folder.absolute())) for voice in kit.voices],
        "files": [path_fields(file) for file in files],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[Kit, list[str]]:
    """Read the kit of a folder, and the list of its own files.

    Raises
    ------
    KitError
        If there is none, or it is damaged.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        raise KitError(f"is not a kit of libindex: it has no {MANIFEST}", folder)
    data = content(path, _MAX_BYTES)
    try:
        document = json.loads(data)
        if document["format"] != _FORMAT or document["version"] != _VERSION:
            raise KitError("was written by a newer libindex, or by another program", path)
        voices = tuple(_voice(pad, folder) for pad in document["pads"])
        return Kit(str(document["name"]), voices), [_path(file) for file in document["files"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise KitError("is damaged; build the kit again", path) from None


def _pad(voice: Voice, folder: str) -> dict[str, Any]:
    return {
        "key": voice.key,
        "class": voice.class_code,
        "probability": None if voice.probability is None else round(voice.probability, 6),
        **path_fields(relative_to(voice.sample, folder) or voice.sample, "sample"),
        **(path_fields(voice.source, "source") if voice.source else {}),
        "duration_s": voice.duration_s,
        "choke_group": voice.choke_group,
        "shape": asdict(voice.settings),
    }


def _voice(pad: Mapping[str, Any], folder: Path) -> Voice:
    settings = PadSettings(**{name: _number(value) for name, value in pad["shape"].items()})
    probability, length = pad["probability"], pad["duration_s"]
    code = pad["class"]
    if code is not None and not isinstance(code, str):
        raise TypeError("a class is a word")
    return Voice(
        key=_whole(pad["key"], 127),
        sample=os.path.normpath(folder.absolute() / _path(pad, "sample")),
        class_code=code,
        probability=None if probability is None else _number(probability, 0, 1),
        source=_path(pad, "source") if "source" in pad else None,
        duration_s=None if length is None else _number(length, 0),
        choke_group=_whole(pad["choke_group"], MAX_CHOKE_GROUP),
        settings=settings,
    )


def _number(value: Any, low: float = -1e6, high: float = 1e6) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError("no such number")
    return float(value)


def _whole(value: Any, high: int) -> int:
    if not isinstance(value, int) or not 0 <= value <= high:
        raise ValueError("no such number")
    return value


def _path(fields: Mapping[str, Any], name: str = "path") -> str:
    if f"{name}_hex" in fields:
        path = os.fsdecode(bytes.fromhex(fields[f"{name}_hex"]))
    else:
        path = fields[name]
        path.encode()  # no surrogates
    if not path or "\0" in path:
        raise ValueError("no such path")
    return str(path)
