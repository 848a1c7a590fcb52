"""From sounds to a kit: choose, hear, shape."""

from dataclasses import dataclass, replace

from libindex.errors import UsageError
from libindex.kits.assignment import ASSIGNMENTS, Assignment, Choice, Chosen, assign
from libindex.kits.kit import Kit, KitError, Shape, Voice
from libindex.kits.layouts import LAYOUTS, Layout, Pad
from libindex.kits.listening import MOST_S, Playing, listen
from libindex.kits.material import Material
from libindex.kits.shaping import matched_gains, varied
from libindex.queries.sounds import Sound

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
    repeat_octaves : bool
        Whether the layout is repeated in the octaves below and above, where MIDI has keys.
    choke : bool
        Whether the layout's choke groups are used.
    match_levels : bool
        Whether pads are brought to the same loudness.
    variation : float
        How much pads are varied by chance, from 0 to 1; see `shaping.varied`.
    seed : int or None
        Decides all that is left to chance; None leaves the choice of samples to none.
    """

    layout: Layout = LAYOUTS["24"]
    assignment: Assignment = "best"
    least: float = LEAST
    force: bool = False
    repeat_octaves: bool = False
    choke: bool = True
    match_levels: bool = False
    variation: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.assignment not in ASSIGNMENTS:
            choices = ", ".join(ASSIGNMENTS)
            raise UsageError(f"no assignment {self.assignment!r}; choose from {choices}")
        for name, value in (("probability", self.least), ("variation", self.variation)):
            if not 0 <= value <= 1:
                raise UsageError(f"a {name} lies between 0 and 1, not at {value:g}")
        if self.seed is not None and self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must not be negative")

    @property
    def is_original(self) -> bool:
        """Whether samples are assigned as the original program did, whatever they are."""
        return self.assignment != "best"

    @property
    def needed(self) -> float:
        """The least probability with which a sample can come to a pad."""
        return 0.0 if self.force or self.is_original else self.least


def build(name: str, material: Material, recipe: Recipe) -> Kit:
    """Make a kit.

    Parameters
    ----------
    name : str
        The kit's.
    material : Material
        What it can be made of.
    recipe : Recipe
        How.

    Returns
    -------
    Kit
        Its voices play the files of the library, as they lie there.

    Raises
    ------
    KitError
        If no sound fits any pad.
    """
    pads = recipe.layout.pads if recipe.choke else recipe.layout.without_chokes().pads
    chosen, heard = _chosen(pads, material, recipe)
    if not chosen:
        raise KitError(_why_empty(material, recipe))
    playing = {key: heard[choice.sound.path] for key, choice in chosen.items()}
    gains = matched_gains(playing) if recipe.match_levels else {}
    voices = [
        _voice(pad, chosen[pad.key], playing[pad.key], gains.get(pad.key, 0.0), recipe)
        for pad in pads
        if pad.key in chosen
    ]
    if recipe.repeat_octaves:
        shifts = (0, *recipe.layout.octave_shifts())
        voices = [replace(v, key=v.key + s) for s in shifts for v in voices if 0 <= v.key + s < 128]
    return Kit(name, tuple(sorted(voices, key=lambda voice: voice.key)))


def _chosen(
    pads: tuple[Pad, ...], material: Material, recipe: Recipe
) -> tuple[Chosen, dict[str, Playing]]:
    """Choices that can be played, and what was heard of them.

    Only what was chosen is heard, and where that is of no use, chosen anew without it.
    """
    heard: dict[str, Playing | None] = {}
    takes_all = recipe.force or recipe.is_original
    material = material.distinct()
    if not takes_all:
        material = material.without(_is_long)
    while True:
        chosen = assign(
            recipe.assignment,
            pads,
            material.sounds,
            material.classes,
            recipe.needed,
            recipe.seed,
            material.worth,
        )
        for choice in chosen.values():
            if choice.sound.path not in heard:
                heard[choice.sound.path] = listen(choice.sound.path)
        useless = {path for path, one in heard.items() if one is None}
        if not takes_all:
            useless |= {path for path, one in heard.items() if one and one.is_loop}
        if not any(choice.sound.path in useless for choice in chosen.values()):
            return chosen, {path: one for path, one in heard.items() if one}
        material = material.without(lambda sound, useless=useless: sound.path in useless)  # type: ignore[misc]


def _is_long(sound: Sound) -> bool:
    return sound.duration_s is None or sound.duration_s > MOST_S


def _why_empty(material: Material, recipe: Recipe) -> str:
    if material.errors and not material.sounds:
        return (
            f"none of its {len(material.errors)} sounds can be used, such as {material.errors[0]}"
        )
    if not material.sounds:
        return "there is no sound to choose from"
    if recipe.is_original:
        return f"none of {len(material.sounds):,} sounds is of a class of the layout"
    return (
        f"none of {len(material.sounds):,} sounds fits a pad with a probability of at least "
        f"{recipe.least:g}; lower --min-prob, or use --force"
    )


def _voice(pad: Pad, choice: Choice, playing: Playing, gain_db: float, recipe: Recipe) -> Voice:
    shape = varied(Shape(gain_db=gain_db), pad.key, pad.classes, recipe.variation, recipe.seed or 0)
    return Voice(
        key=pad.key,
        sample=choice.sound.path,
        class_code=choice.class_code,
        probability=choice.probability,
        source=choice.sound.path,
        duration_s=playing.duration_s,
        choke_group=pad.choke_group,
        shape=shape,
    )
