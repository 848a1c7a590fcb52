"""What the words of a question mean in this library: its classes and its folders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    for meaning in meanings(filters.words, network.classes):
        codes += meaning.classes
        if not meaning.classes:
            names.append(meaning.word)
            _check_name(connection, meaning.word, network.classes)
    unwanted = meanings(filters.without, network.classes)
    return replace(
        filters,
        words=(),
        classes=tuple(dict.fromkeys(codes)),
        names=tuple(names),
        under=None if filters.under is None else folder_of(connection, filters.under),
        without=(),
        not_classes=tuple(code for meaning in unwanted for code in meaning.classes),
        not_names=tuple(meaning.word for meaning in unwanted if not meaning.classes),
    )


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one or more words mean: classes, or without any, a pattern for names."""

    word: str
    classes: tuple[str, ...]


def meanings(words: Sequence[str], classes: tuple[str, ...]) -> list[Meaning]:
    """What words mean: as many together as name a class, others one by one."""
    words, found = list(words), []
    while words:
        length, codes = _first_class(words, classes)
        found.append(Meaning(" ".join(words[:length]), codes))
        del words[:length]
    return found


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
