"""`Recipe`: how a kit is made from its material."""

from dataclasses import dataclass
from typing import Literal, get_args

from libindex.errors import UsageError
from libindex.kits.layouts import DEFAULT, LAYOUTS, Layout, Pad

Assignment = Literal["best", "class", "sample"]
ASSIGNMENTS: tuple[Assignment, ...] = get_args(Assignment)

MIN_PROBABILITY = 0.5
"""A sample with a lower probability is not used, unless pads are filled by force."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a kit is made.

    Attributes
    ----------
    layout : Layout
        Which classes belong at which keys.
    assignment : {"best", "class", "sample"}
        See `assignment.assign`.
    min_probability : float
        "best" leaves a pad empty rather than fill it with less than this probability.
    force : bool
        Whether "best" fills pads whatever the probability, and uses loops too.
    shuffle : bool
        Whether "best" chooses at random among sounds that fit about equally well.
    repeat_octaves : bool
        Whether the layout is repeated in the octaves below and above, where MIDI has keys.
    choke : bool
        Whether the layout's choke groups are used.
    match_levels : bool
        Whether pads are brought to the same loudness.
    variation : float
        How much pads are varied at random, from 0 to 1; see `shaping.vary`.
    seed : int
        Of all random choices.

    Examples
    --------
    >>> from libindex.kits import LAYOUTS, Recipe
    >>> Recipe(LAYOUTS["24"], match_levels=True).min_probability
    0.5
    """

    layout: Layout = LAYOUTS[DEFAULT]
    assignment: Assignment = "best"
    min_probability: float = MIN_PROBABILITY
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
        for name, value in (("probability", self.min_probability), ("variation", self.variation)):
            if not 0 <= value <= 1:
                raise UsageError(f"a {name} must be between 0 and 1, not {value:g}")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must not be negative")

    @property
    def is_original(self) -> bool:
        """Whether samples are assigned as the original program did, whatever they are."""
        return self.assignment != "best"

    @property
    def accepts_all(self) -> bool:
        """Whether a pad can get a sample that hardly fits it."""
        return self.force or self.is_original

    @property
    def draw(self) -> int | None:
        """The seed if samples are chosen at random, else None."""
        return self.seed if self.shuffle and not self.is_original else None

    @property
    def pads(self) -> tuple[Pad, ...]:
        """The layout's, with their choke groups if those are used."""
        return self.layout.pads if self.choke else self.layout.without_chokes().pads
