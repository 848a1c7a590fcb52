"""Sounds, each made from a seed."""

import numpy as np

SAMPLE_RATE = 44_100


def tone(seed: int, seconds: float = 0.2, rate: int = SAMPLE_RATE) -> np.ndarray:
    """A decaying hit, shape (samples,), another one for every seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    pitch = rng.uniform(60, 6000)
    noise = rng.standard_normal(len(time)) * rng.uniform(0, 1)
    sound = (np.sin(2 * np.pi * pitch * time) + noise) * np.exp(-time / rng.uniform(0.02, 0.2))
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)
