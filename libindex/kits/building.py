"""From sounds to a kit: choose samples, check them, set up the pads."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from libindex.kits.assignment import Choice, Chosen, assign
from libindex.kits.checking import MAX_DURATION_S, SampleCheck, check
from libindex.kits.kit import EmptyKitError, Kit, PadSettings, Voice
from libindex.kits.layouts import Pad
from libindex.kits.material import Material
from libindex.kits.recipe import Recipe
from libindex.kits.shaping import matched_gains, vary
from libindex.queries.sounds import Sound


def build(name: str, material: Material, recipe: Recipe) -> Kit:
    """Make a kit.

    Parameters
    ----------
    name : str
        The kit's.
    material : Material
        The sounds to choose from.
    recipe : Recipe
        How to make it.

    Returns
    -------
    Kit
        Its voices play the files of the library, as they lie there.

    Raises
    ------
    EmptyKitError
        If no sound fits any pad.
    """
    chosen, checks = _choose(material, recipe)
    return _assembled(name, chosen, checks, recipe)


def build_of(name: str, chosen: Chosen, recipe: Recipe) -> tuple[Kit, dict[int, str]]:
    """Make a kit of sounds that somebody put on its pads.

    Parameters
    ----------
    name : str
        The kit's.
    chosen : dict of int to Choice
        By key.
    recipe : Recipe
        The layout and how pads play; nothing is assigned.

    Returns
    -------
    kit : Kit
        With what can be played.
    left_out : dict of int to str
        Keys of pads whose samples can't be played, and why.

    Raises
    ------
    EmptyKitError
        If none can be played.
    """
    found = {
        choice.sound.path: check(choice.sound.path, with_loudness=recipe.match_levels)
        for choice in chosen.values()
    }
    checks = {path: one for path, one in found.items() if one is not None}
    left_out = {k: "can't be read" for k, one in chosen.items() if one.sound.path not in checks}
    playable = {key: one for key, one in chosen.items() if key not in left_out}
    if not playable:
        raise EmptyKitError("none of its samples can be read")
    return _assembled(name, playable, checks, recipe), left_out


def _assembled(name: str, chosen: Chosen, checks: Mapping[str, SampleCheck], recipe: Recipe) -> Kit:
    samples = {key: checks[choice.sound.path] for key, choice in chosen.items()}
    gains = matched_gains(samples) if recipe.match_levels else {}
    voices = [
        _voice(pad, chosen[pad.key], samples[pad.key], gains.get(pad.key, 0.0), recipe)
        for pad in recipe.pads
        if pad.key in chosen
    ]
    if recipe.repeat_octaves:
        shifts = (0, *recipe.layout.octave_shifts())
        voices = [replace(v, key=v.key + s) for s in shifts for v in voices if 0 <= v.key + s < 128]
    return Kit(name, tuple(sorted(voices, key=lambda voice: voice.key)))


def _choose(material: Material, recipe: Recipe) -> tuple[Chosen, dict[str, SampleCheck]]:
    """Choices that can be played, and their checks by path.

    Only chosen samples are checked; if one is unusable, all pads are assigned anew without it.
    """
    checks: dict[str, SampleCheck | None] = {}
    left_out: Counter[str] = Counter()
    left = material.distinct()
    if not recipe.accepts_all:
        distinct = len(left.sounds)
        left = left.without(_is_long)
        left_out["too long"] = distinct - len(left.sounds)
    while True:
        chosen = assign(
            recipe.assignment,
            recipe.pads,
            left.sounds,
            left.classes,
            0.0 if recipe.accepts_all else recipe.min_probability,
            recipe.draw,
            left.weights,
        )
        unusable: set[str] = set()
        for path in {choice.sound.path for choice in chosen.values()} - set(checks):
            checks[path] = check(path, with_loudness=recipe.match_levels)
            if why := _why_unusable(checks[path], recipe):
                unusable.add(path)
                left_out[why] += 1
        if not unusable:
            break
        left = left.without(lambda sound, paths=unusable: sound.path in paths)  # type: ignore[misc]
    if not chosen:
        raise EmptyKitError(_why_empty(material, recipe, left_out))
    return chosen, {path: one for path, one in checks.items() if one}


def _why_unusable(sample: SampleCheck | None, recipe: Recipe) -> str:
    """Why a sample can't go on a pad; empty if it can."""
    if sample is None:
        return "missing"
    if not recipe.accepts_all and sample.is_damaged:
        return "damaged"
    return "loops" if sample.is_loop and not recipe.accepts_all else ""


def _is_long(sound: Sound) -> bool:
    return sound.duration_s is None or sound.duration_s > MAX_DURATION_S


def _why_empty(material: Material, recipe: Recipe, left_out: Counter[str]) -> str:
    if material.errors and not material.sounds:
        first, *others = material.errors
        if not others:
            return f"its only sound can't be used: {first}"
        return f"none of its {len(material.errors):,} sounds can be used, such as {first}"
    reasons = ", ".join(f"{why}: {number:,}" for why, number in left_out.items() if number)
    what = f"none of {len(material.sounds):,} sounds" if material.sounds else "no sound"
    if recipe.is_original:
        return f"{what} is of a class of the layout" + (f" ({reasons})" if reasons else "")
    enough = "" if recipe.force else f" with a probability of at least {recipe.min_probability:g}"
    hint = "" if recipe.force else "; lower --min-prob, or use --force"
    return f"{what} fits a pad{enough}" + (f" ({reasons})" if reasons else "") + hint


def _voice(pad: Pad, choice: Choice, sample: SampleCheck, gain_db: float, recipe: Recipe) -> Voice:
    return Voice(
        key=pad.key,
        sample=choice.sound.path,
        class_code=choice.class_code,
        probability=choice.probability,
        source=choice.sound.path,
        duration_s=sample.duration_s,
        choke_group=pad.choke_group,
        settings=vary(
            PadSettings(gain_db=gain_db), pad.key, pad.classes, recipe.variation, recipe.seed
        ),
    )
