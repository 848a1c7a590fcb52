"""Facts that nobody measured."""

from typing import Any

from libindex.sound.facts import FACTS, Facts


def make_facts(**known: Any) -> Facts:
    """Facts of a mono WAV file; what a test is about is given by name."""
    values: dict[str, Any] = {fact.key: fact.kind() for fact in FACTS} | {
        "size_bytes": 0,
        "duration_s": None,
        "centroid_hz": 500.0,
        "loudness_dbfs": -6.0,
        "peak": 0.5,
        "sample_rate": 44_100,
        "channels": 1,
        "container": "WAV",
        "encoding": "PCM_16",
        "warning": None,
    }
    return Facts(**values | known)
