"""What is known of a sound besides its class: read from the file, and measured.

A fact is declared here, once. Its column in the database and in the views, its filter, its options
and sort key, its columns in tables and exports, its line in ``libindex info`` and its rows in the
documentation come from the declaration. `docs/architecture.md` has the steps to add one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import ParamSpec

_P = ParamSpec("_P")

_DECLARATION = "declaration"  # the key in the metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """The declaration of one fact.

    Attributes
    ----------
    kind : type
        float, int or str.
    about : str
        What it is, for ``--help`` and the documentation.
    label : str
        What a column of a table and a line of ``libindex info`` are called.
    unit : str
        As it is written after a number.
    max_length : int or None
        Of text, as its column declares it.
    digits : int or None
        Decimals in records; None writes all of them.
    shown : str
        Format specification for people.
    word : str
        Name of its options (``--min-WORD``) and of its sort key. A fact that has one can be
        filtered and sorted by: it is a facet.
    low, high : str
        Adjectives for both ends of a facet, such as "short" and "long": the help of ``--sort``.
    span : tuple of float
        Where a slider of a facet begins and ends.
    is_ratio : bool
        Whether a slider of a facet goes by ratios, as an octave does, and not by differences.
    key : str
        Name of the field of `Facts`, of the column, and of the key in JSON; it ends with the unit.
        It is not declared: the field has it.
    """

    kind: type[float | int | str]
    about: str
    label: str
    unit: str = ""
    max_length: int | None = None
    digits: int | None = None
    shown: str = ""
    word: str = ""
    low: str = ""
    high: str = ""
    span: tuple[float, float] = (0.0, 1.0)
    is_ratio: bool = False
    key: str = ""


def _as_metadata(make: Callable[_P, Fact]) -> Callable[_P, dict[str, Fact]]:
    def declared(*args: _P.args, **kwargs: _P.kwargs) -> dict[str, Fact]:
        return {_DECLARATION: make(*args, **kwargs)}

    return declared


declared = _as_metadata(Fact)
"""A `Fact` as the metadata of the field that it is about."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a content besides its class, in the order in which it is shown.

    Attributes
    ----------
    size_bytes : int
        Size of the file [bytes].
    warning : str or None
        What is wrong with a file that could be used all the same, such as "truncated".
    """

    size_bytes: int
    duration_s: float | None = field(
        metadata=declared(
            kind=float,
            about="length in seconds",
            label="length",
            unit="s",
            shown=".2f",
            word="duration",
            low="short",
            high="long",
            span=(0.01, 100.0),
            is_ratio=True,
        )
    )
    centroid_hz: float = field(
        metadata=declared(
            kind=float,
            about="spectral centroid (brightness) in Hz",
            label="centroid",
            unit="Hz",
            digits=1,
            shown=",.0f",
            word="centroid",
            low="dark",
            high="bright",
            span=(20.0, 20_000.0),
            is_ratio=True,
        )
    )
    loudness_dbfs: float = field(
        metadata=declared(
            kind=float,
            about="loudness (RMS) in dBFS",
            label="loudness",
            unit="dBFS",
            digits=2,
            shown=".1f",
            word="loudness",
            low="quiet",
            high="loud",
            span=(-80.0, 0.0),
        )
    )
    peak: float = field(
        metadata=declared(
            kind=float,
            about="largest absolute sample value; full scale is 1",
            label="peak",
            digits=6,
            shown=".3f",
        )
    )
    sample_rate: int = field(
        metadata=declared(
            kind=int,
            about="sample rate of the file in Hz",
            label="sample rate",
            unit="Hz",
        )
    )
    channels: int = field(metadata=declared(kind=int, about="number of channels", label="channels"))
    container: str = field(
        metadata=declared(
            kind=str,
            about="file format, such as `WAV`",
            label="container",
            max_length=16,
        )
    )
    encoding: str = field(
        metadata=declared(
            kind=str,
            about="sample format, such as `PCM_24`",
            label="encoding",
            max_length=32,
        )
    )
    warning: str | None


FACTS: tuple[Fact, ...] = tuple(
    replace(one.metadata[_DECLARATION], key=one.name)
    for one in fields(Facts)
    if _DECLARATION in one.metadata
)
"""All declarations."""

FACETS: tuple[Fact, ...] = tuple(fact for fact in FACTS if fact.word)
"""Those that can be filtered and sorted by."""
