"""`Library`: the Python face of libindex, which the command line and notebooks share."""

import contextlib
import math
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from libindex import queries, resources
from libindex import settings as settings_module
from libindex.errors import NotFoundError, UsageError
from libindex.indexing import Indexer, Progress, ScanSummary, forget_root
from libindex.paths import PathLike, absolute
from libindex.queries import Failure, Filters, Hit, Network, SampleInfo, Sort, Status
from libindex.settings import Settings
from libindex.similarity.embeddings import index_path, is_current, neighbour_index
from libindex.store import locking
from libindex.store.database import Database

if TYPE_CHECKING:
    from libindex.export.columns import Answer
    from libindex.export.destination import Destination
    from libindex.export.tree import Order, TreeSummary
    from libindex.export.writing import Format, Kind
    from libindex.kits.kit import Kit
    from libindex.kits.material import Material
    from libindex.kits.recipe import Recipe
    from libindex.similarity.neighbours import NeighbourIndex
    from libindex.watching.activity import Activity
    from libindex.watching.watcher import Watcher, WatchOptions

_MOST = 10**12


class Library(contextlib.AbstractContextManager["Library"]):
    """An indexed collection of samples.

    Open one with `Library.open`, preferably in a ``with`` statement.

    Parameters
    ----------
    database : Database
        Its database.
    settings : Settings
        How to analyse.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self._resources = ExitStack()
        self._model_is_named = Path(settings.model) != resources.default_model()

    @classmethod
    def open(
        cls, db: PathLike | None = None, *, create: bool = True, **overrides: Any
    ) -> "Library":
        """Open a library.

        Parameters
        ----------
        db : str or Path, optional
            Path or SQLAlchemy URL of its database; by default the user's own library.
        create : bool
            Whether to make it if it is not there.
        **overrides
            Other settings: ``model``, ``jobs``, ``device``, ``file_timeout_s``.

        Returns
        -------
        Library
            To be closed, or used in a ``with`` statement.

        Raises
        ------
        SettingsError
            If a setting makes no sense.
        DatabaseError, NotFoundError
            If the database can't be opened, or is not there.
        """
        given = {"db": os.fspath(db) if db is not None else None, **overrides}
        settings = settings_module.load(given)
        library = cls(Database.open(settings.db, create=create), settings)
        library._model_is_named |= given.get("model") is not None
        return library

    @classmethod
    def temporary(cls, **overrides: Any) -> "Library":
        """A new, empty library that is deleted when it is closed."""
        folder = tempfile.TemporaryDirectory(prefix="libindex-")
        library = cls.open(Path(folder.name) / "library.db", **overrides)
        library._resources.callback(folder.cleanup)
        return library

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything."""
        self._resources.close()

    def scan(
        self,
        *paths: PathLike,
        retry_failed: bool = False,
        dry_run: bool = False,
        progress: Callable[[Progress], None] = lambda _: None,
        waiting: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
    ) -> ScanSummary:
        """Bring the library up to date with the disk.

        Parameters
        ----------
        *paths : str or Path
            Folders to add, or known folders to look at again; none stands for all roots.
        retry_failed : bool
            Whether to try files again that failed and have not changed.
        dry_run : bool
            Only tell what is new, changed and gone; nothing is read or recorded.
        progress : callable
            Called with a `Progress` now and then.
        waiting : callable, optional
            Called with the name of a process that writes to this library already; then this
            waits for it.
        stop : threading.Event, optional
            Set it to end early; what is done is kept.

        Returns
        -------
        ScanSummary
            What was found and done.

        Raises
        ------
        BusyError
            If another process writes and `waiting` is not given.
        NotFoundError, DatabaseError, ModelError
            If a path, the database or the network can't be used. One bad file is no error: it
            is counted as failed, and `failures` tells why.
        """
        from libindex.network.modelfile import ModelFile

        folders = [absolute(path) for path in paths]
        model = ModelFile.read(self.settings.model)
        with Indexer(self.database, model, self.settings) as indexer:
            if dry_run:
                return indexer.preview(folders)
            with locking.writing(self.database.path, "scan", waiting, stop):
                return indexer.scan(
                    folders, retry_failed=retry_failed, progress=progress, stop=stop
                )

    def watcher(self, *paths: PathLike, options: "WatchOptions | None" = None) -> "Watcher":
        """A watcher that keeps this library true while it runs.

        Parameters
        ----------
        *paths : str or Path
            Folders to watch, which are added if they are new; none stands for all roots.
        options : WatchOptions, optional
            How to watch.

        Returns
        -------
        Watcher
            Its `run` returns when its `stop` was called, from another thread.
        """
        from libindex.watching.watcher import Watcher

        return Watcher(self.database, self.settings, [absolute(p) for p in paths], options)

    def activity(self) -> "Activity | None":
        """What the watcher of this library does now; None if there is none."""
        from libindex.watching import activity

        return activity.read(self.database.path)

    def query(
        self,
        *,
        sort: Sort = "prob",
        reverse: bool = False,
        limit: int | None = None,
        offset: int = 0,
        **filters: Any,
    ) -> list[Hit]:
        """Find samples by class and facets.

        Parameters
        ----------
        sort : {"prob", "path", "name", "duration", "centroid", "loudness", "added"}
            Most probable, in order of path or of name, shortest, darkest, quietest, or newest
            first.
        reverse : bool
            The other way round.
        limit, offset : int
            How many at most, after how many to begin.
        **filters
            The keys of `libindex.queries.FilterArgs`, such as ``classes=["snare"]`` and
            ``min_prob=0.8``.

        Returns
        -------
        list of Hit
            In order.

        Raises
        ------
        UsageError
            If a class does not exist or a value makes no sense.
        NotFoundError
            If the library is empty, or ``under`` is no part of it.
        """
        _check_order(sort, limit, offset)
        with self._answering() as (connection, network):
            found = queries.find(
                connection, network, Filters.of(**filters), sort, limit, offset, reverse=reverse
            )
            return list(found)

    def count(self, **filters: Any) -> int:
        """How many samples `query` finds without a limit; it raises the same errors."""
        with self._answering() as (connection, network):
            return queries.count(connection, network, Filters.of(**filters))

    def export(
        self,
        file: "Destination",
        file_format: "Format" = "csv",
        kind: "Kind" = "records",
        *,
        sort: Sort = "path",
        reverse: bool = False,
        limit: int | None = None,
        **filters: Any,
    ) -> int:
        """Write what `query` finds to a file, with all probabilities.

        Parameters
        ----------
        file : str, Path or binary file
            Where to; what was there is replaced when the new file is complete.
        file_format : {"csv", "json", "jsonl", "parquet", "npz"}
            How; "npz" and "parquet" have the embeddings too.
        kind : {"records", "prob"}
            Records, or the table of probabilities that DrumClassifier writes.
        sort, reverse, limit, **filters
            As for `query`.

        Returns
        -------
        int
            How many samples there are in it.

        Raises
        ------
        UsageError, NotFoundError
            As for `query`.
        LibindexError
            If the file can't be written, or pyarrow is not there for "parquet".
        """
        from libindex.export import writing

        writing.check(file_format, kind)
        with self._answer(sort, reverse, limit, filters) as answer:
            return writing.write(answer, file, file_format, kind)

    def export_playlist(
        self,
        file: "Destination",
        *,
        sort: Sort = "path",
        reverse: bool = False,
        limit: int | None = None,
        **filters: Any,
    ) -> int:
        """Write what `query` finds as a playlist (M3U8); parameters and errors as for `export`.

        Samples below the folder of the playlist are named relative to it.
        """
        from libindex.export.playlist import export_playlist

        with self._answer(sort, reverse, limit, filters) as answer:
            return export_playlist(answer, file)

    def export_tree(
        self,
        folder: PathLike,
        *,
        by: "Order" = "class",
        copy: bool = False,
        sort: Sort = "path",
        reverse: bool = False,
        limit: int | None = None,
        **filters: Any,
    ) -> "TreeSummary":
        """Make a tree of links to what `query` finds, or bring it up to date.

        Parameters
        ----------
        folder : str or Path
            Where; outside of the library. What libindex did not make there is left alone.
        by : {"class", "class/pack"}
            Its levels; a pack is the first folder below a root.
        copy : bool
            Copies instead of links.
        sort, reverse, limit, **filters
            As for `query`.

        Returns
        -------
        TreeSummary
            What was done.

        Raises
        ------
        UsageError, NotFoundError
            As for `query`, and if the folder lies inside of a root.
        LibindexError
            If the tree can't be made.
        """
        from libindex.export.tree import write_tree

        with self._answer(sort, reverse, limit, filters) as answer:
            return write_tree(answer, folder, by, copy=copy)

    def similar(
        self,
        file: PathLike,
        n: int = 10,
        *,
        min_similarity: float = -1.0,
        copies: bool = False,
        **filters: Any,
    ) -> list[Hit]:
        """Find what sounds like a file.

        Parameters
        ----------
        file : str or Path
            A path, indexed or not (then it is analysed and not added), or the name of one
            file of the library.
        n : int
            How many at most.
        min_similarity : float
            Leave out what is less similar (cosine, up to 1).
        copies : bool
            Give every byte-identical copy its own hit.
        **filters
            As for `query`.

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
        """
        if not 1 <= n <= _MOST:
            raise UsageError(f"n is {n}; it must lie between 1 and {_MOST}")
        if math.isnan(min_similarity):
            raise UsageError("the least similarity is not a number")
        with self._answering() as (connection, network):
            subject = queries.subject(connection, network, self.settings, file)
            return queries.similar(
                connection,
                network,
                self._index(connection, network),
                subject.embedding,
                n,
                Filters.of(**filters),
                min_similarity=min_similarity,
                without_path=subject.path,
                without_content=None if copies else subject.content_id,
                copies=copies,
            )

    def kit(
        self,
        name: str,
        /,
        recipe: "Recipe | None" = None,
        *,
        folder: PathLike | None = None,
        similar_to: PathLike | None = None,
        **filters: Any,
    ) -> "Kit":
        """Make a drum kit; `libindex.kits.writing.write` writes it.

        Parameters
        ----------
        name : str
            The kit's.
        recipe : Recipe, optional
            Layout, assignment, levels, variation.
        folder : str or Path, optional
            All sounds below this folder, which need not be in the library.
        similar_to, **filters
            Samples of the library; see `material`.

        Returns
        -------
        Kit
            Its voices play the files where they are.

        Raises
        ------
        KitError
            If no sound fits any pad.
        """
        from libindex.kits.building import build
        from libindex.kits.recipe import Recipe

        recipe = recipe or Recipe()
        if folder is None:
            return build(name, self.material(recipe, similar_to=similar_to, **filters), recipe)
        if similar_to is not None or filters:
            raise UsageError("a kit from a folder takes all of it; filters look in the library")
        [found] = self.materials([folder]).values()
        return build(name, found, recipe)

    def material(
        self, recipe: "Recipe", *, similar_to: PathLike | None = None, **filters: Any
    ) -> "Material":
        """What of the library a kit can be made of.

        Parameters
        ----------
        recipe : Recipe
            Which classes are needed, and with what probability.
        similar_to : str or Path, optional
            Of every class the samples that sound most like this file.
        **filters
            As for `query`, but for ``min_prob``, which is the recipe's ``least``.

        Raises
        ------
        UsageError
            If a filter makes no sense, or the recipe has no use for likeness.
        NotFoundError, LibindexError
            If the library is empty, or a file can't be read.
        """
        from libindex.kits import material

        if "min_prob" in filters:
            raise UsageError("the least probability of a pad is the recipe's")
        if similar_to is not None and recipe.is_original:
            raise UsageError("likeness counts only where the best assignment is looked for")
        wanted = Filters.of(**filters)
        with self._answering() as (connection, network):
            if similar_to is None:
                return material.from_library(connection, network, wanted, recipe)
            subject = queries.subject(connection, network, self.settings, similar_to)
            index = self._index(connection, network)
            return material.like(connection, network, index, subject.embedding, wanted, recipe)

    def materials(
        self, folders: Iterable[PathLike], hearing: Callable[[int], None] = lambda _: None
    ) -> "dict[str, Material]":
        """What kits can be made of from folders, which need not be in the library.

        Parameters
        ----------
        folders : iterable of str or Path
            Each with all that lies below it.
        hearing : callable
            Called with the number of files that the library does not know, and that are heard now.

        Returns
        -------
        dict of str to Material
            By absolute path.

        Raises
        ------
        LibindexError
            If a folder can't be read.
        ModelError
            If something has to be heard, and the network at hand is not the library's.
        """
        from libindex.kits import material

        with self.database.reading() as connection:
            network = self._network_or_none(connection)
            known = material.known_of(connection, network, [absolute(f) for f in folders])
        return material.from_folders(known, self.settings, hearing)

    def judge(self, kit: "Kit") -> "Kit":
        """The same kit, with classes, probabilities and lengths of the samples that are there."""
        from libindex.kits import material, reading

        kit = reading.with_lengths(kit)
        unknown = reading.unjudged(kit)
        with self.database.reading() as connection:
            network = self._network_or_none(connection)
            known = material.known_chances(connection, network, unknown)
        new = [path for path, found in known.items() if not found]
        return reading.judged(kit, known | material.heard_chances(self.settings, new))

    def status(self) -> Status:
        """Counts of everything in the library."""
        with self.database.reading() as connection:
            return queries.status(connection, self._network_or_none(connection))

    def failures(self) -> list[Failure]:
        """The samples that can't be used, and why."""
        with self.database.reading() as connection:
            return queries.failures(connection)

    def info(self, file: PathLike) -> SampleInfo:
        """Everything known of a sample, by its path or its name.

        Raises
        ------
        NotFoundError
            If there is no such sample, or several of this name.
        """
        with self.database.reading() as connection:
            sample = queries.sample_meant(connection, file)
            return queries.info(connection, self._network_or_none(connection), sample)

    def forget(self, path: PathLike, waiting: Callable[[str], None] | None = None) -> int:
        """Take a root out of the library; the files stay as they are.

        Parameters
        ----------
        path : str or Path
            The root.
        waiting : callable, optional
            As for `scan`.

        Returns
        -------
        int
            How many samples it had.

        Raises
        ------
        NotFoundError
            If it is not a root.
        """
        with locking.writing(self.database.path, "forget", waiting):
            return forget_root(self.database, absolute(path))

    def network(self) -> Network | None:
        """The network that answers; None before the first scan."""
        with self.database.reading() as connection:
            return self._network_or_none(connection)

    def classes(self) -> tuple[str, ...]:
        """The classes of the network that answers; before the first scan, of the one at hand."""
        from libindex.network.modelfile import ModelFile

        network = self.network()
        return network.classes if network else ModelFile.read(self.settings.model).classes

    def writer(self) -> locking.Holder | None:
        """The process that writes to this library now, as far as is known."""
        return locking.holder(self.database.path)

    def neighbours_file(self) -> tuple[Path, bool] | None:
        """Where the neighbour index is, and whether it is current; None before the first scan."""
        with self.database.reading() as connection:
            network = self._network_or_none(connection)
            if network is None:
                return None
            path = index_path(self.database.path, network.fingerprint)
            return path, is_current(connection, path)

    def _index(self, connection: Connection, network: Network) -> "NeighbourIndex":
        return neighbour_index(
            connection,
            index_path(self.database.path, network.fingerprint),
            network.id,
            network.latent_size,
            save=self.writer() is None,  # while somebody writes it would soon be old
        )

    @contextmanager
    def _answering(self) -> Iterator[tuple[Connection, Network]]:
        with self.database.reading() as connection:
            yield connection, self._network(connection)

    @contextmanager
    def _answer(
        self, sort: Sort, reverse: bool, limit: int | None, filters: dict[str, Any]
    ) -> Iterator["Answer"]:
        """What is found, to be exported."""
        from libindex.export.columns import Answer

        _check_order(sort, limit)
        with self._answering() as (connection, network):
            hits = queries.find(
                connection, network, Filters.of(**filters), sort, limit, reverse=reverse
            )
            yield Answer(connection, network, hits)

    def _network(self, connection: Connection) -> Network:
        # A network that was named is meant; otherwise the one that the library was scanned with.
        fingerprint = None
        if self._model_is_named:
            from libindex.network.modelfile import ModelFile

            fingerprint = ModelFile.read(self.settings.model).fingerprint
        return queries.current_network(connection, fingerprint)

    def _network_or_none(self, connection: Connection) -> Network | None:
        try:
            return self._network(connection)
        except NotFoundError:
            return None


def _check_order(sort: Sort, limit: int | None, offset: int = 0) -> None:
    if sort not in queries.SORTS:
        raise UsageError(f"can't sort by {sort!r}; choose from {', '.join(queries.SORTS)}")
    for name, number in (("limit", limit or 0), ("offset", offset)):
        if not 0 <= number <= _MOST:
            raise UsageError(f"{name} is {number}; it must lie between 0 and {_MOST}")
