"""libindex finds sounds in a drum-sample library, by class and by ear."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from libindex.drumclassifier.classifier import DrumClassifier
    from libindex.library import Library

# torch's threads share the cores with the processes that decode (and with a DAW). By default an
# OpenMP thread that waits spins; where cores are short that costs four times the CPU time of the
# work itself. It must be said before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
__all__ = ["DrumClassifier", "Library", "__version__"]


def __getattr__(name: str) -> object:
    """Import the public classes when they are first used: ``--help`` must not wait for torch."""
    if name == "Library":
        from libindex.library import Library

        return Library
    if name == "DrumClassifier":
        from libindex.drumclassifier.classifier import DrumClassifier

        return DrumClassifier
    raise AttributeError(f"module 'libindex' has no attribute {name!r}")
