"""The formats of kits, one module each behind the interface in `base`."""

from libindex.kits.formats.base import Format
from libindex.kits.formats.decentsampler import DecentSampler
from libindex.kits.formats.folder import Folder
from libindex.kits.formats.sfz import Sfz

FORMATS: dict[str, Format] = {f.name: f for f in (Sfz(), DecentSampler(), Folder())}
"""By name."""

__all__ = ["FORMATS", "Format"]
