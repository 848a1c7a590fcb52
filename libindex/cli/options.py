"""Options that several commands share, as decorators."""

import shlex
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import click

from libindex.settings import DEVICES
from libindex.sound.facts import FACETS, Fact

Command = Callable[..., Any]

SORTS = ("prob", "path", "name", *(facet.word for facet in FACETS), "added")
FORMATS = ("table", "paths", "csv", "json", "jsonl")


def db_option(command: Command) -> Command:
    """``--db``."""
    return click.option(
        "--db",
        metavar="PATH|URL",
        help="The library's database: a path or an SQLAlchemy URL. [env: LIBINDEX_DB; "
        "default: in the user's data directory, see libindex status]",
    )(command)


def model_option(command: Command) -> Command:
    """``--model``."""
    return click.option(
        "--model",
        metavar="FILE",
        help="The network's weights (.safetensors). [env: LIBINDEX_MODEL; "
        "default: the network that comes with libindex]",
    )(command)


def run_options(command: Command) -> Command:
    """``--jobs`` and ``--device``."""
    jobs = click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        help="Processes that decode. [env: LIBINDEX_JOBS; default: one per core]",
    )
    device = click.option(
        "--device",
        type=click.Choice(DEVICES),
        help="Where the network runs. [env: LIBINDEX_DEVICE; default: auto]",
    )
    return jobs(device(command))


def _range_options(facet: Fact) -> Iterator[Callable[[Command], Command]]:
    """``--min-…`` and ``--max-…`` of a facet."""
    for end, what in (("min", "Minimum"), ("max", "Maximum")):
        yield click.option(
            f"--{end}-{facet.word}",
            f"{end}_{facet.key}",
            type=facet.kind,
            metavar=facet.unit.upper(),
            help=f"{what} {facet.about}.",
        )


_FILTERS: tuple[Callable[[Command], Command], ...] = (
    click.option(
        "--class",
        "-c",
        "classes",
        multiple=True,
        metavar="CLASS",
        help="A class: its code (snr), name (snare drum) or a common word (snare, sd). Can be "
        "given several times, or with commas: any will do. Without --min-prob it must be the most "
        "probable class.",
    ),
    click.option(
        "--min-prob",
        "-p",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="At least this probability (0 to 1) of one of the classes.",
    ),
    click.option(
        "--min-percussion",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Leave out what is less likely to be percussion at all, such as speech, chords or "
        "noise; 0.5 is a good value.",
    ),
    *(option for facet in FACETS for option in _range_options(facet)),
    click.option("--under", metavar="PATH", help="Only below this folder."),
    click.option(
        "--name",
        metavar="GLOB",
        help="Pattern for the file name: * ? [a-z]; without these it may stand anywhere in "
        "the name. Case does not matter.",
    ),
)
_FILTER_NAMES = (
    "classes",
    "min_prob",
    "min_percussion",
    *(f"{end}_{facet.key}" for facet in FACETS for end in ("min", "max")),
    "under",
    "name",
)


def filter_options(command: Command) -> Command:
    """What to look for; the command gets it as one dictionary named ``filters``."""

    @wraps(command)
    def wrapped(*args: Any, **values: Any) -> Any:
        filters = {name: values.pop(name) for name in _FILTER_NAMES}
        filters["classes"] = [c for given in filters["classes"] for c in given.split(",") if c]
        return command(*args, filters=filters, **values)

    filtered: Command = wrapped
    for option in reversed(_FILTERS):
        filtered = option(filtered)
    return filtered


def output_options(command: Command) -> Command:
    """``--format`` and ``-0``; the command gets the format, ``paths0`` standing for -0."""

    @wraps(command)
    def wrapped(*args: Any, output: str | None, null: bool, **values: Any) -> Any:
        if null and output not in {None, "paths"}:
            raise click.UsageError("-0 separates paths; it doesn't go with --format " + output)
        return command(*args, output="paths0" if null else output, **values)

    output = click.option(
        "--format",
        "-f",
        "output",
        type=click.Choice(FORMATS),
        help="How to write what is found. [default: table on a terminal, paths in a pipe]",
    )
    null = click.option("-0", "--null", is_flag=True, help="Paths, each ended by a NUL byte.")
    return output(null(wrapped))


@click.command(add_help_option=False)
@filter_options
def _filters_alone(filters: dict[str, Any]) -> dict[str, Any]:
    return filters


def parsed_filters(text: str) -> dict[str, Any]:
    """Filters as one would write them behind ``libindex query``, in one text."""
    try:
        words = shlex.split(text)
        found: dict[str, Any] = _filters_alone.main(words, "--query", standalone_mode=False)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--query") from None
    except click.UsageError as error:
        raise click.BadParameter(error.format_message(), param_hint="--query") from None
    return found
