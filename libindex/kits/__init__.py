"""Drum kits: layouts, which sample goes on which pad, and the formats that samplers load.

Everything public can be imported from here; `Library.kit` makes a `Kit`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from libindex.kits.building import build
    from libindex.kits.formats import FORMATS, Format
    from libindex.kits.kit import Kit, KitError, PadSettings, Voice
    from libindex.kits.layouts import LAYOUTS, Layout, Pad, find_layout, read_layout
    from libindex.kits.maker import KitMaker
    from libindex.kits.material import Material
    from libindex.kits.reading import read
    from libindex.kits.recipe import Recipe
    from libindex.kits.writing import write

_MODULES = {
    "building": ("build",),
    "formats": ("FORMATS", "Format"),
    "kit": ("Kit", "KitError", "PadSettings", "Voice"),
    "layouts": ("LAYOUTS", "Layout", "Pad", "find_layout", "read_layout"),
    "maker": ("KitMaker",),
    "material": ("Material",),
    "reading": ("read",),
    "recipe": ("Recipe",),
    "writing": ("write",),
}

__all__ = [
    "FORMATS",
    "LAYOUTS",
    "Format",
    "Kit",
    "KitError",
    "KitMaker",
    "Layout",
    "Material",
    "Pad",
    "PadSettings",
    "Recipe",
    "Voice",
    "build",
    "find_layout",
    "read",
    "read_layout",
    "write",
]


def __getattr__(name: str) -> object:
    """Import public names when they are first used: layouts are completed without numpy."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"libindex.kits.{module}"), name)
    raise AttributeError(f"module 'libindex.kits' has no attribute {name!r}")
