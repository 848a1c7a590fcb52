"""Options of ``libindex kit build`` and ``build-all``: how kits are made, and where they go."""

from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from libindex.cli.options import Command

FORMATS = ("sfz", "hydrogen", "decentsampler", "drumkv1", "folder")
_RECIPE_NAMES = (
    "layout",
    "assignment",
    "force",
    "shuffle",
    "repeat_octaves",
    "choke",
    "match_levels",
    "variation",
    "seed",
)
_TARGET_NAMES = ("formats", "out", "placing", "overwrite")


def complete_layout(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """For the shell: the layouts that are built in, or else files."""
    from libindex.kits.layouts import LAYOUTS

    names = [CompletionItem(name) for name in LAYOUTS if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]


min_prob_option = click.option(
    "--min-prob",
    "-p",
    "min_probability",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Minimum probability of the pad's class. [default: 0.5]",
)


def making_options(command: Command) -> Command:
    """How kits are made and written; the command gets two dictionaries, `making` and `target`."""

    @wraps(command)
    def wrapped(*args: Any, **values: Any) -> Any:
        making = {name: values.pop(name) for name in _RECIPE_NAMES}
        target = {name: values.pop(name) for name in _TARGET_NAMES}
        return command(*args, making=making, target=target, **values)

    for option in reversed(_MAKING):
        wrapped = option(wrapped)
    return wrapped


_MAKING = (
    click.option(
        "--format",
        "-f",
        "formats",
        type=click.Choice(FORMATS),
        multiple=True,
        default=("sfz",),
        show_default=True,
        help="Format to write; can be given several times.",
    ),
    click.option(
        "--out",
        "-o",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        default=".",
        help="Where to put the kit's folder. [default: the current folder]",
    ),
    click.option(
        "--layout",
        "-l",
        metavar="gm|8|24|36|FILE.toml",
        default="gm",
        show_default=True,
        shell_complete=complete_layout,
        help="Which class belongs on which key: General MIDI percussion, the layouts of "
        "DrumClassifier, or your own; see `libindex kit layouts`.",
    ),
    click.option(
        "--assign",
        "assignment",
        type=click.Choice(["best", "class", "sample"]),
        default="best",
        show_default=True,
        help="best: the most probable and most varied kit as a whole, with no sample on two "
        "pads. class: each pad gets the most probable sample of its class. sample: each sample "
        "goes to its own most probable class.",
    ),
    click.option(
        "--repeat-octaves", is_flag=True, help="Repeat the layout in the octaves below and above."
    ),
    click.option(
        "--choke/--no-choke",
        default=True,
        show_default=True,
        help="Closed and pedal hi-hats cut off open ones.",
    ),
    click.option(
        "--match-levels",
        is_flag=True,
        help="Bring all pads to the same loudness, changing each by at most 12 dB.",
    ),
    click.option(
        "--variation",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        metavar="AMOUNT",
        help="Randomly vary pan, width, tuning, filter and tremolo of each pad, from 0 (not at "
        "all) to 1 (a lot).",
    ),
    click.option(
        "--shuffle",
        is_flag=True,
        help="Choose randomly among samples that fit about equally well.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=0,
        show_default=True,
        metavar="N",
        help="Seed of --shuffle and --variation: another seed gives another kit.",
    ),
    click.option(
        "--force",
        is_flag=True,
        help="Fill every pad, however badly a sample fits; use loops and long files too.",
    ),
    click.option(
        "--copy-samples",
        "placing",
        flag_value="copy",
        default="copy",
        help="Copy the samples into the kit's folder. [default]",
    ),
    click.option(
        "--link", "placing", flag_value="link", help="Link to the samples instead of copying them."
    ),
    click.option(
        "--reference",
        "placing",
        flag_value="reference",
        help="Refer to the samples where they are.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace an existing kit of the same name."),
)
