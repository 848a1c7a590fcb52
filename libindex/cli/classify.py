"""``libindex classify``: the original program's command."""

import sys
import warnings
from typing import Any

import click

from libindex.cli.options import model_option, run_options
from libindex.errors import LibindexError, UsageError
from libindex.paths import display

_FORMATS = ("label", "prob", "rank", "mat")


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@click.option("-l", "--list", "listed", metavar="A,B,C", help="Files, separated by commas.")
@click.option("-d", "--directory", metavar="DIR", help="All audio files in a directory.")
@click.option("--recursive", is_flag=True, help="With -d: include its subdirectories.")
@click.option(
    "-t",
    "--type",
    "kind",
    type=click.Choice(_FORMATS),
    default="label",
    show_default=True,
    help="What to print for each file: its class (label), the probability of each class (prob), "
    "the classes from most to least probable (rank), or a matrix of probabilities (mat).",
)
@click.option("-o", "--output", metavar="FILE", help="Write a CSV file instead.")
@click.option("-v", "--verbose", is_flag=True, help="Log what is being done to standard error.")
@run_options
@model_option
def classify(
    files: tuple[str, ...],
    listed: str | None,
    directory: str | None,
    recursive: bool,
    kind: str,
    output: str | None,
    verbose: bool,
    **overrides: Any,
) -> None:
    """Classify files without a library, as DrumClassifier did.

    Prints a Python dictionary {path: class}, or writes a CSV file with a row per file. Exits with
    status 1 if any file can't be used.
    """
    names = _names(files, listed, directory, recursive)
    if verbose:
        click.echo(f"libindex: classifying {len(names)} files", err=True)
    result, errors = _classified(names, kind, overrides)
    if output:
        _write_csv(result, kind, output)
        if verbose:
            click.echo(f"libindex: wrote {display(output)}", err=True)
    else:
        click.echo(repr(result).encode("utf-8", "surrogateescape"))
    for error in errors:
        click.echo(f"libindex: {error}", err=True)
    if errors:
        sys.exit(1)


def _names(
    files: tuple[str, ...], listed: str | None, directory: str | None, recursive: bool
) -> list[str]:
    from libindex.disk.walk import audio_files

    names = [*files, *(name for name in (listed or "").split(",") if name)]
    if directory is not None:
        names += audio_files(directory, recursive=recursive)
    elif not names:
        raise UsageError("nothing to classify; name files, or a directory with -d")
    return names


def _classified(
    names: list[str], kind: str, overrides: dict[str, Any]
) -> tuple[dict[str, Any], list[LibindexError]]:
    from libindex import settings
    from libindex.drumclassifier.classifier import DrumClassifier

    chosen = settings.load(overrides)
    classifier = DrumClassifier(
        chosen.model, chosen.device, jobs=chosen.jobs, timeout_s=chosen.file_timeout_s
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the errors are shown one by one
        result = classifier.predict_list_of_files(names, kind)
    return result, list(classifier.errors.values())


def _write_csv(result: dict[str, Any], kind: str, output: str) -> None:
    from libindex.export.destination import writing_to
    from libindex.export.tables import write_original

    with writing_to(output) as file:
        write_original(file, *_rows(result, kind))


def _rows(result: dict[str, Any], kind: str) -> tuple[list[str], list[list[Any]]]:
    if kind == "mat":
        matrix = zip(result["row"], result["prob"].tolist(), strict=True)
        return ["file", *result["col"]], [[name, *row] for name, row in matrix]
    if kind == "prob":
        codes = list(next(iter(result.values()), {}))
        return ["file", *codes], [[name, *row.values()] for name, row in result.items()]
    if kind == "rank":
        size = len(next(iter(result.values()), []))
        header = ["file", *(str(place) for place in range(1, size + 1))]
        return header, [[name, *codes] for name, codes in result.items()]
    return ["file", "class"], [[name, code] for name, code in result.items()]
