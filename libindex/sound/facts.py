"""What is known of a sound besides its class: read from the file, and measured."""

from dataclasses import dataclass


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
