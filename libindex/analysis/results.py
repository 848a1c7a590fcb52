"""What comes out of an analysis: the facts of a sound, and the outputs of the network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from libindex.sound.facts import Facts

if TYPE_CHECKING:
    from libindex.sound.decoding import FloatArray


@dataclass(frozen=True, slots=True)
class Analysis:
    """The analysis of one file.

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
        Probability that it is percussion at all; None where the network has no score for it.
    outline : bytes or None
        What is drawn of it; None where it has to be decoded again for that.
    """

    path: str
    digest: bytes
    facts: Facts
    probabilities: "FloatArray"
    latent: "FloatArray"
    percussion: float | None = None
    outline: bytes | None = None
