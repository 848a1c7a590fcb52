"""The outline of a sound: what is drawn of it."""

import numpy as np

from libindex.sound.decoding import FloatArray

COLUMNS = 96
OUTLINE_BYTES = 2 * COLUMNS


def outline(samples: FloatArray) -> bytes:
    """Lowest and highest value in each of 96 equal parts of a sound.

    Parameters
    ----------
    samples : ndarray of float32, shape (samples,)
        Mono, at least one sample, all finite.

    Returns
    -------
    bytes
        Pairs of signed bytes, from the left; 127 is the largest absolute value in the sound.

    Examples
    --------
    >>> import numpy as np
    >>> list(outline(np.array([0.5, -0.25], np.float32))[:2])
    [127, 127]
    """
    if len(samples) < COLUMNS:
        samples = samples[np.arange(COLUMNS) * len(samples) // COLUMNS]
    starts = np.arange(COLUMNS) * len(samples) // COLUMNS
    low = np.minimum.reduceat(samples, starts)
    high = np.maximum.reduceat(samples, starts)
    peak = max(-float(low.min()), float(high.max())) or 1.0
    pairs = np.stack([low, high], axis=1) * (127 / peak)
    return np.rint(pairs).astype(np.int8).tobytes()
