"""`Library`: the Python face of libindex, which the command line and notebooks share."""

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from sqlalchemy import select

from libindex import queries, resources
from libindex import settings as settings_module
from libindex.analysis.engine import Engine
from libindex.errors import SampleError
from libindex.paths import PathLike, absolute
from libindex.queries import (
    Example,
    Failure,
    FilterArgs,
    Filters,
    Hit,
    Network,
    SampleInfo,
    Sort,
    Status,
)
from libindex.queries.describe import describe
from libindex.queries.inspect import copies_of
from libindex.queries.reader import Reader
from libindex.selection import Selection
from libindex.settings import Settings, SettingsArgs
from libindex.similarity.embeddings import index_path, is_current
from libindex.store import locking
from libindex.store.database import Database
from libindex.store.facets import facts_of
from libindex.store.schema import contents

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from libindex.analysis.engine import PipelineFactory
    from libindex.analysis.results import Analysis
    from libindex.export.destination import Destination
    from libindex.export.writing import Format, Kind
    from libindex.indexing import Progress, ScanSummary
    from libindex.kits.kit import Kit
    from libindex.kits.maker import KitMaker
    from libindex.kits.recipe import Recipe
    from libindex.queries.reader import IndexFactory
    from libindex.similarity.settling import SoundMap
    from libindex.sound.decoding import FloatArray
    from libindex.sound.facts import Facts
    from libindex.watching.activity import Activity
    from libindex.watching.options import WatchOptions
    from libindex.watching.watcher import Watcher


class Library(contextlib.AbstractContextManager["Library"]):
    """An indexed collection of samples.

    Open one with `Library.open`, preferably in a ``with`` statement. The network, the processes
    that decode and the neighbour index are made when they are first needed and kept until it is
    closed. Several threads may search and analyse at the same time, also while one scans.

    Parameters
    ----------
    database : Database
        Its database.
    settings : Settings
        How to analyse.
    model_is_named : bool, optional
        Whether to use results of the settings' network only, even if the library was last scanned
        with another; by default if it is not the one that comes with libindex.
    pipeline_factory : callable, optional
        Makes what analyses files, of a `ModelFile` and `Settings`; by default
        `libindex.analysis.engine.load_pipeline`.
    index_factory : callable, optional
        Makes the neighbour index; by default `libindex.similarity.embeddings.neighbour_index`.

    Examples
    --------
    >>> with Library.open("library.db") as library:
    ...     summary = library.scan("demo_sounds")
    ...     kicks = library.query(classes="kick", min_prob=0.5, sort="path")
    >>> [kick.path.rpartition("/")[2] for kick in kicks]
    ['kick01.ogg', 'kick02.wav', 'kick03.flac']
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        model_is_named: bool | None = None,
        pipeline_factory: "PipelineFactory | None" = None,
        index_factory: "IndexFactory | None" = None,
    ) -> None:
        self.database = database
        self.settings = settings
        if model_is_named is None:
            model_is_named = Path(settings.model) != resources.default_model()
        self._resources = ExitStack()
        self._engine = self._resources.enter_context(Engine(settings, pipeline_factory))
        self._reader = Reader(
            database, self._engine, model_is_named=model_is_named, index_factory=index_factory
        )

    @classmethod
    def open(
        cls,
        db: PathLike | None = None,
        *,
        create: bool = True,
        pipeline_factory: "PipelineFactory | None" = None,
        index_factory: "IndexFactory | None" = None,
        **overrides: Unpack[SettingsArgs],
    ) -> "Library":
        """Open a library.

        Parameters
        ----------
        db : str or Path, optional
            Path or SQLAlchemy URL of its database; by default the user's own library.
        create : bool
            Whether to make it if it is not there.
        pipeline_factory, index_factory : callable, optional
            As for `Library`.
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

        Examples
        --------
        >>> with Library.open("library.db", jobs=2) as library:
        ...     library.status().samples
        16
        """
        given = {"db": os.fspath(db) if db is not None else None, **overrides}
        settings = settings_module.load(given)
        return cls(
            Database.open(settings.db, create=create),
            settings,
            model_is_named=True if overrides.get("model") is not None else None,
            pipeline_factory=pipeline_factory,
            index_factory=index_factory,
        )

    @classmethod
    def temporary(cls, **overrides: Unpack[SettingsArgs]) -> "Library":
        """A new, empty library that is deleted when it is closed.

        Examples
        --------
        >>> with Library.temporary(jobs=2) as library:
        ...     library.status().samples
        0
        """
        folder = tempfile.TemporaryDirectory(prefix="libindex-")
        library = cls.open(Path(folder.name) / "library.db", **overrides)
        library._resources.callback(folder.cleanup)
        return library

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that decode, and drop the network.

        Examples
        --------
        >>> library = Library.open("library.db")
        >>> library.close()
        """
        self._resources.close()

    def scan(
        self,
        *paths: PathLike,
        retry_failed: bool = False,
        dry_run: bool = False,
        on_progress: "Callable[[Progress], None]" = lambda _: None,
        on_wait: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
    ) -> "ScanSummary":
        """Bring the library up to date with the disk.

        Parameters
        ----------
        *paths : str or Path
            Folders to add, or known folders to compare again; by default all roots.
        retry_failed : bool
            Whether to retry files that failed and have not changed.
        dry_run : bool
            Show what would change; nothing is read or recorded.
        on_progress : callable
            Called with a `Progress` after every few files.
        on_wait : callable, optional
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
            If another process writes and `on_wait` is not given.
        NotFoundError, DatabaseError, ModelError
            If a path, the database or the network can't be used. A bad file is no error: it is
            counted as failed, and `failures` lists the reason.

        Examples
        --------
        >>> summary = library.scan("demo_sounds")
        >>> summary.new, summary.unchanged, summary.failed
        (0, 16, 0)
        """
        from libindex.indexing import Indexer  # no search waits for its import

        folders = [absolute(path) for path in paths]
        with Indexer(self.database, self._engine) as indexer:
            if dry_run:
                return indexer.preview(folders)
            with locking.writer_lock(self.database.path, "scan", on_wait, stop):
                return indexer.scan(
                    folders, retry_failed=retry_failed, on_progress=on_progress, stop=stop
                )

    def add(self, folder: PathLike, on_wait: Callable[[str], None] | None = None) -> None:
        """Add a folder without looking into it: the next scan does, or the watcher.

        Parameters
        ----------
        folder : str or Path
            A folder; one that is in the library already stays as it is.
        on_wait : callable, optional
            As for `scan`; only a folder around others waits at all.

        Raises
        ------
        BusyError
            If another process writes, others are inside of it, and `on_wait` is not given.
        NotFoundError
            If it is no folder.

        Examples
        --------
        >>> with Library.temporary() as empty:
        ...     empty.add("demo_sounds")
        ...     empty.scan().new
        16
        """
        from libindex.indexing import add_folder

        path = absolute(folder)
        if not add_folder(self.database, path, only_apart=True):
            with locking.writer_lock(self.database.path, "add", on_wait):
                add_folder(self.database, path)

    def watcher(self, *paths: PathLike, options: "WatchOptions | None" = None) -> "Watcher":
        """A watcher that keeps this library up to date while it runs.

        Parameters
        ----------
        *paths : str or Path
            Folders to watch, which are added if they are new; by default all roots.
        options : WatchOptions, optional
            How to watch.

        Returns
        -------
        Watcher
            Its `run` returns when its `stop` was called, from another thread.

        Examples
        --------
        >>> import threading
        >>> watcher = library.watcher()
        >>> thread = threading.Thread(target=watcher.run)
        >>> thread.start()
        >>> watcher.stop()
        >>> thread.join()
        """
        from libindex.watching.watcher import Watcher

        return Watcher(self.database, self.settings, [absolute(p) for p in paths], options)

    def activity(self) -> "Activity | None":
        """What the watcher of this library is doing; None if there is none.

        Examples
        --------
        >>> library.activity() is None
        True
        """
        from libindex.watching import activity

        return activity.read(self.database.path)

    def select(self, **filters: Unpack[FilterArgs]) -> Selection:
        """The samples that match some filters, to be listed, counted, exported or made into kits.

        Parameters
        ----------
        **filters
            The keys of `libindex.FilterArgs`, such as ``classes=["snare"]`` and
            ``min_prob=0.8``; all must match.

        Returns
        -------
        Selection
            Nothing is looked up before it is asked for.

        Raises
        ------
        UsageError
            If there is no such filter, or a value makes no sense.

        Examples
        --------
        >>> snares = library.select(classes="snare", min_prob=0.8)
        >>> snares.count()
        3
        >>> [hit.path.rpartition("/")[2] for hit in snares.hits(sort="duration")]
        ['snare03.ogg', 'snare01.flac', 'snare02.wav']
        """
        return self.selected(Filters.of(**filters))

    def selected(self, filters: Filters) -> Selection:
        """The samples that match filters that are made already; see `select`.

        Examples
        --------
        >>> from libindex.queries import Filters
        >>> library.selected(Filters.of(classes="snare")).count()
        3
        """
        return Selection(self._reader, filters)

    def query(
        self,
        *,
        sort: Sort = "prob",
        reverse: bool = False,
        limit: int | None = None,
        offset: int = 0,
        copies: bool = False,
        **filters: Unpack[FilterArgs],
    ) -> list[Hit]:
        """Find samples by class and facets: ``select(**filters).hits(...)``.

        Examples
        --------
        >>> [shortest] = library.query(sort="duration", limit=1)
        >>> shortest.class_code, f"{shortest.facts.duration_s:.2f} s"
        ('hhc', '0.14 s')
        """
        return self.select(**filters).hits(
            sort=sort, reverse=reverse, limit=limit, offset=offset, copies=copies
        )

    def similar(
        self,
        file: PathLike,
        n: int = 10,
        *,
        min_similarity: float = -1.0,
        copies: bool = False,
        on_example: Callable[[Example], None] = lambda _: None,
        **filters: Unpack[FilterArgs],
    ) -> list[Hit]:
        """Find what sounds like a file: ``select(**filters).similar(file, ...)``.

        Examples
        --------
        >>> [hit.path.rpartition("/")[2] for hit in library.similar("kick01.ogg", 2)]
        ['kick02.wav', 'kick03.flac']
        """
        return self.select(**filters).similar(
            file, n, min_similarity=min_similarity, copies=copies, on_example=on_example
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
        **filters: Unpack[FilterArgs],
    ) -> int:
        """Write samples to a file: ``select(**filters).export(file, ...)``.

        Examples
        --------
        >>> library.export("drums.npz", "npz")
        16
        """
        return self.select(**filters).export(
            file, file_format, kind, sort=sort, reverse=reverse, limit=limit, copies=copies
        )

    def kit(
        self,
        name: str,
        /,
        recipe: "Recipe | None" = None,
        *,
        folder: PathLike | None = None,
        similar_to: PathLike | None = None,
        **filters: Unpack[FilterArgs],
    ) -> "Kit":
        """Make a drum kit; `libindex.kits.write` writes it.

        Parameters
        ----------
        name : str
            The kit's.
        recipe : Recipe, optional
            Layout, assignment, levels, variation.
        folder : str or Path, optional
            All sounds below this folder, which need not be in the library.
        similar_to, **filters
            Samples of the library; see `Selection.material`.

        Returns
        -------
        Kit
            Its voices play the files where they are.

        Raises
        ------
        KitError
            If no sound fits any pad.

        Examples
        --------
        >>> from libindex import Recipe
        >>> kit = library.kit("Demo", Recipe(), under="demo_sounds")
        >>> kit.name, kit.voices[0].class_code
        ('Demo', 'kick')
        """
        return self.kits.kit(name, recipe, folder=folder, similar_to=similar_to, **filters)

    @property
    def kits(self) -> "KitMaker":
        """What makes kits of this library, or of folders.

        Examples
        --------
        >>> material = library.kits.folder_material(["demo_sounds"])
        >>> [len(found.sounds) for found in material.values()]
        [16]
        """
        from libindex.kits.maker import KitMaker

        return KitMaker(self._engine, self._reader)

    @property
    def map(self) -> "SoundMap":
        """The map of all sounds, to be settled, redrawn, or brought back.

        Raises
        ------
        NotFoundError
            If the library was never scanned.

        Examples
        --------
        >>> library.map.network_id
        1
        """
        from libindex.similarity.geography import Geography
        from libindex.similarity.settling import SoundMap

        with self._reader.answering() as (_, network):
            geography = Geography.beside(Path(self.settings.model), network.fingerprint)
            return SoundMap(self.database, network.id, geography)

    def status(self, under: PathLike | None = None) -> Status:
        """Counts of everything in the library, or of what lies below a folder.

        Raises
        ------
        NotFoundError
            If the folder is no part of the library.

        Examples
        --------
        >>> status = library.status("demo_sounds")
        >>> status.samples, status.failed, status.by_class["kick"]
        (16, 0, 3)
        """
        with self._reader.answering_if_any() as (connection, network):
            return queries.status(connection, network, under)

    def nearest(self, embedding: "FloatArray", n: int, filters: Filters) -> list[Hit]:
        """Find what is nearest to an embedding, the nearest first.

        Parameters
        ----------
        embedding : ndarray of float32, shape (latent_size,)
            Of length 1.
        n : int
            How many at most.
        filters : Filters
            What has to match.

        Returns
        -------
        list of Hit

        Raises
        ------
        UsageError, NotFoundError
            As `Selection.hits`.

        Examples
        --------
        >>> import numpy as np
        >>> from libindex.queries import Filters
        >>> latent = library.analyse("demo_sounds/kick01.ogg").latent
        >>> [hit] = library.nearest(latent / np.linalg.norm(latent), 1, Filters())
        >>> hit.path.rpartition("/")[2]
        'kick01.ogg'
        """
        with self._reader.answering() as (connection, network):
            index = self._reader.index(connection, network)
            return queries.similar(connection, network, index, embedding, n, filters)

    def analyse(self, file: PathLike) -> "Analysis":
        """Analyse a file, whether or not it is in the library; nothing is recorded.

        Raises
        ------
        SampleError, ModelError
            If it can't be analysed.

        Examples
        --------
        >>> library.analyse("demo_sounds/kick01.ogg").facts.container
        'OGG'
        """
        with self._reader.answering_if_any() as (_, network):
            if network is not None:
                self._engine.require(network.fingerprint, network.name)
        [result] = self._engine.analyse([absolute(file)])
        if isinstance(result, SampleError):
            raise result
        return result

    def facts(self, content_id: int) -> "Facts | None":
        """The facts of a content; None if it is not in the library.

        Examples
        --------
        >>> [hit] = library.query(name="kick01.ogg")
        >>> library.facts(hit.content_id) == hit.facts
        True
        """
        with self.database.reading() as connection:
            query = select(contents).where(contents.c.id == content_id)
            row = connection.execute(query).first()
        return None if row is None else facts_of(row)

    def failures(self, under: PathLike | None = None) -> list[Failure]:
        """The samples that can't be used, and why; `under` as for `status`.

        Examples
        --------
        >>> library.failures()
        []
        """
        with self.database.reading() as connection:
            return queries.failures(connection, under)

    def info(self, file: PathLike) -> SampleInfo:
        """Everything known about a file.

        Parameters
        ----------
        file : str or Path
            A path, in the library or not (then it is analysed and not added), or the name of one
            file of the library.

        Returns
        -------
        SampleInfo
            Its `root` is None if it is not in the library.

        Raises
        ------
        NotFoundError
            If there is no such file, or several of this name.
        SampleError, ModelError
            If it is not in the library and can't be analysed.

        Examples
        --------
        >>> info = library.info("kick01.ogg")
        >>> info.facts.container, info.facts.sample_rate, next(iter(info.probabilities))
        ('OGG', 44100, 'kick')
        """
        path = absolute(file)
        with self._reader.answering_if_any() as (connection, network):
            if not Path(path).is_file() or queries.sample_at(connection, path):
                return queries.info(connection, network, queries.resolve_sample(connection, file))
        if network is not None:
            self._engine.require(network.fingerprint, network.name)
        found = describe(self._engine, path)
        with self.database.reading() as connection:
            copies = copies_of(connection, bytes.fromhex(found.digest or ""))
        return replace(found, copies=copies)

    def forget(self, path: PathLike, on_wait: Callable[[str], None] | None = None) -> int:
        """Remove a root from the library; the files stay as they are.

        Parameters
        ----------
        path : str or Path
            The root.
        on_wait : callable, optional
            As for `scan`.

        Returns
        -------
        int
            How many samples it had.

        Raises
        ------
        NotFoundError
            If it is not a root.

        Examples
        --------
        >>> library.forget("demo_sounds")
        16
        """
        from libindex.indexing import forget_root

        with locking.writer_lock(self.database.path, "forget", on_wait):
            return forget_root(self.database, absolute(path))

    @contextlib.contextmanager
    def reading(self) -> "Iterator[tuple[Connection, Network | None]]":
        """A consistent view of the database, and `network`, for queries of one's own.

        Examples
        --------
        >>> with library.reading() as (connection, network):
        ...     connection.exec_driver_sql("SELECT count(*) FROM samples").scalar()
        16
        """
        with self._reader.answering_if_any() as found:
            yield found

    def network(self) -> Network | None:
        """The network whose results are used; None before the first scan.

        Examples
        --------
        >>> len(library.network().classes)
        30
        """
        with self._reader.answering_if_any() as (_, network):
            return network

    def classes(self) -> tuple[str, ...]:
        """The classes of `network`; before the first scan, of the one in the settings.

        Examples
        --------
        >>> library.classes()[:3]
        ('whis', 'met', 'cow')
        """
        network = self.network()
        return network.classes if network else self._engine.model.classes

    def writer(self) -> locking.Holder | None:
        """The process that is writing to this library, as far as is known.

        Examples
        --------
        >>> library.writer() is None
        True
        """
        return locking.holder(self.database.path)

    def index_status(self) -> tuple[Path, bool] | None:
        """Where the neighbour index is, and whether it is current; None before the first scan.

        Examples
        --------
        >>> path, is_current = library.index_status()
        >>> is_current
        True
        """
        with self._reader.answering_if_any() as (connection, network):
            if network is None:
                return None
            path = index_path(self.database.path, network.fingerprint)
            return path, is_current(connection, path)
