"""Results as a table for people, as wide as their terminal."""

import os
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
class _Column:
    """A column in front of the path."""

    title: str
    cell: "Callable[[Hit], Text]"
    is_right: bool = False


def show_table(hits: Sequence["Hit"], sort: str) -> None:
    """Print hits, each on a line, with their copies on lines below."""
    if not hits:
        return
    console = Console()
    # In a pipe or a file nothing is cut: who asks for a table there has room for it.
    width = console.width if console.is_terminal else None
    columns = _columns(hits, sort, width is None or width >= _MIN_WIDTH_FOR_BARS)
    rows = [[column.cell(hit) for column in columns] for hit in hits]
    widths = [
        max(cell_len(column.title), *(row[i].cell_len for row in rows))
        for i, column in enumerate(columns)
    ]
    before = sum(width + len(_GAP) for width in widths)
    room = None if width is None else max(_MIN_PATH_WIDTH, width - before)
    places = _Places(hits)
    titles = [Text(column.title, "dim") for column in columns]
    lines = [_line(columns, titles, widths, Text("file", "dim"))]
    for hit, row in zip(hits, rows, strict=True):
        lines.append(_line(columns, row, widths, _file(hit, places, room)))
        for copy in hit.copies:
            text = elided(f"= {places.of(copy)}", room)
            lines.append(Text(" " * before) + Text(text, "dim"))
    for line in lines:
        console.print(line, soft_wrap=True)


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


def _columns(hits: Sequence["Hit"], sort: str, with_bars: bool) -> list[_Column]:
    columns = []
    if any(hit.similarity is not None for hit in hits):
        title = "similarity" if with_bars else "sim."
        columns.append(_Column(title, lambda hit: _share(hit.similarity or 0.0, with_bars)))
    title = "probability" if with_bars else "prob."
    columns += [
        _Column("class", lambda hit: Text(hit.class_code, "bold")),
        _Column(title, lambda hit: _share(hit.probability, with_bars)),
        _Column("length", lambda hit: Text(duration(hit.facts.duration_s)), is_right=True),
    ]
    sorted_by = [facet for facet in FACETS if facet.word == sort and facet.label != "length"]
    return columns + [_facet_column(facet) for facet in sorted_by]


def _facet_column(facet: Fact) -> _Column:
    return _Column(
        facet.label, lambda hit: Text(shown(facet, getattr(hit.facts, facet.key))), is_right=True
    )


def _share(value: float, with_bar: bool) -> Text:
    number = f"{value:.2f}"
    return Text.assemble((bar(value), "cyan"), f" {number}") if with_bar else Text(number)


def _line(columns: list[_Column], cells: list[Text], widths: list[int], last: Text) -> Text:
    line = Text()
    for column, cell, width in zip(columns, cells, widths, strict=True):
        blank = " " * (width - cell.cell_len)
        line.append(blank if column.is_right else "")
        line.append_text(cell)
        line.append(("" if column.is_right else blank) + _GAP)
    return line.append_text(last)


def _file(hit: "Hit", places: _Places, room: int | None) -> Text:
    """The path, and what is wrong with it."""
    notes = [hit.facts.warning] if hit.facts.warning else []
    if hit.percussion is not None and hit.percussion < _MIN_PERCUSSION:
        notes.append("not percussion?")
    notes += [] if hit.is_online else ["offline"]
    note = f"  ({', '.join(notes)})" if notes else ""
    left = None if room is None else max(_MIN_PATH_WIDTH, room - len(note))
    return Text(elided(places.of(hit.path), left)) + Text(note, "yellow")
