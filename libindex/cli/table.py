"""Results as a table for people, as wide as their terminal."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from libindex.cli.output import bar, duration, shown
from libindex.paths import display, relative_to
from libindex.sound.facts import FACETS, Fact

if TYPE_CHECKING:
    from libindex.queries import Hit

_GAP = "  "
_MIN_PERCUSSION = 0.5  # what is less likely to be percussion is marked
_MIN_WIDTH_FOR_BARS = 80
_MIN_PATH_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Column:
    """A column in front of the path."""

    title: str
    is_right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """The cells in front of a path, the path, a note on it, and its copies on lines below."""

    cells: Sequence[Text]
    path: str
    note: str = ""
    copies: Sequence[str] = ()


def show_rows(columns: Sequence[Column], last_title: str, rows: Sequence[Row]) -> None:
    """Print a table whose last column is a path, elided where the terminal is too narrow."""
    console = Console()
    width = _width(console)
    widths = [
        max([cell_len(column.title), *(row.cells[i].cell_len for row in rows)])
        for i, column in enumerate(columns)
    ]
    before = sum(width + len(_GAP) for width in widths)
    room = None if width is None else max(_MIN_PATH_WIDTH, width - before)
    titles = [Text(column.title, "dim") for column in columns]
    lines = [_line(columns, titles, widths, Text(last_title, "dim"))]
    for row in rows:
        lines.append(_line(columns, row.cells, widths, _path(row, room)))
        copies = (Text(elided(f"= {copy}", room), "dim") for copy in row.copies)
        lines += [Text(" " * before) + copy for copy in copies]
    for line in lines:
        console.print(line, soft_wrap=True)


def show_table(hits: Sequence["Hit"], sort: str) -> None:
    """Print hits, each on a line, with their copies on lines below."""
    if not hits:
        return
    cells = _cells(hits, sort, has_room_for_bars())
    places = _Places(hits)
    rows = [
        Row(
            [cell(hit) for _, cell in cells],
            places.of(hit.path),
            _note(hit),
            [places.of(copy) for copy in hit.copies],
        )
        for hit in hits
    ]
    show_rows([column for column, _ in cells], "file", rows)


def has_room_for_bars() -> bool:
    """Whether a table can show a number as a bar, too."""
    width = _width(Console())
    return width is None or width >= _MIN_WIDTH_FOR_BARS


def share(value: float | None, with_bar: bool) -> Text:
    """A number between 0 and 1 as a cell of a table."""
    number = "?" if value is None else f"{value:.2f}"
    return Text.assemble((bar(value or 0.0), "cyan"), f" {number}") if with_bar else Text(number)


def _width(console: Console) -> int | None:
    """Of the terminal; in a pipe or a file nothing is cut: who asks for it there has room."""
    return console.width if console.is_terminal else None


def elided(text: str, width: int | None) -> str:
    """Text without its middle where it is too wide; of a path more of the end is kept."""
    if width is None or cell_len(text) <= width:
        return text
    head, tail = text[: (width - 1) // 3], text
    while tail and cell_len(head) + 1 + cell_len(tail) > width:
        tail = tail[1:]
    return f"{head}…{tail}"


class _Places:
    """Paths as short as they can still be given to other commands."""

    def __init__(self, hits: Iterable["Hit"]) -> None:
        self._roots = {hit.root for hit in hits}
        names = {os.path.basename(root) for root in self._roots}  # noqa: PTH119
        self._are_named = len(names) == len(self._roots) and "" not in names

    def of(self, path: str) -> str:
        """Below its root; with the root's name, or as a whole, where there are several."""
        for root in self._roots:
            below = relative_to(path, root)
            if below and len(self._roots) == 1:
                return display(below)
            if below and self._are_named:
                return display(os.path.join(os.path.basename(root), below))  # noqa: PTH118, PTH119
        return display(path)


def _cells(
    hits: Sequence["Hit"], sort: str, with_bars: bool
) -> "list[tuple[Column, Callable[[Hit], Text]]]":
    """The columns of a table of hits, and what stands in them."""
    cells: list[tuple[Column, Callable[[Hit], Text]]] = []
    if any(hit.similarity is not None for hit in hits):
        title = "similarity" if with_bars else "sim."
        cells.append((Column(title), lambda hit: share(hit.similarity or 0.0, with_bars)))
    title = "probability" if with_bars else "prob."
    cells += [
        (Column("class"), lambda hit: Text(hit.class_code, "bold")),
        (Column(title), lambda hit: share(hit.probability, with_bars)),
        (Column("length", is_right=True), lambda hit: Text(duration(hit.facts.duration_s))),
    ]
    sorted_by = [facet for facet in FACETS if facet.word == sort and facet.label != "length"]
    cells += [_facet_cell(facet) for facet in sorted_by]
    if sort == "added":
        cells.append((Column("added"), lambda hit: Text(_day(hit.added_at))))
    return cells


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _facet_cell(facet: Fact) -> "tuple[Column, Callable[[Hit], Text]]":
    column = Column(facet.label, is_right=True)
    return column, lambda hit: Text(shown(facet, getattr(hit.facts, facet.key)))


def _line(
    columns: Sequence[Column], cells: Sequence[Text], widths: Sequence[int], last: Text
) -> Text:
    line = Text()
    for column, cell, width in zip(columns, cells, widths, strict=True):
        blank = " " * (width - cell.cell_len)
        line.append(blank if column.is_right else "")
        line.append_text(cell)
        line.append(("" if column.is_right else blank) + _GAP)
    return line.append_text(last)


def _path(row: Row, room: int | None) -> Text:
    note = f"  ({row.note})" if row.note else ""
    left = None if room is None else max(_MIN_PATH_WIDTH, room - len(note))
    return Text(elided(row.path, left)) + Text(note, "yellow")


def _note(hit: "Hit") -> str:
    """What is wrong with a sample."""
    notes = [hit.facts.warning] if hit.facts.warning else []
    if hit.percussion is not None and hit.percussion < _MIN_PERCUSSION:
        notes.append("not percussion?")
    notes += [] if hit.is_online else ["offline"]
    return ", ".join(notes)
