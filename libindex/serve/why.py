"""How two sounds differ, in words."""

from libindex.sound.facts import FACETS, Fact, Facts

_RATIO = 1.25  # from which on one hears that something is longer or brighter
_DIFFERENCE = 2.0  # of a facet that does not go by ratios, in its unit
_COMPARATIVES = {
    "short": "shorter",
    "long": "longer",
    "dark": "darker",
    "bright": "brighter",
    "quiet": "quieter",
    "loud": "louder",
}


def why(example: Facts, other: Facts) -> str:
    """What one hears at once, such as "0.1 s shorter, darker"; nothing if they are much alike."""
    said = (_said(facet, example, other) for facet in FACETS)
    return ", ".join(words for words in said if words)


def _said(facet: Fact, example: Facts, other: Facts) -> str:
    one, two = getattr(example, facet.key), getattr(other, facet.key)
    if one is None or two is None:
        return ""
    low, high = min(one, two), max(one, two)
    is_heard = high > low * _RATIO if facet.is_ratio else high - low > _DIFFERENCE
    if not is_heard:
        return ""
    word = facet.high if two > one else facet.low
    comparative = _COMPARATIVES.get(word, f"more {word}")
    if facet.unit == "s":
        return f"{high - low:{facet.shown}} {facet.unit} {comparative}"
    return comparative
