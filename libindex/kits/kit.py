"""`Kit`: which sample plays at which key, and how. Every format writes and reads it."""

import math
from dataclasses import dataclass

from libindex.errors import LibindexError

MANIFEST = "kit.json"


class KitError(LibindexError):
    """A kit, layout or preset can't be read or written."""


class EmptyKitError(KitError):
    """No sound fits any pad."""


@dataclass(frozen=True, slots=True)
class PadSettings:
    """How a pad plays its sample; the defaults play it as it is.

    Attributes
    ----------
    gain_db : float
        Added to its level [dB].
    pan : float
        From -1 (left) to 1 (right).
    width : float
        Of the stereo image: from -1 (mono) to 1 (wide).
    tune_semitones : float
        Added to its pitch [semitones].
    cutoff : float
        Of a low-pass filter: from 0 (20 Hz) to 1 (20 kHz, all open), evenly in octaves.
    resonance : float
        Of that filter: from 0 to 1 (40 dB).
    lfo_rate_hz, lfo_depth : float
        A tremolo: how fast [Hz], and how much of the level it takes, from 0 to 1.
    """

    gain_db: float = 0.0
    pan: float = 0.0
    width: float = 0.0
    tune_semitones: float = 0.0
    cutoff: float = 1.0
    resonance: float = 0.0
    lfo_rate_hz: float = 0.0
    lfo_depth: float = 0.0

    @property
    def cutoff_hz(self) -> float:
        """Of the low-pass filter [Hz]."""
        return float(20.0 * 1000.0**self.cutoff)

    @staticmethod
    def cutoff_of(frequency_hz: float) -> float:
        """The `cutoff` whose `cutoff_hz` is nearest to a frequency above 0 [Hz]."""
        return min(1.0, max(0.0, math.log(frequency_hz / 20.0, 1000.0)))


@dataclass(frozen=True, slots=True)
class Voice:
    """What plays when a key is struck.

    Attributes
    ----------
    key : int
        MIDI note, 0 to 127; middle C is 60.
    sample : str
        The file that is played: absolute.
    class_code : str or None
        What the pad is for; None where a preset does not say.
    probability : float or None
        That the sample is of that class; None where it is not known.
    source : str or None
        The file in the user's library that `sample` is a copy of; None where it is not known.
    duration_s : float or None
        Length of the sample [s]; None where it is not known.
    choke_group : int
        Voices of one group cut each other off; 0 means no group.
    settings : PadSettings
        How the sample is played.
    """

    key: int
    sample: str
    class_code: str | None = None
    probability: float | None = None
    source: str | None = None
    duration_s: float | None = None
    choke_group: int = 0
    settings: PadSettings = PadSettings()


@dataclass(frozen=True, slots=True)
class Kit:
    """A drum kit.

    Attributes
    ----------
    name : str
        For people.
    voices : tuple of Voice
        In order of key, one for each key.

    Examples
    --------
    >>> from libindex.kits import Kit, PadSettings, Voice
    >>> soft = PadSettings(gain_db=-6.0)
    >>> kit = Kit("Mine", (Voice(36, "/Samples/boom.wav", "kick", settings=soft),))
    >>> kit.voices[0].settings.gain_db
    -6.0
    """

    name: str
    voices: tuple[Voice, ...]
