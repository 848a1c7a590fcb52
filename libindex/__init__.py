"""libindex finds sounds in a drum-sample library, by class and by ear.

All public names can be imported from here; those of kits' files also from `libindex.kits`.
"""

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from libindex.drumclassifier.classifier import DrumClassifier
    from libindex.errors import (
        BusyError,
        DatabaseError,
        LibindexError,
        ModelError,
        NotFoundError,
        SampleError,
        SettingsError,
        UsageError,
    )
    from libindex.indexing.summary import Progress, ScanSummary
    from libindex.kits.kit import Kit, KitError, Voice
    from libindex.kits.layouts import Layout, Pad
    from libindex.kits.recipe import Recipe
    from libindex.library import Library
    from libindex.queries.example import Example
    from libindex.queries.filters import FilterArgs
    from libindex.queries.find import Hit
    from libindex.queries.inspect import Failure, RootStatus, SampleInfo, Status
    from libindex.queries.lookup import Network
    from libindex.selection import Selection
    from libindex.settings import Settings, SettingsArgs
    from libindex.sound.facts import Facts
    from libindex.watching.options import WatchOptions
    from libindex.watching.watcher import Watcher

# torch's threads share the cores with the processes that decode (and with a DAW). By default an
# OpenMP thread that waits spins; where cores are short that costs four times the CPU time of the
# work itself. It must be said before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

_MODULES = {
    "drumclassifier.classifier": ("DrumClassifier",),
    "errors": (
        "BusyError",
        "DatabaseError",
        "LibindexError",
        "ModelError",
        "NotFoundError",
        "SampleError",
        "SettingsError",
        "UsageError",
    ),
    "indexing.summary": ("Progress", "ScanSummary"),
    "kits.kit": ("Kit", "KitError", "Voice"),
    "kits.layouts": ("Layout", "Pad"),
    "kits.recipe": ("Recipe",),
    "library": ("Library",),
    "queries.example": ("Example",),
    "queries.filters": ("FilterArgs",),
    "queries.find": ("Hit",),
    "queries.inspect": ("Failure", "RootStatus", "SampleInfo", "Status"),
    "queries.lookup": ("Network",),
    "selection": ("Selection",),
    "settings": ("Settings", "SettingsArgs"),
    "sound.facts": ("Facts",),
    "watching.options": ("WatchOptions",),
    "watching.watcher": ("Watcher",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "BusyError",
    "DatabaseError",
    "DrumClassifier",
    "Example",
    "Facts",
    "Failure",
    "FilterArgs",
    "Hit",
    "Kit",
    "KitError",
    "Layout",
    "LibindexError",
    "Library",
    "ModelError",
    "Network",
    "NotFoundError",
    "Pad",
    "Progress",
    "Recipe",
    "RootStatus",
    "SampleError",
    "SampleInfo",
    "ScanSummary",
    "Selection",
    "Settings",
    "SettingsArgs",
    "SettingsError",
    "Status",
    "UsageError",
    "Voice",
    "WatchOptions",
    "Watcher",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import public names when they are first used: ``--help`` must not wait for torch."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'libindex' has no attribute {name!r}")
    return getattr(importlib.import_module(f"libindex.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
