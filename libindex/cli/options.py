"""Options that several commands share, as decorators."""

import shlex
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import click
from click.shell_completion import CompletionItem

from libindex.instruments import INSTRUMENTS
from libindex.settings import DEVICES
from libindex.sound.facts import FACETS, Fact

Command = Callable[..., Any]

_DAY_S = 86_400

SORTS = ("prob", "path", "name", *(facet.word for facet in FACETS), "added")
FORMATS = ("table", "paths", "csv", "json", "jsonl")


def db_option(command: Command) -> Command:
    """``--db``."""
    return click.option(
        "--db",
        metavar="PATH|URL",
        help="Database of the library: a path or an SQLAlchemy URL. [env: LIBINDEX_DB; "
        "default: in the user's data directory, see libindex status]",
    )(command)


def model_option(command: Command) -> Command:
    """``--model``."""
    return click.option(
        "--model",
        metavar="FILE",
        help="Weights of the network (.safetensors). [env: LIBINDEX_MODEL; "
        "default: the network that comes with libindex]",
    )(command)


def run_options(command: Command) -> Command:
    """``--jobs`` and ``--device``."""
    jobs = click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        metavar="N",
        help="Number of decoding processes. [env: LIBINDEX_JOBS; default: one per core]",
    )
    device = click.option(
        "--device",
        type=click.Choice(DEVICES),
        help="Device that runs the network. [env: LIBINDEX_DEVICE; default: auto]",
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


class _ClassName(click.ParamType):  # type: ignore[type-arg]
    """A class, by any of its names; which ones exist depends on the library's network."""

    name = "class"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Codes and names that begin so, also behind a comma."""
        before, comma, last = incomplete.rpartition(",")
        # A space would have to be quoted; it may as well be a hyphen.
        words = {i.code: i.name for i in INSTRUMENTS}
        words |= {i.name.replace(" ", "-"): i.name for i in INSTRUMENTS}
        begin_so = sorted(word for word in words if word.startswith(last.lower()))
        return [CompletionItem(before + comma + word, help=words[word]) for word in begin_so]


_CLASS_NAME = _ClassName()

_words_argument = click.argument("words", nargs=-1, type=_CLASS_NAME, metavar="[WORD]...")

_FILTERS: tuple[Callable[[Command], Command], ...] = (
    click.option(
        "--class",
        "-c",
        "classes",
        multiple=True,
        type=_CLASS_NAME,
        metavar="CLASS",
        help="A class: its code (snr), name (snare drum) or a synonym (snare, sd). Repeat it, or "
        "use commas, to match any of several. Without --min-prob it has to be the most probable "
        "class of the sample.",
    ),
    click.option(
        "--min-prob",
        "-p",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Minimum probability (0 to 1) of one of the classes.",
    ),
    click.option(
        "--min-percussion",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Minimum probability of being percussion at all, to filter out speech, chords or "
        "noise; 0.5 is a good value.",
    ),
    *(option for facet in FACETS for option in _range_options(facet)),
    click.option(
        "--under",
        metavar="FOLDER",
        help="Only below this folder: a path, or the end of one, if it is unique in the library.",
    ),
    click.option(
        "--name",
        metavar="GLOB",
        help="Only files that have this in their path below the library's folder. With wildcards "
        "(* ? [a-z]) it matches whole names of files or folders: '*808*.wav', 'Kicks/*.wav'. Case "
        "does not matter.",
    ),
    click.option(
        "--without",
        multiple=True,
        type=_CLASS_NAME,
        metavar="WORD",
        help="Leave out a class, or files with this in their path, as WORD would find them. Can be "
        "given several times.",
    ),
    click.option(
        "--added-days",
        type=click.FloatRange(min=0),
        metavar="N",
        help="Only files that were added to the library in the last N days.",
    ),
    click.option(
        "--unheard",
        is_flag=True,
        help="Only sounds that were not listened to yet in `libindex serve`.",
    ),
)
_FILTER_NAMES = (
    "classes",
    "min_prob",
    "min_percussion",
    *(f"{end}_{facet.key}" for facet in FACETS for end in ("min", "max")),
    "under",
    "name",
    "without",
    "unheard",
)


def filter_options(command: Command) -> Command:
    """What to look for; the command gets it as one dictionary named ``filters``."""

    @wraps(command)
    def wrapped(*args: Any, **values: Any) -> Any:
        filters = {name: values.pop(name) for name in _FILTER_NAMES}
        filters["words"] = list(values.pop("words", ()))
        days = values.pop("added_days")
        filters["added_after"] = None if days is None else time.time() - days * _DAY_S
        filters["without"] = list(filters["without"])
        filters["unheard"] = filters["unheard"] or None
        filters["classes"] = [c for given in filters["classes"] for c in given.split(",") if c]
        return command(*args, filters=filters, **values)

    filtered: Command = wrapped
    for option in reversed(_FILTERS):
        filtered = option(filtered)
    return filtered


def words_and_filter_options(command: Command) -> Command:
    """The same with words as arguments: classes, or names of files and folders."""
    return _words_argument(filter_options(command))


def sort_options(default: str | None, shown_default: str) -> Callable[[Command], Command]:
    """``--sort`` and ``--reverse``."""
    ends = ", ".join(f"{facet.word} ({facet.low} to {facet.high})" for facet in FACETS)

    def add(command: Command) -> Command:
        sort = click.option(
            "--sort",
            "-s",
            type=click.Choice(SORTS),
            default=default,
            help=f"Order: prob (highest first), path, name, added (newest first), {ends}. For the "
            f"last {len(FACETS)}, samples that are probably not of the class come at the end "
            f"unless --min-prob is given. [default: {shown_default}]",
        )
        reverse = click.option("--reverse", "-r", is_flag=True, help="Reverse the order.")
        return sort(reverse(command))

    return add


copies_option = click.option(
    "--copies",
    is_flag=True,
    help="List byte-identical copies separately. Otherwise each sound is listed once, with the "
    "paths of its copies in tables and JSON.",
)


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
        help="Output format. [default: table on a terminal, paths in a pipe]",
    )
    null = click.option(
        "-0", "--null", is_flag=True, help="Print paths separated by NUL bytes, for `xargs -0`."
    )
    return output(null(wrapped))


@click.command(add_help_option=False)
@words_and_filter_options
def _filters_alone(filters: dict[str, Any]) -> dict[str, Any]:
    return filters


def parsed_filters(text: str) -> dict[str, Any]:
    """Filters as arguments of ``libindex query``, in one text."""
    try:
        words = shlex.split(text)
        found: dict[str, Any] = _filters_alone.main(words, "--query", standalone_mode=False)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--query") from None
    except click.UsageError as error:
        raise click.BadParameter(error.format_message(), param_hint="--query") from None
    return found
