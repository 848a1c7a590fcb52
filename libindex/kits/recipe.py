"""`Recipe`: how a kit is made of its material."""

from dataclasses import dataclass
from typing import Literal, get_args

from libindex.errors import UsageError
from libindex.kits.layouts import LAYOUTS, Layout, Pad

Assignment = Literal["best", "class", "sample"]
ASSIGNMENTS: tuple[Assignment, ...] = get_args(Assignment)

LEAST = 0.5
"""A sample below this probability goes on no pad, unless it is forced there."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a kit is made.

    Attributes
    ----------
    layout : Layout
        Which classes belong at which keys.
    assignment : {"best", "class", "sample"}
        See `assignment.assign`.
    least : float
        "best" leaves a pad empty rather than filled with less than this probability.
    force : bool
        Whether "best" fills pads whatever the probability, and takes loops too.
    shuffle : bool
        Whether "best" chooses by chance among sounds that fit about equally well.
    repeat_octaves : bool
        Whether the layout is repeated in the octaves below and above, where MIDI has keys.
    choke : bool
        Whether the layout's choke groups are used.
    match_levels : bool
        Whether pads are brought to the same loudness.
    variation : float
        How much pads are varied by chance, from 0 to 1; see `shaping.varied`.
    seed : int
        Decides all that is left to chance.
    """

    layout: Layout = LAYOUTS["24"]
    assignment: Assignment = "best"
    least: float = LEAST
    force: bool = False
    shuffle: bool = False
    repeat_octaves: bool = False
    choke: bool = True
    match_levels: bool = False
    variation: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.assignment not in ASSIGNMENTS:
            choices = ", ".join(ASSIGNMENTS)
            raise UsageError(f"no assignment {self.assignment!r}; choose from {choices}")
        for name, value in (("probability", self.least), ("variation", self.variation)):
            if not 0 <= value <= 1:
                raise UsageError(f"a {name} lies between 0 and 1, not at {value:g}")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must not be negative")

    @property
    def is_original(self) -> bool:
        """Whether samples are assigned as the original program did, whatever they are."""
        return self.assignment != "best"

    @property
    def takes_all(self) -> bool:
        """Whether a sample can come to a pad that hardly fits there."""
        return self.force or self.is_original

    @property
    def draw(self) -> int | None:
        """The seed by which samples are chosen by chance; None where they are not."""
        return self.seed if self.shuffle and not self.is_original else None

    @property
    def pads(self) -> tuple[Pad, ...]:
        """The layout's, with their choke groups if those are used."""
        return self.layout.pads if self.choke else self.layout.without_chokes().pads
