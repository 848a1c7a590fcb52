"""Play kits in drumkv1: its LV2 plugin loads the preset file with its own loader.

The plugin runs in a process of its own, since one that crashes takes its host with it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from kits.programs.hits import RATE, Hit, each_alone

BUNDLE = Path("/usr/lib/lv2/drumkv1.lv2")
_PLAYER = Path(__file__).with_name("drumkv1_player.py")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the program says it has loaded for a key: the sample, and every parameter by name."""

    sample: str
    parameters: dict[str, float]


def missing() -> str:
    """Why kits can't be tried here; ``""`` if they can."""
    return "" if BUNDLE.is_dir() else "drumkv1's LV2 plugin is not installed"


def render(preset: Path, seconds: Mapping[int, float]) -> dict[int, np.ndarray]:
    """What each key of a preset sounds like, listening for so many seconds: (frames, 2)."""
    return each_alone(seconds, partial(record, preset))


def record(preset: Path, hits: Sequence[Hit], seconds: float) -> np.ndarray:
    """What is heard when keys are struck, and let go of at once: shape (frames, 2)."""
    return _done(preset, hits, seconds)[0]


def state(preset: Path) -> str:
    """What the program saves once it has loaded a preset: XML with the same elements."""
    return _done(preset, (), 0)[1]


def loaded(preset: Path) -> dict[int, Loaded]:
    """What the program has loaded, by key."""
    root = ElementTree.fromstring(state(preset))
    return {
        int(element.get("index", "")): Loaded(
            element.findtext("sample", ""),
            {p.get("name", ""): float(p.text or "") for p in element.iterfind("params/param")},
        )
        for element in root.iterfind("elements/element")
    }


def _done(preset: Path, hits: Sequence[Hit], seconds: float) -> tuple[np.ndarray, str]:
    with tempfile.TemporaryDirectory() as place:
        home, out = Path(place), Path(place, "out.npz")
        order = {
            "bundle": str(BUNDLE),
            "out": str(out),
            "rate": RATE,
            "hits": [(hit.time_s, hit.key, hit.velocity) for hit in hits],
            "seconds": seconds,
        }
        _settle(home, preset)
        environment = {
            **os.environ,
            "HOME": place,
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_RUNTIME_DIR": place,
            "QT_QPA_PLATFORM": "offscreen",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [sys.executable, _PLAYER],
            input=json.dumps(order),
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with np.load(out) as arrays:
            return arrays["heard"], str(arrays["state"])


def _settle(home: Path, preset: Path) -> None:
    """Settings in which program 1 is the preset."""
    quoted = str(preset).replace("\\", "\\\\").replace('"', '\\"')
    settings = home / "config" / "rncbc.org" / "drumkv1.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        "[Default]\nProgramsEnabled=true\n"
        f'[Presets]\nkit="{quoted}"\n'
        "[Programs]\n0=all\nBank_0\\1=kit\n",
        encoding="utf-8",
    )
