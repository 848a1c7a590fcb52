"""What ``libindex kit build`` and ``build-all`` share: opening, checking, writing, reporting."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from libindex.errors import LibindexError, NotFoundError
from libindex.paths import absolute, display

if TYPE_CHECKING:
    from libindex.kits.kit import Kit
    from libindex.kits.maker import KitMaker
    from libindex.kits.recipe import Recipe

_MANY_FILES = 100  # take long enough to say so


@contextmanager
def kit_maker(
    db: str | None, needs_library: bool, overrides: dict[str, Any]
) -> "Iterator[KitMaker]":
    """What makes kits of the library; if there is none and none is needed, of folders alone."""
    from libindex import settings
    from libindex.library import Library

    library = None
    try:
        library = Library.open(db, create=False, **overrides)
    except NotFoundError:
        if needs_library or db is not None:
            raise
    if library is not None:
        with library:
            yield library.kits
        return

    from libindex.analysis.engine import Engine
    from libindex.kits.maker import KitMaker

    with Engine(settings.load(overrides)) as engine:
        yield KitMaker(engine)


def packs_in(folder: str, out: Path) -> dict[str, str]:
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
        raise NotFoundError("has no folders to build kits from", folder)
    return packs


def unusable(packs: Mapping[str, str], target: dict[str, Any]) -> dict[str, LibindexError]:
    """The folders that can't be read, or whose kits can't be written."""
    failed = {}
    for name, pack in packs.items():
        try:
            check_target(name, target)
            os.listdir(pack)
        except OSError as error:
            failed[pack] = LibindexError(f"can't be listed ({error.strerror})")
        except LibindexError as error:
            failed[pack] = error
    return failed


def check_target(name: str, target: dict[str, Any]) -> None:
    """Raise KitError if the kit can't be written: before the work, not after it."""
    from libindex.kits import writing

    writing.check_target(name, Path(absolute(target["out"])), overwrite=target["overwrite"])


def on_analysis(files: int) -> None:
    if files >= _MANY_FILES:
        click.echo(f"libindex: analysing {files:,} files that are not in the library", err=True)


def recipe_of(maker: "KitMaker", making: dict[str, Any], min_probability: float | None) -> "Recipe":
    from libindex.kits.layouts import find_layout
    from libindex.kits.recipe import MIN_PROBABILITY, Recipe

    if min_probability is None:
        min_probability = MIN_PROBABILITY
    elif making["assignment"] != "best":
        raise click.UsageError("--min-prob goes with --assign best only")
    layout = find_layout(making["layout"], maker.classes())
    return Recipe(**{**making, "layout": layout}, min_probability=min_probability)


def too_few_pads(made: "Kit", recipe: "Recipe", min_pads: int) -> str:
    """Why a kit is not written; empty if it is."""
    count = len(_filled(made, recipe))
    pads = "1 pad" if count == 1 else f"{count} pads"
    return f"only {pads}, and --min-pads is {min_pads}" if count < min_pads else ""


def report_skipped(pack: str, why: str) -> None:
    """Say that a folder is skipped."""
    click.echo(f"libindex: {display(pack)}: skipped: {why}", err=True)


def write_kit(
    made: "Kit",
    errors: list[LibindexError],
    recipe: "Recipe",
    target: dict[str, Any],
    *,
    with_table: bool,
) -> Path:
    """Write a kit and say so; to a person also with a table, if wanted."""
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
    if not on_terminal():
        click.echo(os.fsencode(where))
    elif with_table:
        show_kit(made, [os.path.commonpath([os.path.dirname(v.sample) for v in made.voices])])  # noqa: PTH120
    if errors:
        others = f"{len(errors)} files, such as " if len(errors) > 1 else ""
        click.echo(f"libindex: skipped {others}{errors[0]}", err=True)
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


def preset_in(where: Path, target: dict[str, Any]) -> Path:
    """The file of a kit that programs open."""
    from libindex.kits.formats import FORMATS

    suffix = FORMATS[target["formats"][0]].suffix
    return where / (where.name + suffix) if suffix else where
