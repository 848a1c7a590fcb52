"""`Selection`: the samples that match some filters, and what can be made of them."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from libindex import queries
from libindex.errors import UsageError
from libindex.paths import PathLike
from libindex.queries import Example, Filters, Hit, Sort
from libindex.queries.reader import Reader

if TYPE_CHECKING:
    from libindex.export.columns import Answer
    from libindex.export.destination import Destination
    from libindex.export.tree import Order, TreeSummary
    from libindex.export.writing import Format, Kind
    from libindex.kits.material import Material
    from libindex.kits.recipe import Recipe

_MAX_NUMBER = 10**12


class Selection:
    """The samples of a library that match some filters; made by `Library.select`.

    It holds no samples: each call looks them up as the library is then.

    Parameters
    ----------
    reader : Reader
        The library.
    filters : Filters
        What has to match.

    Examples
    --------
    >>> short = library.select(max_duration_s=0.3)
    >>> short.count()
    3
    >>> short.export("short.csv")
    3
    """

    def __init__(self, reader: Reader, filters: Filters) -> None:
        self._reader = reader
        self.filters = filters

    def hits(
        self,
        *,
        sort: Sort = "prob",
        reverse: bool = False,
        limit: int | None = None,
        offset: int = 0,
        copies: bool = False,
    ) -> list[Hit]:
        """The samples, in order.

        Parameters
        ----------
        sort : {"prob", "path", "name", "duration", "centroid", "loudness", "added"}
            Most probable, in order of path or of name, shortest, darkest, quietest, or newest
            first. Sorted by length, brightness or loudness, samples that are probably not of the
            class come last, unless ``min_prob`` is given.
        reverse : bool
            The other way round.
        limit, offset : int
            How many at most (None or 0 for all), after how many to begin.
        copies : bool
            Give every byte-identical copy its own hit; else they are the `copies` of the first.

        Returns
        -------
        list of Hit

        Raises
        ------
        UsageError
            If a class does not exist or a value makes no sense.
        NotFoundError
            If the library is empty, or ``under`` is no part of it.

        Examples
        --------
        >>> for hit in library.select(classes="snare").hits(sort="name", limit=2):
        ...     print(hit.class_code, hit.path.rpartition("/")[2])
        snr snare01.flac
        snr snare02.wav
        """
        limit = _checked(sort, limit, offset)
        with self._reader.answering() as (connection, network):
            found = queries.find(
                connection,
                network,
                self.filters,
                sort,
                limit,
                offset,
                reverse=reverse,
                copies=copies,
            )
            return list(found)

    def count(self, *, copies: bool = False) -> int:
        """How many `hits` there are without a limit; raises the same errors.

        Examples
        --------
        >>> library.select(classes=["kick", "snare"], min_prob=0.5).count()
        6
        """
        with self._reader.answering() as (connection, network):
            return queries.count(connection, network, self.filters, copies=copies)

    def similar(
        self,
        file: PathLike,
        n: int = 10,
        *,
        min_similarity: float = -1.0,
        copies: bool = False,
        on_example: Callable[[Example], None] = lambda _: None,
    ) -> list[Hit]:
        """Those of the samples that sound most like a file.

        Parameters
        ----------
        file : str or Path
            A path, in the library or not (then it is analysed and not added), or the name of one
            file of the library.
        n : int
            How many at most.
        min_similarity : float
            Leave out what is less similar (cosine, up to 1).
        copies : bool
            Give every byte-identical copy its own hit.
        on_example : callable
            Called with the `Example` that the file was taken for, before it is analysed if the
            library does not know it.

        Returns
        -------
        list of Hit
            The most similar first; the file itself is not among them.

        Raises
        ------
        NotFoundError
            If there is no such file, or several of this name.
        SampleError
            If the file can't be analysed.
        UsageError
            As `hits`.

        Examples
        --------
        >>> [nearest, *others] = library.select(classes="kick").similar("kick01.ogg", 3)
        >>> nearest.path.rpartition("/")[2], round(nearest.similarity, 2)
        ('kick02.wav', 1.0)
        """
        if not 1 <= n <= _MAX_NUMBER:
            raise UsageError(f"n is {n}; it must lie between 1 and {_MAX_NUMBER}")
        if math.isnan(min_similarity):
            raise UsageError("min_similarity is not a number")
        network, example, filters = self._reader.example(file, self.filters, on_example)
        assert example.embedding is not None
        with self._reader.database.reading() as connection:
            return queries.similar(
                connection,
                network,
                self._reader.index(connection, network),
                example.embedding,
                n,
                filters,
                min_similarity=min_similarity,
                without_path=example.path,
                without_content=None if copies else example.content_id,
                copies=copies,
            )

    def export(
        self,
        file: "Destination",
        file_format: "Format" = "csv",
        kind: "Kind" = "records",
        *,
        sort: Sort = "path",
        reverse: bool = False,
        limit: int | None = None,
        copies: bool = True,
    ) -> int:
        """Write the samples to a file, with all probabilities.

        Parameters
        ----------
        file : str, Path or binary file
            Where to; what was there is replaced when the new file is complete.
        file_format : {"csv", "json", "jsonl", "parquet", "npz"}
            How; "npz" and "parquet" have the embeddings too.
        kind : {"records", "prob"}
            Records, or the table of probabilities that DrumClassifier writes.
        sort, reverse, limit, copies
            As for `hits`.

        Returns
        -------
        int
            How many samples were written.

        Raises
        ------
        UsageError, NotFoundError
            As `hits`.
        LibindexError
            If the file can't be written, or pyarrow is not there for "parquet".

        Examples
        --------
        >>> library.select(max_duration_s=0.3).export("short.csv")
        3
        """
        from libindex.export import writing

        writing.check(file_format, kind)
        with self._answer(sort, reverse, limit, copies) as answer:
            return writing.write(answer, file, file_format, kind)

    def playlist(
        self,
        file: "Destination",
        *,
        sort: Sort = "path",
        reverse: bool = False,
        limit: int | None = None,
        copies: bool = True,
    ) -> int:
        """Write the samples as a playlist (M3U8); parameters and errors as for `export`.

        Samples below the folder of the playlist are named relative to it.

        Examples
        --------
        >>> library.select(classes="hats").playlist("hats.m3u8", sort="duration")
        3
        """
        from libindex.export.playlist import export_playlist

        with self._answer(sort, reverse, limit, copies) as answer:
            return export_playlist(answer, file)

    def tree(
        self,
        folder: PathLike,
        *,
        by: "Order" = "class",
        copy: bool = False,
        sort: Sort = "path",
        reverse: bool = False,
        limit: int | None = None,
        copies: bool = True,
    ) -> "TreeSummary":
        """Make a tree of links to the samples, or bring it up to date.

        Parameters
        ----------
        folder : str or Path
            Where; outside of the library. What libindex did not make there is left alone.
        by : {"class", "class/pack"}
            Its levels; a pack is the first folder below a root.
        copy : bool
            Copies instead of links.
        sort, reverse, limit, copies
            As for `hits`.

        Returns
        -------
        TreeSummary
            What was done.

        Raises
        ------
        UsageError, NotFoundError
            As `hits`, and if the folder lies inside of a root.
        LibindexError
            If the tree can't be made.

        Examples
        --------
        >>> done = library.select(classes="kick").tree("Sorted", by="class")
        >>> done.added, done.removed
        (3, 0)
        """
        from libindex.export.tree import write_tree

        with self._answer(sort, reverse, limit, copies) as answer:
            return write_tree(answer, folder, by, copy=copy)

    def material(self, recipe: "Recipe", *, similar_to: PathLike | None = None) -> "Material":
        """What a kit can be made of.

        Parameters
        ----------
        recipe : Recipe
            Which classes are needed, and with what probability.
        similar_to : str or Path, optional
            Take of every class the samples that sound most like this file.

        Returns
        -------
        Material
            For `libindex.kits.build`.

        Raises
        ------
        UsageError
            If a filter makes no sense or is ``min_prob`` (the recipe has its own), or the recipe
            can't use similarity.
        NotFoundError, LibindexError
            If the library is empty, or a file can't be read.

        Examples
        --------
        >>> from libindex import Layout, Pad, Recipe
        >>> recipe = Recipe(Layout("two", (Pad(36, ("kick",)), Pad(38, ("snr",)))))
        >>> material = library.select(under="demo_sounds").material(recipe)
        >>> len(material.sounds)
        6
        """
        from libindex.kits.maker import KitMaker

        maker = KitMaker(self._reader.engine, self._reader)
        return maker.selected_material(recipe, self.filters, similar_to)

    @contextmanager
    def _answer(
        self, sort: Sort, reverse: bool, limit: int | None, copies: bool
    ) -> Iterator["Answer"]:
        """What is found, to be exported."""
        from libindex.export.columns import Answer

        limit = _checked(sort, limit)
        with self._reader.answering() as (connection, network):
            hits = queries.find(
                connection, network, self.filters, sort, limit, reverse=reverse, copies=copies
            )
            yield Answer(connection, network, hits)


def _checked(sort: Sort, limit: int | None, offset: int = 0) -> int | None:
    """The limit, None for none."""
    if sort not in queries.SORTS:
        raise UsageError(f"can't sort by {sort!r}; choose from {', '.join(queries.SORTS)}")
    for name, number in (("limit", limit or 0), ("offset", offset)):
        if not 0 <= number <= _MAX_NUMBER:
            raise UsageError(f"{name} is {number}; it must lie between 0 and {_MAX_NUMBER}")
    return limit or None
