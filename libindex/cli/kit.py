"""``libindex kit``: build drum kits, show them, show layouts."""

import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

import click

from libindex.cli.kit_building import (
    check_target,
    kit_maker,
    on_analysis,
    packs_in,
    preset_in,
    recipe_of,
    report_skipped,
    too_few_pads,
    unusable,
    write_kit,
)
from libindex.cli.kit_options import complete_layout, making_options, min_prob_option
from libindex.cli.options import (
    db_option,
    filter_options,
    model_option,
    parsed_filters,
    run_options,
)
from libindex.errors import LibindexError
from libindex.paths import absolute, display

_FOLDER = click.Path(exists=True, file_okay=False)


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
    help='Use what `libindex query` finds with these words and filters: "snare --under Vinyl". '
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
        raise click.UsageError("--from uses a whole folder; for a part of the library, use --under")
    check_target(kit_name, target)
    errors: list[LibindexError] = []
    with kit_maker(db, folder is None, overrides) as maker:
        recipe = recipe_of(maker, making, min_probability)
        made = maker.kit(
            kit_name,
            recipe,
            folder=folder,
            similar_to=similar_to,
            on_analysis=on_analysis,
            on_error=errors.append,
            **filters,
        )
        where = write_kit(made, errors, recipe, target, with_table=True)
    next_step(f"Load it into your sampler: {display(preset_in(where, target))}")


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

    Folders without samples, or with too few for --min-pads, are skipped. If a kit can't be built
    for another reason, the others still are, and the exit status is 1.
    """
    from libindex.cli.hints import next_step

    packs = packs_in(folder, target["out"])
    failed = unusable(packs, target)
    usable = {name: pack for name, pack in packs.items() if pack not in failed}
    with kit_maker(db, False, overrides) as maker:
        recipe = recipe_of(maker, making, min_probability)
        written: Path | None = None
        for name, made, errors in maker.folder_kits(usable, recipe, on_analysis):
            if isinstance(made, LibindexError):
                report_skipped(packs[name], str(made))
            elif why := too_few_pads(made, recipe, min_pads):
                report_skipped(packs[name], why)
            else:
                try:
                    written = write_kit(made, errors, recipe, target, with_table=False)
                except LibindexError as error:
                    failed[packs[name]] = error
    for pack, reason in failed.items():
        click.echo(f"libindex: {display(pack)}: {reason}", err=True)
    if written is not None:
        next_step(f"Show the last kit: libindex kit show {shlex.quote(display(written))}")
    if failed:
        raise LibindexError(f"{len(failed)} of {len(packs)} kits could not be built")


@kit.command(short_help="Show the pads of a kit.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "-f",
    "output",
    type=click.Choice(["table", "csv", "json"]),
    help="Output format. [default: table on a terminal, csv in a pipe]",
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
        with kit_maker(db, False, overrides) as maker:
            found = maker.identify(found)
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
