"""From sounds to a kit: choose, hear, shape."""

from collections import Counter
from dataclasses import replace

from libindex.kits.assignment import Choice, Chosen, assign
from libindex.kits.kit import Kit, KitError, Shape, Voice
from libindex.kits.layouts import Pad
from libindex.kits.listening import MOST_S, Playing, listen
from libindex.kits.material import Material
from libindex.kits.recipe import Recipe
from libindex.kits.shaping import matched_gains, varied
from libindex.queries.sounds import Sound


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
    chosen, heard = _chosen(material, recipe)
    playing = {key: heard[choice.sound.path] for key, choice in chosen.items()}
    gains = matched_gains(playing) if recipe.match_levels else {}
    voices = [
        _voice(pad, chosen[pad.key], playing[pad.key], gains.get(pad.key, 0.0), recipe)
        for pad in recipe.pads
        if pad.key in chosen
    ]
    if recipe.repeat_octaves:
        shifts = (0, *recipe.layout.octave_shifts())
        voices = [replace(v, key=v.key + s) for s in shifts for v in voices if 0 <= v.key + s < 128]
    return Kit(name, tuple(sorted(voices, key=lambda voice: voice.key)))


def _chosen(material: Material, recipe: Recipe) -> tuple[Chosen, dict[str, Playing]]:
    """Choices that can be played, and what was heard of them.

    Only what was chosen is heard, and where that is of no use, chosen anew without it.
    """
    heard: dict[str, Playing | None] = {}
    left_out: Counter[str] = Counter()
    left = material.distinct()
    if not recipe.takes_all:
        left = left.without(_is_long)
        left_out["too long"] = len(material.distinct().sounds) - len(left.sounds)
    while True:
        chosen = assign(
            recipe.assignment,
            recipe.pads,
            left.sounds,
            left.classes,
            0.0 if recipe.takes_all else recipe.least,
            recipe.draw,
            left.worth,
        )
        useless: set[str] = set()
        for path in {choice.sound.path for choice in chosen.values()} - set(heard):
            heard[path] = listen(path)
            if why := _of_no_use(heard[path], recipe):
                useless.add(path)
                left_out[why] += 1
        if not useless:
            break
        left = left.without(lambda sound, useless=useless: sound.path in useless)  # type: ignore[misc]
    if not chosen:
        raise KitError(_why_empty(material, recipe, left_out))
    return chosen, {path: one for path, one in heard.items() if one}


def _of_no_use(playing: Playing | None, recipe: Recipe) -> str:
    """Why something that was heard goes on no pad; empty if it does."""
    if playing is None:
        return "not there any more"
    if not recipe.takes_all and playing.is_damaged:
        return "damaged"
    return "loops" if playing.is_loop and not recipe.takes_all else ""


def _is_long(sound: Sound) -> bool:
    return sound.duration_s is None or sound.duration_s > MOST_S


def _why_empty(material: Material, recipe: Recipe, left_out: Counter[str]) -> str:
    if material.errors and not material.sounds:
        number = len(material.errors)
        return f"none of its {number} sounds can be used, such as {material.errors[0]}"
    reasons = ", ".join(f"{number:,} are {why}" for why, number in left_out.items() if number)
    what = f"of {len(material.sounds):,} sounds none" if material.sounds else "no sound"
    if recipe.is_original:
        return f"{what} is of a class of the layout" + (f" ({reasons})" if reasons else "")
    least = f" with a probability of at least {recipe.least:g}" if not recipe.force else ""
    hint = "" if recipe.force else "; lower --min-prob, or use --force"
    return f"{what} fits a pad{least}" + (f" ({reasons})" if reasons else "") + hint


def _voice(pad: Pad, choice: Choice, playing: Playing, gain_db: float, recipe: Recipe) -> Voice:
    return Voice(
        key=pad.key,
        sample=choice.sound.path,
        class_code=choice.class_code,
        probability=choice.probability,
        source=choice.sound.path,
        duration_s=playing.duration_s,
        choke_group=pad.choke_group,
        shape=varied(Shape(gain_db=gain_db), pad.key, pad.classes, recipe.variation, recipe.seed),
    )
