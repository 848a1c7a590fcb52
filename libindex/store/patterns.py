"""Name patterns, as an SQL function: ``path_matches(pattern, path)``."""

import fnmatch
import re
from functools import lru_cache

_SET = re.compile(r"\[[!^]?\]?[^]]*\]")
_WILDCARD = re.compile(rf"[*?]|{_SET.pattern}")
_PIECES = re.compile(rf"{_SET.pattern}|\*+|.", re.DOTALL)


def path_matches(pattern: str, path: bytes) -> bool:
    """Whether a path below its root matches a pattern.

    A pattern with wildcards (``*``, ``?``, ``[a-z]``) matches whole names of files or folders:
    as many consecutive ones as it has itself. Text without wildcards may stand anywhere in the
    path. Case does not matter.
    """
    text = path.decode("utf-8", "replace").lower()
    needle, regex = _compiled(pattern)
    return needle in text and (regex is None or regex.search(text) is not None)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> tuple[str, re.Pattern[str] | None]:
    """Text that a match has to contain, and an expression for the rest of a pattern."""
    lower = pattern.lower()
    if not _WILDCARD.search(lower):
        return lower, None
    parts = lower.strip("/").split("/")
    needle = max(re.split(r"[*?[\]/]", _SET.sub("*", lower)), key=len)
    expression = "/".join(_expression(part) for part in parts)
    return needle, re.compile(f"(?:^|/){expression}(?:/|\\Z)", re.DOTALL)


def _expression(part: str) -> str:
    """A name in a pattern; no star is tried again once what follows it was found."""
    fixed = [""]
    for piece in _PIECES.findall(part):
        if piece[0] == "*":
            fixed.append("")
        elif piece == "?":
            fixed[-1] += "[^/]"
        elif len(piece) > 1:
            fixed[-1] += "(?!/)" + fnmatch.translate(piece.replace("[^", "[!", 1))[4:-3]
        else:
            fixed[-1] += re.escape(piece)
    first, *others = fixed
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{text})" for text in middle) + f"[^/]*{last}"
