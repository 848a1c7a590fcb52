"""Writing an answer to a file, in any format."""

from typing import Literal, get_args

from libindex.errors import UsageError
from libindex.export.columns import Answer
from libindex.export.destination import Destination, writing_to

Format = Literal["csv", "json", "jsonl", "parquet", "npz"]
FORMATS: tuple[Format, ...] = get_args(Format)
Kind = Literal["records", "prob"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def check(file_format: str, kind: str) -> None:
    """See whether there is such an export.

    Raises
    ------
    UsageError
        If there is none.
    LibindexError
        If something is missing that it needs.
    """
    for value, choices in ((file_format, FORMATS), (kind, KINDS)):
        if value not in choices:
            raise UsageError(f"can't export {value!r}; choose from {', '.join(choices)}")
    if file_format == "npz" and kind != "records":
        raise UsageError("npz always holds everything; it comes in no other kind")
    if file_format == "parquet":
        from libindex.export import parquet

        parquet.check()


def write(answer: Answer, target: Destination, file_format: Format, kind: Kind) -> int:
    """Write samples.

    Parameters
    ----------
    answer : Answer
        The samples.
    target : str, Path or binary file
        Where to.
    file_format : {"csv", "json", "jsonl", "parquet", "npz"}
        How.
    kind : {"records", "prob"}
        Records with all probabilities, or the original's table of probabilities.

    Returns
    -------
    int
        How many there were.
    """
    check(file_format, kind)
    with writing_to(target) as out:
        if file_format == "npz":
            from libindex.export.arrays import write_npz

            write_npz(out, answer)
        elif file_format == "parquet":
            from libindex.export.parquet import write_parquet

            write_parquet(out, answer, kind)
        else:
            from libindex.export import tables

            {"csv": tables.write_csv, "json": tables.write_json, "jsonl": tables.write_jsonl}[
                file_format
            ](out, answer, kind)
    return answer.count
