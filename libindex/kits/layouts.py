"""Layouts: which class belongs on which key. The original's three, General MIDI, and custom ones.

The original's layouts are as `24` and its siblings below; General MIDI's percussion keys are those
of the MIDI Association's General MIDI System Level 1, as far as a class of libindex fits them.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from libindex.errors import UsageError
from libindex.instruments import CODES, resolve
from libindex.kits.files import content
from libindex.kits.kit import KitError

_OCTAVE = 12
DEFAULT = "gm"
"""The name of the layout that is used where none is named."""
_MAX_BYTES = 2**20
_HATS = ("hhc", "ped", "hho")
HAT_GROUP = 1
"""The choke group of hi-hats, in layouts that name no groups of their own."""


@dataclass(frozen=True, slots=True)
class Pad:
    """A key and what belongs there.

    Attributes
    ----------
    key : int
        MIDI note, 0 to 127.
    classes : tuple of str
        Class codes, the preferred first.
    pitch : int or None
        Among pads of the same classes: a higher number wants a higher sound. None where it
        does not matter.
    choke_group : int
        Pads of one group cut each other off; 0 means no group.
    priority : int
        Of equal pads the one with the highest priority is filled first and gets the best sound;
        of equal priorities, the lowest key.
    """

    key: int
    classes: tuple[str, ...]
    pitch: int | None = None
    choke_group: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """Pads in order of key, and what the layout is called.

    Examples
    --------
    >>> from libindex.kits import LAYOUTS
    >>> len(LAYOUTS["24"].pads), LAYOUTS["24"].classes[:3]
    (24, ('kick', 'snr', 'stick'))
    """

    name: str
    pads: tuple[Pad, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class that some pad takes, in the order of pads."""
        return tuple(dict.fromkeys(code for pad in self.pads for code in pad.classes))

    def without_chokes(self) -> "Layout":
        """The same without choke groups."""
        return replace(self, pads=tuple(replace(pad, choke_group=0) for pad in self.pads))

    def octave_shifts(self) -> tuple[int, int]:
        """Semitones to the repetitions below and above: whole octaves, as many as it spans."""
        span = self.pads[-1].key - self.pads[0].key + 1
        shift = -(-span // _OCTAVE) * _OCTAVE
        return -shift, shift


def _layout(name: str, pads: str) -> Layout:
    """A layout from words like "41:tomf,tom+1" or "36:kick*": key, classes, pitch, priority.

    The pitch follows a plus; each star is one more of priority.
    """
    made = []
    for word in pads.split():
        key, _, wanted = word.rstrip("*").partition(":")
        codes, _, pitch = wanted.partition("+")
        classes = tuple(codes.split(","))
        made.append(
            Pad(
                int(key),
                classes,
                pitch=int(pitch) if pitch else None,
                choke_group=_hat_group(classes),
                priority=word.count("*"),
            )
        )
    return Layout(name, tuple(sorted(made, key=lambda pad: pad.key)))


def _hat_group(classes: Sequence[str]) -> int:
    return HAT_GROUP if classes[0] in _HATS else 0


_LOW_OCTAVE = (
    "24:kick 25:kick 26:snr 27:stick 28:clp 29:tom+1 30:tom+2 31:shk 32:ped 33:hhc 34:cym 35:hho "
)
_MIDDLE_OCTAVE = (
    "36:kick* 37:kick* 38:snr* 39:stick* 40:clp* 41:tom+3* 42:tom+4* 43:shk* 44:ped* 45:hhc* "
    "46:cym* 47:hho* "
)
_HIGH_OCTAVE = (
    "48:taik 49:bass 50:snr 51:rim 52:cah 53:tomf 54:tab 55:whis 56:met 57:wood 58:rid 59:tri "
)
_GENERAL_MIDI = (
    "35:kick 36:kick* 37:rim,stick 38:snr* 39:clp 40:snr 41:tomf,tom+1 42:hhc 43:tomf,tom+2 44:ped "
    "45:tom+3 46:hho 47:tom+4 48:tom+5 49:cym** 50:tom+6 51:rid 52:cym 53:rid 54:shk 55:cym 56:cow "
    "57:cym* 58:gui,fx 59:rid 60:cong+5 61:cong+4 62:cong+3 63:cong+2 64:cong+1 65:met,tom+2 "
    "66:met,tom+1 67:cow+2 68:cow+1 69:shk 70:shk 71:whis 72:whis 73:gui* 74:gui* 75:clav "
    "76:wood+2 77:wood+1 78:cui+2 79:cui+1 80:tri 81:tri"
)

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        _layout("8", _MIDDLE_OCTAVE),
        _layout("24", _MIDDLE_OCTAVE + _HIGH_OCTAVE),
        _layout("36", _LOW_OCTAVE + _MIDDLE_OCTAVE + _HIGH_OCTAVE),
        _layout("gm", _GENERAL_MIDI),
    )
}
"""By name. "8" is the original's name for an octave of twelve keys with ten classes."""


def find_layout(text: str, codes: Iterable[str] = CODES) -> Layout:
    """A layout by its name, or from a TOML file.

    Parameters
    ----------
    text : str
        A key of `LAYOUTS`, or a path that ends in ``.toml``.
    codes : iterable of str
        The classes of the network in use.

    Raises
    ------
    UsageError
        If it is neither.
    KitError
        If the file can't be read or makes no sense.

    Examples
    --------
    >>> from libindex.kits import find_layout
    >>> find_layout("gm").pads[1]
    Pad(key=36, classes=('kick',), pitch=None, choke_group=0, priority=1)
    """
    if text in LAYOUTS:
        return LAYOUTS[text]
    if not text.lower().endswith(".toml"):
        names = ", ".join(LAYOUTS)
        raise UsageError(f"no layout {text!r}; choose {names}, or name a .toml file")
    return read_layout(Path(text).expanduser(), codes)


def read_layout(path: Path, codes: Iterable[str] = CODES) -> Layout:
    """Read a layout from a TOML file.

    The file has a table ``pads``: MIDI keys with a class, a list of classes in order of
    preference, or a table of ``classes``, ``pitch``, ``choke`` and ``priority``. Classes are codes,
    names or common words. ``name`` is optional.

    Parameters
    ----------
    path : Path
        The file.
    codes : iterable of str
        The classes of the network in use.

    Raises
    ------
    KitError
        If it can't be read or makes no sense.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from libindex.kits import read_layout
    >>> path = Path(mkdtemp(), "mine.toml")
    >>> _ = path.write_text('pads = { 36 = "kick", 38 = "snare" }')
    >>> [pad.classes for pad in read_layout(path).pads]
    [('kick',), ('snr',)]
    """
    data = content(path, _MAX_BYTES)
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also of text that is not UTF-8
        raise KitError(f"is not TOML ({error})", path) from None
    pads = document.get("pads")
    unknown = sorted(set(document) - {"name", "pads"})
    if not isinstance(pads, dict) or not pads or unknown:
        what = f"has an unknown entry {unknown[0]!r}" if unknown else "has no pads"
        raise KitError(f'{what}; it needs [pads] with lines like 36 = "kick"', path)
    available = tuple(codes)
    made = [_pad(path, key, value, available) for key, value in pads.items()]
    name = str(document.get("name", path.stem))
    return Layout(name, tuple(sorted(made, key=lambda pad: pad.key)))


def _pad(path: Path, key: str, value: Any, codes: tuple[str, ...]) -> Pad:
    if not re.fullmatch("[0-9]{1,3}", key) or int(key) > 127 or str(int(key)) != key:
        raise KitError(f"has a pad {key!r}; keys are MIDI notes from 0 to 127", path)
    entry = value if isinstance(value, dict) else {"classes": value}
    unknown = sorted(set(entry) - {"classes", "pitch", "choke", "priority"})
    if unknown:
        raise KitError(f"pad {key} has an unknown entry {unknown[0]!r}", path)
    classes = _classes(path, key, entry.get("classes"), codes)
    pitch, choke = entry.get("pitch"), entry.get("choke", _hat_group(classes))
    priority = entry.get("priority", 0)
    for name, number, high in (
        ("pitch", pitch, 127),
        ("choke", choke, 128),
        ("priority", priority, 127),
    ):
        if number is not None and (type(number) is not int or not 0 <= number <= high):
            raise KitError(f"pad {key}: {name} must be a whole number from 0 to {high}", path)
    return Pad(int(key), classes, pitch, choke, priority)


def _classes(path: Path, key: str, value: Any, codes: tuple[str, ...]) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        raise KitError(f"pad {key} needs a class, or a list of classes", path)
    try:
        found = [code for word in words for code in resolve(word, codes)]
    except UsageError as error:
        raise KitError(f"pad {key}: {error.reason}", path) from None
    return tuple(dict.fromkeys(found))
