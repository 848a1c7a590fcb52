"""Options of ``libindex kit build`` and ``build-all``: how kits are made, and where they go."""

from functools import wraps
from pathlib import Path
from typing import Any

import click

from libindex.cli.options import Command

FORMATS = ("drumkv1", "hydrogen", "sfz", "decentsampler", "folder")
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
        default=("drumkv1",),
        show_default=True,
        help="What to write; can be given several times.",
    ),
    click.option(
        "--out",
        "-o",
        type=click.Path(file_okay=False, path_type=Path),
        default=".",
        show_default="the current folder",
        help="Where the kit's folder is made.",
    ),
    click.option(
        "--layout",
        "-l",
        metavar="8|24|36|gm|FILE.toml",
        default="24",
        show_default=True,
        help="Which class belongs at which key: the original's layouts, General MIDI percussion, "
        "or your own; see `libindex kit layouts`.",
    ),
    click.option(
        "--assign",
        "assignment",
        type=click.Choice(["best", "class", "sample"]),
        default="best",
        show_default=True,
        help="best: no sample on two pads, the most probable and most varied kit as a whole. "
        "class: each pad takes the most probable sample of its class. sample: each sample goes "
        "to its own class.",
    ),
    click.option(
        "--repeat-octaves", is_flag=True, help="Repeat the layout in the octaves below and above."
    ),
    click.option(
        "--choke/--no-choke",
        default=True,
        show_default=True,
        help="Closed and pedal hi-hats silence open ones.",
    ),
    click.option(
        "--match-levels",
        is_flag=True,
        help="Bring all pads to the same loudness, by gains of 12 dB at most.",
    ),
    click.option(
        "--variation",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        metavar="AMOUNT",
        help="Vary pan, width, tuning, filter and tremolo of each pad by chance: 0 is nothing, 1 "
        "is a lot.",
    ),
    click.option(
        "--shuffle",
        is_flag=True,
        help="Choose by chance among samples that fit about equally well.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=0,
        show_default=True,
        help="Decides --shuffle and --variation: another seed, another kit.",
    ),
    click.option(
        "--force",
        is_flag=True,
        help="Fill every pad, however badly a sample fits, loops and long files included.",
    ),
    click.option(
        "--copy-samples",
        "placing",
        flag_value="copy",
        default="copy",
        help="Copy the samples into the kit's folder.  [default]",
    ),
    click.option(
        "--link", "placing", flag_value="link", help="Make symbolic links to the samples instead."
    ),
    click.option(
        "--reference", "placing", flag_value="reference", help="Name the samples where they are."
    ),
    click.option("--overwrite", is_flag=True, help="Replace a kit of the same name."),
)
