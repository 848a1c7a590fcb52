"""What the words of a question mean in this library: its classes and its folders."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from libindex.errors import UsageError
from libindex.instruments import nearest, resolve
from libindex.queries.conditions import is_named
from libindex.queries.filters import Filters
from libindex.queries.folders import folder_of
from libindex.queries.lookup import Network
from libindex.store.schema import samples


def resolved(connection: Connection, network: Network, filters: Filters) -> Filters:
    """The same filters, checked: codes for classes, a path for a folder, no words.

    Raises
    ------
    UsageError
        If there is no such class, or a word means nothing.
    NotFoundError
        If `under` is not in the library, or several folders end so.
    """
    codes = [code for text in filters.classes for code in resolve(text, network.classes)]
    names = list(filters.names)
    words = list(filters.words)
    while words:
        length, meant = _first_class(words, network.classes)
        codes += meant
        if not meant:
            names.append(words[0])
            _check_name(connection, words[0], network.classes)
        del words[:length]
    return replace(
        filters,
        words=(),
        classes=tuple(dict.fromkeys(codes)),
        names=tuple(names),
        under=None if filters.under is None else folder_of(connection, filters.under),
    )


def _first_class(words: Sequence[str], classes: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """How many of the first words name a class ("open hat" is two), and its codes."""
    for length in range(len(words), 0, -1):
        try:
            return length, resolve(" ".join(words[:length]), classes)
        except UsageError:
            continue
    return 1, ()


def _check_name(connection: Connection, word: str, classes: tuple[str, ...]) -> None:
    query = select(samples.c.id).where(is_named(word)).limit(1)
    if connection.execute(query).first() is None:
        near = nearest(word, classes)
        hint = f"; did you mean {near}?" if near else ""
        raise UsageError(f"no class, file or folder {word!r}{hint}")
