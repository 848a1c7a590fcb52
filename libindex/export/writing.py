"""Writing samples to a file, in any format."""

from typing import Literal, get_args

from libindex.errors import UsageError
from libindex.export.columns import Answer
from libindex.export.destination import Destination, writing_to

Format = Literal["csv", "json", "jsonl", "parquet", "npz"]
FORMATS: tuple[Format, ...] = get_args(Format)
Kind = Literal["records", "prob"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def check(file_format: str, kind: str) -> None:
    """Raise UsageError if there is no such export, LibindexError if pyarrow is missing for it."""
    for value, choices in ((file_format, FORMATS), (kind, KINDS)):
        if value not in choices:
            raise UsageError(f"can't export {value!r}; choose from {', '.join(choices)}")
    if file_format == "npz" and kind != "records":
        raise UsageError("npz always contains everything; it has no other type")
    if file_format == "parquet":
        from libindex.export import parquet

        parquet.check()


def write(answer: Answer, target: Destination, file_format: Format, kind: Kind) -> int:
    """Write samples to a file, a path or an open binary file; returns how many.

    Of kind "records" they have the probabilities of all classes; "prob" is the original's table.
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
