"""Simple measurements of a sound to search by."""

import numpy as np

from libindex.sound.decoding import Signal

_MIN_DBFS = -200.0


def loudness_dbfs(signal: Signal) -> float:
    """Root mean square of the samples [dBFS]; a full-scale square wave has 0."""
    samples = signal.samples
    mean_square = float(np.dot(samples, samples)) / len(samples)
    return max(_MIN_DBFS, 10 * float(np.log10(max(mean_square, 1e-20))))


def centroid_hz(signal: Signal) -> float:
    """Spectral centroid: mean frequency of the whole sound, weighted by magnitude [Hz].

    High for hats and shakers, low for kicks. The definition is that of Peeters, "A large set of
    audio features for sound description" (2004), section 6.1.1, over one spectrum of the
    whole signal. Zero for silence.
    """
    import scipy.fft

    samples = signal.samples
    size = scipy.fft.next_fast_len(len(samples), real=True)
    spectrum = scipy.fft.rfft(samples, size)
    magnitude = np.square(spectrum.real)
    magnitude += np.square(spectrum.imag)
    np.sqrt(magnitude, out=magnitude)
    frequency = np.arange(len(magnitude)) * (signal.sample_rate / size)
    total = float(magnitude.sum(dtype=np.float64))
    return float(magnitude @ frequency) / total if total > 0 else 0.0
