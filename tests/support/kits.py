"""Sounds for pads."""

import numpy as np

from libindex.instruments import CODES
from libindex.queries.sounds import Sound


def make_sound(
    path: str,
    *,
    seed: int = 0,
    duration_s: float | None = 0.5,
    centroid_hz: float = 1000.0,
    **by_class: float,
) -> Sound:
    """A sound of these probabilities by class; the rest is shared by the other classes."""
    rest = (1 - sum(by_class.values())) / (len(CODES) - len(by_class))
    probabilities = np.array([by_class.get(code, rest) for code in CODES], np.float32)
    embedding = np.random.default_rng(seed).standard_normal(16).astype(np.float32)
    return Sound(
        path=path,
        digest=path.encode(),
        probabilities=probabilities,
        embedding=embedding / np.linalg.norm(embedding),
        duration_s=duration_s,
        centroid_hz=centroid_hz,
    )
