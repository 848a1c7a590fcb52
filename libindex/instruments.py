"""The 30 instrument classes: their codes, names and the words that musicians use for them."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from libindex.errors import UsageError


@dataclass(frozen=True, slots=True)
class Instrument:
    """One class: its code, its name, and other words for it."""

    code: str
    name: str
    synonyms: tuple[str, ...] = ()


def _instrument(code: str, name: str, synonyms: str = "") -> Instrument:
    return Instrument(code, name, tuple(s.strip() for s in synonyms.split(",") if s.strip()))


# In the order of the original network's outputs.
INSTRUMENTS: tuple[Instrument, ...] = (
    _instrument("whis", "whistle", "samba whistle"),
    _instrument("met", "metal", "metallic, metal hit, anvil, metal percussion"),
    _instrument("cow", "cowbell", "cb, agogo"),
    _instrument("taik", "taiko", "daiko"),
    _instrument("clav", "claves", "clave"),
    _instrument("hhc", "closed hi-hat", "ch, chh, hh, closed hat, hat closed, hihat closed"),
    _instrument("cah", "industrial snare/clap", "industrial, distorted snare, distorted clap"),
    _instrument("tim", "timpani", "kettle drum, timp"),
    _instrument("tab", "tabla"),
    _instrument("kick", "kick drum", "bd, bass drum, kik, kck, k"),
    _instrument("rid", "ride cymbal", "ride, rd, rc"),
    _instrument("bass", "bass note", "sub, 808 bass, bass hit"),
    _instrument("thd", "thud", "boom, explosion, impact, deep hit"),
    _instrument("hho", "open hi-hat", "oh, ohh, open hat, hat open, hihat open"),
    _instrument("rim", "rim shot", "rs, rimshot, side stick, sidestick, cross stick"),
    _instrument("shk", "shaker", "maracas, maraca, cabasa, tambourine, egg, sh"),
    _instrument("stick", "sticks", "drum stick, snare sticks, stick click"),
    _instrument("tom", "tom", "tomtom, high tom, mid tom, low tom, rack tom, ht, mt, lt"),
    _instrument("clp", "clap", "hand clap, handclap, cp, claps"),
    _instrument("wood", "woodblock", "wood block, temple block, wb"),
    _instrument("cong", "conga", "congo, bongo, djembe"),
    _instrument("snr", "snare drum", "sd, snare, sn, snares"),
    _instrument("tri", "triangle", "trg"),
    _instrument("vib", "vibraphone", "vibes, vibe, marimba, xylophone"),
    _instrument("cym", "crash cymbal", "cymbal, crash, cy, cr, splash, china"),
    _instrument("gui", "guiro", "guira"),
    _instrument("fx", "effect", "effects, sfx, noise, sound effect"),
    _instrument("tomf", "floor tom", "tom floor, ft"),
    _instrument("ped", "hi-hat pedal", "pedal hat, pedal hi hat, hihat pedal, ph, foot hat"),
    _instrument("cui", "cuica"),
)

CODES: tuple[str, ...] = tuple(i.code for i in INSTRUMENTS)


@dataclass(frozen=True, slots=True)
class Family:
    """Classes that belong together: they share a colour on the map."""

    key: str
    name: str
    codes: tuple[str, ...]


FAMILIES: tuple[Family, ...] = (
    Family("low", "kicks, bass", ("kick", "bass", "thd")),
    Family("toms", "toms", ("tom", "tomf", "taik", "tim")),
    Family("snares", "snares, claps", ("snr", "cah", "clp", "rim", "stick")),
    Family("hats", "hi-hats", ("hhc", "hho", "ped")),
    Family("cymbals", "cymbals", ("cym", "rid")),
    Family("hand", "hand drums", ("cong", "tab", "cui")),
    Family("shaken", "shaken, wood", ("shk", "gui", "clav", "wood")),
    Family("tuned", "metal, effects", ("cow", "met", "tri", "vib", "whis", "fx")),
)
"""All families; a class of a user's own network that is in none counts to the last."""


def family_of(code: str) -> int:
    """The number of a class's family."""
    return next((n for n, f in enumerate(FAMILIES) if code in f.codes), len(FAMILIES) - 1)


# Words for more than one class: "a hat" is any of three.
_GROUPS: dict[str, tuple[str, ...]] = {
    "hat": ("hhc", "hho", "ped"),
    "hi-hat": ("hhc", "hho", "ped"),
    "toms": ("tom", "tomf"),
    "cymbals": ("cym", "rid"),
}

_ABBREVIATION = 3  # letters: "kik" is understood, but is no advice

_BY_CODE = {i.code: i for i in INSTRUMENTS}


def name_of(code: str) -> str:
    """The name of a class for people; of a user's own class, its code."""
    return _BY_CODE[code].name if code in _BY_CODE else code


def resolve(text: str, codes: Iterable[str] = CODES) -> tuple[str, ...]:
    """The classes that somebody means by a word.

    Parameters
    ----------
    text : str
        A code ("snr"), a name ("snare drum"), a synonym ("sd", "open hat") or a word for
        several classes ("hats"); case, hyphens, underscores and a plural s don't matter.
    codes : iterable of str
        The classes of the network in use.

    Returns
    -------
    tuple of str
        Codes out of `codes`, at least one.

    Raises
    ------
    UsageError
        If it means none of them; the message lists the nearest words.
    """
    available = tuple(codes)
    if text in available:
        return (text,)
    words = _vocabulary(available)
    wanted = _normalised(text)
    found = words.get(wanted) or words.get(wanted.removesuffix("s"))
    if found:
        return found
    near = _near(wanted, words)
    hints = list(dict.fromkeys(f"{c} ({name_of(c)})" for w in near for c in words[w]))
    hint = f"did you mean {', '.join(hints[:4])}?" if hints else "choose one."
    raise UsageError(f"no class {text!r}: {hint} All classes: {', '.join(sorted(available))}")


def nearest(text: str, codes: Iterable[str] = CODES) -> str | None:
    """The word for a class that is spelt most like `text`; None if none is like it."""
    available = tuple(codes)
    spelt = [*_GROUPS, *(word for code in available for word in (code, name_of(code)))]
    spelt += [word for code in available if code in _BY_CODE for word in _BY_CODE[code].synonyms]
    words = {_normalised(word): word for word in reversed(spelt) if len(word) > _ABBREVIATION}
    near = _near(_normalised(text), words)
    return words[near[0]] if near else None


def _near(wanted: str, words: Iterable[str]) -> list[str]:
    """Words that begin so, then those that are spelt alike."""
    words = list(words)
    begins = [word for word in words if len(wanted) > 1 and word.startswith(wanted)]
    return begins + difflib.get_close_matches(wanted, words, n=4, cutoff=0.6)


def _vocabulary(codes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    words: dict[str, tuple[str, ...]] = {}
    for word, members in _GROUPS.items():
        present = tuple(c for c in members if c in codes)
        if present:
            words[_normalised(word)] = present
    for code in codes:
        instrument = _BY_CODE.get(code, Instrument(code, code))
        for word in (*instrument.synonyms, instrument.name, code):
            words[_normalised(word)] = (code,)
    return words


def _normalised(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
