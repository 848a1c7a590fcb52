"""What every search needs: the current network, the neighbour index, and files as examples."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from libindex.analysis.engine import Engine
from libindex.disk.stamps import Stamp
from libindex.errors import NotFoundError, SampleError
from libindex.paths import PathLike
from libindex.queries.example import Example, find_example
from libindex.queries.filters import Filters
from libindex.queries.lookup import Network, current_network
from libindex.queries.resolving import resolved
from libindex.similarity.embeddings import index_path, neighbour_index, normalised, revision
from libindex.store import locking
from libindex.store.database import Database

if TYPE_CHECKING:
    from libindex.similarity.neighbours import NeighbourIndex

    IndexFactory = Callable[..., NeighbourIndex]
    """Makes an index as `neighbour_index` does; a test's may count."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A neighbour index, what it shows, and the file that it may be mapped from."""

    index: "NeighbourIndex"
    revision: str
    file: tuple[Path, Stamp | None]


class Reader:
    """Reads a library, and keeps the neighbour index and the engine between two searches.

    Thread-safe, as the engine is: each search has its own transaction, and an index is never
    changed once it is kept.

    Parameters
    ----------
    database : Database
        The library.
    engine : Engine
        For files that are not in the library.
    model_is_named : bool
        Whether to use the results of the engine's network; else those of the last scan's.
    index_factory : callable, optional
        By default `neighbour_index`.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        *,
        model_is_named: bool,
        index_factory: "IndexFactory | None" = None,
    ) -> None:
        self.database = database
        self.engine = engine
        self._model_is_named = model_is_named
        self._load_index = index_factory or neighbour_index
        self._lock = threading.Lock()  # of the index
        self._kept: _Kept | None = None
        self._is_first = True

    @contextmanager
    def answering(self) -> Iterator[tuple[Connection, Network]]:
        """A read transaction, and the network whose results are used.

        Raises
        ------
        NotFoundError
            If the library was never scanned, or not with this network.
        """
        with self.database.reading() as connection:
            yield connection, self._network(connection)

    @contextmanager
    def answering_if_any(self) -> Iterator[tuple[Connection, Network | None]]:
        """The same, without a network where there is none."""
        with self.database.reading() as connection:
            try:
                network = self._network(connection)
            except NotFoundError:
                network = None
            yield connection, network

    def index(self, connection: Connection, network: Network) -> "NeighbourIndex":
        """The neighbour index as this transaction sees the library."""
        path = index_path(self.database.path, network.fingerprint)
        now = revision(connection)
        with self._lock:
            # It is mapped from its file: to read where that was cut would end the process.
            file = path, Stamp.of(str(path))
            if self._kept and self._kept.file != file:
                self._kept = None
            known = self._kept
            if known is None or known.revision != now:
                # While somebody writes, a file would soon be old; and so it would in a process
                # that looks again and again, which has no need of it.
                is_to_save = self._is_first and locking.holder(self.database.path) is None
                self._is_first = False
                index = self._load_index(
                    connection,
                    path,
                    network.id,
                    network.latent_size,
                    save=is_to_save,
                    older=(known.index, known.revision) if known else None,
                )
                known = self._kept = _Kept(index, now, (path, Stamp.of(str(path))))
            return known.index

    def example(
        self,
        file: PathLike,
        filters: Filters,
        on_example: Callable[[Example], None] = lambda _: None,
    ) -> tuple[Network, Example, Filters]:
        """The network, what to compare with its embeddings, and the filters, resolved.

        A file that is not in the library is analysed, and not added: outside of any transaction,
        and only once all arguments were checked.

        Parameters
        ----------
        file : str or Path
            A path or the name of one sample.
        filters : Filters
            What it will be searched with.
        on_example : callable
            Called with the `Example` before it is analysed.

        Raises
        ------
        NotFoundError, UsageError
            If there is no such file, or several of this name, or a filter makes no sense.
        SampleError
            If it can't be analysed.
        ModelError
            If it would have to be analysed by another network than the library was.
        """
        with self.answering() as (connection, network):
            filters = resolved(connection, network, filters)
            example = find_example(connection, network, file)
        if example.embedding is None:
            self.engine.require(network.fingerprint, network.name)
        on_example(example)
        if example.embedding is None:
            [result] = self.engine.analyse([example.path])
            if isinstance(result, SampleError):
                raise result
            example = replace(example, embedding=normalised(result.latent))
        return network, example, filters

    def _network(self, connection: Connection) -> Network:
        fingerprint = self.engine.fingerprint if self._model_is_named else None
        return current_network(connection, fingerprint)
