"""The formats of kits, one module each behind the interface in `base`."""

from libindex.kits.formats.base import Format
from libindex.kits.formats.decentsampler import DecentSampler
from libindex.kits.formats.drumkv1 import DrumKV1
from libindex.kits.formats.folder import Folder
from libindex.kits.formats.hydrogen import Hydrogen
from libindex.kits.formats.sfz import Sfz

FORMATS: dict[str, Format] = {
    f.name: f for f in (DrumKV1(), Hydrogen(), Sfz(), DecentSampler(), Folder())
}
"""By name."""

__all__ = ["FORMATS", "Format"]
