"""What is known of a sound: measured, and heard by the network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from libindex.audio import FloatArray


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a content besides its class.

    Attributes
    ----------
    size_bytes : int
        Size of the file [bytes].
    container, encoding : str
        As libsndfile names them.
    sample_rate : int
        The file's own [Hz].
    channels : int
        Number of channels.
    duration_s : float or None
        Length [s].
    peak : float
        Largest absolute value; full scale is 1.
    loudness_dbfs : float
        Root mean square [dBFS].
    centroid_hz : float
        Spectral centroid [Hz].
    warning : str or None
        What is wrong with a file that could be used all the same, such as "truncated".
    """

    size_bytes: int
    container: str
    encoding: str
    sample_rate: int
    channels: int
    duration_s: float | None
    peak: float
    loudness_dbfs: float
    centroid_hz: float
    warning: str | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that is known of one file after the network has heard it.

    Attributes
    ----------
    path : str
        The file.
    digest : bytes
        Identity of its bytes.
    facts : Facts
        Format, duration, levels, brightness.
    probabilities : ndarray of float32, shape (classes,)
        In the order of the network's classes.
    latent : ndarray of float32, shape (256,)
        The LSTM's final states.
    percussion : float or None
        Probability that it is percussion at all; None where the network can't tell.
    """

    path: str
    digest: bytes
    facts: Facts
    probabilities: "FloatArray"
    latent: "FloatArray"
    percussion: float | None = None
