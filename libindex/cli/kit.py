"""``libindex kit``: build drum kits, show them, show layouts."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from libindex.cli.kit_options import making_options
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
    from libindex.kits.material import Material
    from libindex.kits.recipe import Recipe
    from libindex.library import Library

_FOLDER = click.Path(exists=True, file_okay=False)
_MANY_FILES = 100  # take long enough that one wonders


@click.group()
def kit() -> None:
    """Build drum kits out of the library or a folder, and look into kits."""


@kit.command()
@click.argument("kit_name", metavar="NAME")
@click.option("--from", "folder", metavar="DIR", type=_FOLDER, help="Take the sounds of a folder.")
@click.option(
    "--query",
    "text",
    metavar="FILTERS",
    help='Take what `libindex query` finds with these filters, such as "--under ~/Samples/Vinyl"; '
    "they can be given as options, too.",
)
@click.option(
    "--similar-to",
    metavar="FILE",
    type=click.Path(),
    help="Take of every class what sounds most like a file.",
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

    `libindex kit build Dusty --under ~/Samples/Vinyl --out ~/Kits` takes samples of the library;
    with --from DIR those of a folder, scanned or not. A pad stays empty where no sample is of its
    class with a probability of at least --min-prob (by default 0.5), unless it is forced. The kit
    is a folder of its own; your samples stay as they are.
    """
    least, filters = _least_and_filters(filters, text)
    if folder is not None and (filters or similar_to is not None):
        raise click.UsageError("--from takes a whole folder: use --under for filters within it")
    _check_target(kit_name, target)
    with _opened(db, folder is not None, overrides) as library:
        recipe = _recipe(library, making, least)
        if folder is not None:
            [found] = library.kits.folder_material([folder], _tell_hearing).values()
        else:
            found = library.kits.material(recipe, similar_to=similar_to, **filters)
        _make(kit_name, found, recipe, target)


@kit.command(name="build-all")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--min-prob",
    "-p",
    "least",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="At least this probability of the pad's class.  [default: 0.5]",
)
@making_options
@db_option
@model_option
@run_options
def build_all(
    folder: str,
    least: float | None,
    making: dict[str, Any],
    target: dict[str, Any],
    db: str | None,
    **overrides: Any,
) -> None:
    """Build a kit out of every folder in DIR, each with the folder's name.

    What can't be built is reported and left out; then the exit status is 1.
    """
    packs = _packs(folder, target["out"])
    failed: dict[str, LibindexError] = {}
    for name, pack in packs.items():
        try:
            _check_target(name, target)
        except LibindexError as error:
            failed[pack] = error
    with _opened(db, True, overrides) as library:
        recipe = _recipe(library, making, least)
        found = library.kits.folder_material(
            [p for p in packs.values() if p not in failed], _tell_hearing
        )
        for name, pack in packs.items():
            try:
                if pack in found:
                    _make(name, found[pack], recipe, target)
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

    Kits of other programs will do. Samples that the library knows by their bytes are told by it,
    others are heard.
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
@click.argument("layout", metavar="[NAME|FILE.toml]", required=False)
def layouts(layout: str | None) -> None:
    """Show the layouts, or the pads of one."""
    from libindex.kits.layouts import LAYOUTS, find_layout

    if layout is None:
        for known in LAYOUTS.values():
            first, last = known.pads[0].key, known.pads[-1].key
            click.echo(f"{known.name:<4} {len(known.pads):>3} pads, keys {first} to {last}")
        return
    for pad in find_layout(layout).pads:
        choke = f"  choke {pad.choke_group}" if pad.choke_group else ""
        click.echo(f"{pad.key:>3}  {', '.join(pad.classes)}{choke}")


def _least_and_filters(
    filters: dict[str, Any], text: str | None
) -> tuple[float | None, dict[str, Any]]:
    """The least probability of a pad, and the filters that were given."""
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
    """The folders to build kits of, by the kits' names: two that would be the same get numbers."""
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


def _check_target(name: str, target: dict[str, Any]) -> None:
    """Whether a kit can be written; better said before the work than after it."""
    from libindex.kits.writing import check_target

    check_target(name, Path(absolute(target["out"])), overwrite=target["overwrite"])


def _tell_hearing(files: int) -> None:
    if files >= _MANY_FILES:
        click.echo(f"libindex: hearing {files:,} files that the library does not know", err=True)


def _recipe(library: "Library", making: dict[str, Any], least: float | None) -> "Recipe":
    from libindex.kits.layouts import find_layout
    from libindex.kits.recipe import MIN_PROBABILITY, Recipe

    if least is not None and making["assignment"] != "best":
        raise click.UsageError("--min-prob goes with --assign best only")
    layout = find_layout(making["layout"], library.classes())
    return Recipe(
        **{**making, "layout": layout}, min_probability=MIN_PROBABILITY if least is None else least
    )


def _make(name: str, material: "Material", recipe: "Recipe", target: dict[str, Any]) -> None:
    """Build, write and show a kit."""
    from libindex.cli.kit_output import show_kit
    from libindex.cli.output import on_terminal
    from libindex.kits.building import build as build_kit
    from libindex.kits.formats import FORMATS
    from libindex.kits.writing import write

    made = build_kit(name, material, recipe)
    formats = [FORMATS[f] for f in dict.fromkeys(target["formats"])]
    where = write(
        made,
        formats,
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
        click.echo(f"libindex: left out {number} files, such as {first}", err=True)
    filled = {voice.key for voice in made.voices}
    empty = [f"{p.key} {p.classes[0]}" for p in recipe.layout.pads if p.key not in filled]
    click.echo(
        f"libindex: {display(where)}: {len(recipe.layout.pads) - len(empty)} of "
        f"{len(recipe.layout.pads)} pads" + (f"; empty: {', '.join(empty)}" if empty else ""),
        err=True,
    )
