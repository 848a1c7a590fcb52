"""``libindex kit``: build drum kits, show them, show layouts."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.kit_options import complete_layout, making_options, min_prob_option
from libindex.cli.options import (
    db_option,
    filter_options,
    model_option,
    parsed_filters,
    run_options,
)
from libindex.errors import LibindexError, NotFoundError
from libindex.paths import absolute, display

if TYPE_CHECKING:
    from libindex.kits.kit import Kit
    from libindex.kits.material import Material
    from libindex.kits.recipe import Recipe
    from libindex.library import Library

_FOLDER = click.Path(exists=True, file_okay=False)
_MANY_FILES = 100  # take long enough to say so


@click.group()
def kit() -> None:
    """Build drum kits from your samples, and show what is in a kit."""


@kit.command()
@click.argument("kit_name", metavar="NAME")
@click.option(
    "--from",
    "folder",
    metavar="DIR",
    type=_FOLDER,
    help="Use the sounds of a folder, scanned or not.",
)
@click.option(
    "--query",
    "text",
    metavar="FILTERS",
    help='Use what `libindex query` finds with these filters, such as "--under ~/Samples/Vinyl". '
    "You can also give filters as options.",
)
@click.option(
    "--similar-to",
    metavar="FILE",
    type=click.Path(),
    help="For every class, use the sounds most similar to a file.",
)
@making_options
@filter_options
@db_option
@model_option
@run_options
def build(
    kit_name: str,
    folder: str | None,
    text: str | None,
    similar_to: str | None,
    making: dict[str, Any],
    target: dict[str, Any],
    filters: dict[str, Any],
    db: str | None,
    **overrides: Any,
) -> None:
    """Build a drum kit called NAME.

    `libindex kit build Dusty --under ~/Samples/Vinyl --out ~/Kits` uses samples of the library;
    --from DIR uses those of a folder, scanned or not. A pad stays empty if no sample is of its
    class with a probability of at least --min-prob (default: 0.5); --force fills it anyway. The
    kit is a folder of its own; your samples are not changed.
    """
    from libindex.cli.hints import next_step

    min_probability, filters = _split_filters(filters, text)
    if folder is not None and (filters or similar_to is not None):
        raise click.UsageError("--from takes a whole folder: use --under for filters within it")
    _check_target(kit_name, target)
    with _opened(db, folder is not None, overrides) as library:
        recipe = _recipe(library, making, min_probability)
        if folder is not None:
            [found] = library.kits.folder_material([folder], _on_analysis).values()
        else:
            found = library.kits.material(recipe, similar_to=similar_to, **filters)
        made = _build(kit_name, found, recipe)
        where = _write(made, found, recipe, target)
    next_step(f"Load it into your sampler: {display(_preset(where, target))}")


@kit.command(name="build-all")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--min-pads",
    type=click.IntRange(min=1),
    metavar="N",
    default=4,
    show_default=True,
    help="Skip folders whose kit would have fewer pads.",
)
@min_prob_option
@making_options
@db_option
@model_option
@run_options
def build_all(
    folder: str,
    min_pads: int,
    min_probability: float | None,
    making: dict[str, Any],
    target: dict[str, Any],
    db: str | None,
    **overrides: Any,
) -> None:
    """Build a kit from each folder in DIR, named after the folder.

    Folders without samples, or with too few for --min-pads, are skipped. If another kit can't be
    built, the rest are built all the same, and the exit status is 1.
    """
    packs = _packs(folder, target["out"])
    failed = _unusable(packs, target)
    with _opened(db, True, overrides) as library:
        recipe = _recipe(library, making, min_probability)
        found = library.kits.folder_material(
            [p for p in packs.values() if p not in failed], _on_analysis
        )
        for name, pack in packs.items():
            try:
                if pack in found:
                    _build_one(name, pack, found[pack], recipe, min_pads, target)
            except LibindexError as error:
                failed[pack] = error
    for pack, why in failed.items():
        click.echo(f"libindex: {display(pack)}: {why}", err=True)
    if failed:
        raise LibindexError(f"{len(failed)} of {len(packs)} kits could not be built")


@kit.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "-f",
    "output",
    type=click.Choice(["table", "csv", "json"]),
    help="How to write it. [default: table on a terminal, csv in a pipe]",
)
@db_option
@model_option
def show(file: Path, output: str | None, db: str | None, **overrides: Any) -> None:
    """Show the pads of a kit: a preset of any format, or a folder with one.

    Kits made by other programs work too, such as those installed in Hydrogen. Samples already in
    the library are looked up by content; others are analysed.
    """
    from libindex.cli.kit_output import show_kit
    from libindex.cli.output import on_terminal
    from libindex.kits import reading

    with tempfile.TemporaryDirectory(prefix="libindex-") as temporary:
        workspace = os.path.realpath(temporary)
        found = reading.read(Path(absolute(file)), Path(workspace))
        with _opened(db, True, overrides) as library:
            found = library.kits.identify(found)
        bases = [os.path.abspath(file if file.is_dir() else file.parent), workspace]  # noqa: PTH100
        show_kit(found, bases, output or ("table" if on_terminal() else "csv"))


@kit.command()
@click.argument(
    "layout", metavar="[NAME|FILE.toml]", required=False, shell_complete=complete_layout
)
def layouts(layout: str | None) -> None:
    """List the layouts, or show the pads of one."""
    from libindex.kits.layouts import DEFAULT, LAYOUTS, find_layout

    if layout is None:
        for known in LAYOUTS.values():
            first, last = known.pads[0].key, known.pads[-1].key
            default = "  (default)" if known.name == DEFAULT else ""
            click.echo(
                f"{known.name:<4} {len(known.pads):>3} pads, keys {first} to {last}{default}"
            )
        return
    for pad in find_layout(layout).pads:
        choke = f"  choke {pad.choke_group}" if pad.choke_group else ""
        priority = f"  priority {pad.priority}" if pad.priority else ""
        click.echo(f"{pad.key:>3}  {', '.join(pad.classes)}{choke}{priority}")


def _split_filters(
    filters: dict[str, Any], text: str | None
) -> tuple[float | None, dict[str, Any]]:
    """The minimum probability of a pad, and the filters that were given."""
    given = {name: value for name, value in filters.items() if value not in (None, [])}
    if text is not None:
        if given:
            raise click.UsageError("give filters in --query or as options, not both")
        parsed = parsed_filters(text)
        given = {name: value for name, value in parsed.items() if value not in (None, [])}
    return given.pop("min_prob", None), given


def _opened(db: str | None, may_be_missing: bool, overrides: dict[str, Any]) -> "Library":
    """The library; where there is none and none is needed, an empty one."""
    from libindex.library import Library

    try:
        return Library.open(db, create=False, **overrides)
    except NotFoundError:
        if not may_be_missing or db is not None:
            raise
        return Library.temporary(**overrides)


def _packs(folder: str, out: Path) -> dict[str, str]:
    """The folders to build kits of, by the kits' names; equal names get numbers."""
    from libindex.kits.samples import safe_name

    packs: dict[str, str] = {}
    kits = os.path.realpath(absolute(out))
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if not entry.is_dir() or entry.name[0] == "." or os.path.realpath(entry.path) == kits:
            continue
        plain = name = safe_name(entry.name)
        number = 1
        while name in packs:
            number += 1
            name = f"{plain} {number}"
        packs[name] = absolute(entry.path)
    if not packs:
        raise NotFoundError("has no folders to build kits of", folder)
    return packs


def _unusable(packs: Mapping[str, str], target: dict[str, Any]) -> dict[str, LibindexError]:
    """The folders that can't be read, or whose kits can't be written."""
    failed = {}
    for name, pack in packs.items():
        try:
            _check_target(name, target)
            os.listdir(pack)
        except OSError as error:
            failed[pack] = LibindexError(f"can't be listed ({error.strerror})")
        except LibindexError as error:
            failed[pack] = error
    return failed


def _check_target(name: str, target: dict[str, Any]) -> None:
    """Raise KitError if the kit can't be written: before the work, not after it."""
    from libindex.kits.writing import check_target

    check_target(name, Path(absolute(target["out"])), overwrite=target["overwrite"])


def _on_analysis(files: int) -> None:
    if files >= _MANY_FILES:
        click.echo(f"libindex: analysing {files:,} files that are not in the library", err=True)


def _recipe(library: "Library", making: dict[str, Any], min_probability: float | None) -> "Recipe":
    from libindex.kits.layouts import find_layout
    from libindex.kits.recipe import MIN_PROBABILITY, Recipe

    if min_probability is None:
        min_probability = MIN_PROBABILITY
    elif making["assignment"] != "best":
        raise click.UsageError("--min-prob goes with --assign best only")
    layout = find_layout(making["layout"], library.classes())
    return Recipe(**{**making, "layout": layout}, min_probability=min_probability)


def _build_one(
    name: str,
    pack: str,
    material: "Material",
    recipe: "Recipe",
    min_pads: int,
    target: dict[str, Any],
) -> None:
    """Build and write the kit of a folder, unless it would have too few pads."""
    from libindex.kits.kit import EmptyKitError

    try:
        made = _build(name, material, recipe)
    except EmptyKitError as error:
        click.echo(f"libindex: {display(pack)}: skipped: {error}", err=True)
        return
    count = len(_filled(made, recipe))
    if count < min_pads:
        pads = "1 pad" if count == 1 else f"{count} pads"
        why = f"only {pads}, and --min-pads is {min_pads}"
        click.echo(f"libindex: {display(pack)}: skipped: {why}", err=True)
        return
    _write(made, material, recipe, target)


def _build(name: str, material: "Material", recipe: "Recipe") -> "Kit":
    from libindex.kits.building import build as build_kit

    return build_kit(name, material, recipe)


def _write(made: "Kit", material: "Material", recipe: "Recipe", target: dict[str, Any]) -> Path:
    """Write a kit and show it."""
    from libindex.cli.kit_output import show_kit
    from libindex.cli.output import on_terminal
    from libindex.kits.formats import FORMATS
    from libindex.kits.writing import write

    where = write(
        made,
        [FORMATS[f] for f in dict.fromkeys(target["formats"])],
        Path(absolute(target["out"])),
        target["placing"],
        overwrite=target["overwrite"],
    )
    if on_terminal():
        show_kit(made, [os.path.commonpath([os.path.dirname(v.sample) for v in made.voices])])  # noqa: PTH120
    else:
        click.echo(os.fsencode(where))
    if material.errors:
        number, first = len(material.errors), material.errors[0]
        click.echo(f"libindex: skipped {number} files, such as {first}", err=True)
    filled = _filled(made, recipe)
    pads = recipe.layout.pads
    empty = [f"{p.key} {p.classes[0]}" for p in pads if p.key not in filled]
    click.echo(
        f"libindex: {display(where)}: {len(filled)} of {len(pads)} pads"
        + (f"; empty: {', '.join(empty)}" if empty else ""),
        err=True,
    )
    return where


def _filled(made: "Kit", recipe: "Recipe") -> set[int]:
    """The keys of the layout's pads that play something; not those of repeated octaves."""
    return {voice.key for voice in made.voices} & {pad.key for pad in recipe.layout.pads}


def _preset(where: Path, target: dict[str, Any]) -> Path:
    """The file of a kit that programs open."""
    from libindex.kits.formats import FORMATS

    suffix = FORMATS[target["formats"][0]].suffix
    return where / (where.name + suffix) if suffix else where
