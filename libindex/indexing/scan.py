"""A scan: compare the disk with the database, analyse what is new, record the outcome."""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from libindex.analysis.engine import Engine
from libindex.indexing import records, sample_rows
from libindex.indexing.ingest import Ingest
from libindex.indexing.links import changed_links
from libindex.indexing.roots import (
    delete_root,
    finished,
    knows,
    mounted_inside,
    note_presence,
    outdated_presence,
    root_at,
    split_off,
    why_offline,
)
from libindex.indexing.state import ScanState, Task
from libindex.indexing.summary import Change, Progress, ScanSummary
from libindex.indexing.targets import (
    Target,
    add_or_find_target,
    all_targets,
    compare_targets,
    find_target,
    known_targets,
    outer_first,
    planned_targets,
    sorted_by_presence,
    with_inner,
)
from libindex.paths import relative_to
from libindex.similarity.embeddings import count, index_path, is_current, neighbour_index
from libindex.similarity.geography import Geography
from libindex.similarity.places import place_missing
from libindex.store.batches import batched
from libindex.store.database import Database
from libindex.store.roots import Root, all_roots

if TYPE_CHECKING:
    from libindex.analysis.engine import AnyPipeline

_REMOVED_AT_ONCE = 128  # samples or contents, so that others who write need not wait


class Indexer(contextlib.AbstractContextManager["Indexer"]):
    """Brings a library up to date with the disk.

    The caller sees to it that there is one at a time (see `libindex.store.locking`). Its write
    transactions are short: none is open while a file is read or analysed, so others who write
    never wait for long.

    Parameters
    ----------
    database : Database
        The library.
    engine : Engine
        The network to analyse with; its pipeline is taken when there is something to analyse,
        and given back at the end, without the processes.
    """

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine
        self._model = engine.model
        self._fingerprint = engine.fingerprint
        self._taken = contextlib.ExitStack()
        self._pipeline: AnyPipeline | None = None

    def __exit__(self, *error: Any) -> None:
        if self._pipeline:
            self._pipeline.cancel()  # idle processes would keep 60 MB each
            self._pipeline = None
        self._taken.__exit__(*error)

    def preview(self, paths: Sequence[str]) -> ScanSummary:
        """What `scan` would find, without reading a file or recording anything.

        Moves are not recognised: they count as new and removed.
        """
        started, summary = time.monotonic(), ScanSummary()
        with self._database.reading() as connection:
            roots = all_roots(connection)
            targets = planned_targets(roots, paths) if paths else all_targets(roots)
            here, _ = sorted_by_presence(targets, summary)
            for _, changes in compare_targets(connection, roots, here, summary):
                summary.new += len(changes.new)
                summary.changed += len(changes.changed)
                summary.removed += len(changes.missing)
                summary.failed += sum(known.failed for known in changes.unchanged)
                summary.unchanged += sum(not known.failed for known in changes.unchanged)
        summary.seconds = time.monotonic() - started
        return summary

    def scan(
        self,
        paths: Sequence[str] = (),
        *,
        retry_failed: bool = False,
        leave_fresh: bool = False,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_commit: Callable[[list[Change]], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> ScanSummary:
        """Scan folders and record what changed.

        Parameters
        ----------
        paths : sequence of str
            Absolute: new roots, known roots, or parts of them. None stands for all roots.
        retry_failed : bool
            Whether to try files again that failed and have not changed.
        leave_fresh : bool
            Whether to leave files alone that may still be being written; the summary lists them.
        on_progress : callable
            Called with a `Progress` after every few files.
        on_commit : callable
            Called with a list of `Change` after each transaction.
        stop : threading.Event, optional
            Set it to end early; what is done is kept.

        Returns
        -------
        ScanSummary
            What was found and done.

        Raises
        ------
        NotFoundError
            If a path is neither there nor known.
        DatabaseError
            If the database can't be written; what was committed before is safe.
        ModelError
            If the network can't be loaded.
        """
        self._register(paths)
        state, roots = self._begin(on_progress, on_commit, stop)
        named = known_targets(roots, paths)
        targets = with_inner(roots, named) if paths else all_targets(roots)
        with state.running():
            self._bring_up_to_date(
                state,
                roots,
                targets,
                lambda task: task.found.is_settled or not leave_fresh,
                retry_failed=retry_failed,
            )
            with self._database.reading() as connection:
                unanalysed = records.unanalysed_contents(connection, state.network.id)
            state.summary.unanalysed = len(unanalysed)
            self.refresh_neighbours()
        return state.summary

    def update(
        self,
        paths: Collection[str],
        *,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_commit: Callable[[list[Change]], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> ScanSummary:
        """Look only at paths where something may have happened, and record what did.

        Paths that are gone, or in no root, are no error. The neighbour index is left behind;
        `refresh_neighbours` brings it up to date.

        Parameters
        ----------
        paths : collection of str
            Absolute. A file that is fresh is read only if it is one of these; the summary lists
            the others.
        on_progress, on_commit, stop
            As for `scan`, and so is what is returned and raised.
        """
        state, roots = self._begin(on_progress, on_commit, stop)
        named, pending = set(paths), set(paths)

        def is_ready(task: Task) -> bool:
            return task.found.is_settled or task.path in named

        with state.running():
            while pending:
                self._bring_up_to_date(state, roots, known_targets(roots, pending), is_ready)
                pending = set()
                if touched := state.take_touched():
                    with self._database.reading() as connection:
                        pending = changed_links(connection, touched) - named
                        roots = all_roots(connection) if pending else roots
                named |= pending
        return state.summary

    def refresh_neighbours(self) -> None:
        """Bring the neighbour index of this network up to date, and give new sounds a place."""
        path = index_path(self._database.path, self._fingerprint)
        with self._database.reading() as connection:
            id_ = records.network_id(connection, self._fingerprint)
            if id_ is not None and count(connection, id_) and not is_current(connection, path):
                neighbour_index(connection, path, id_, self._model.network.latent_size)
        if id_ is not None:
            geography = Geography.beside(self._model.path, self._fingerprint)
            place_missing(self._database, id_, geography)

    def warm_up(self) -> None:
        """Begin to load the network, since there will soon be something to analyse."""
        self._started_pipeline()

    def _register(self, paths: Sequence[str]) -> None:
        """Record folders that are new roots; all of them, or none."""
        if not paths:
            return
        with self._database.reading() as connection:
            is_known = all(find_target(connection, path) for path in outer_first(paths))
        if not is_known:
            with self._database.writing() as connection:
                for path in outer_first(paths):
                    add_or_find_target(connection, path)

    def _begin(
        self,
        on_progress: Callable[[Progress], None],
        on_commit: Callable[[list[Change]], None],
        stop: threading.Event | None,
    ) -> tuple[ScanState, list[Root]]:
        """What a scan remembers, at its beginning, and the roots that there are."""
        with self._database.reading() as connection:
            network = records.find_network(connection, self._model, self._fingerprint)
            roots = all_roots(connection)
        if network is None:
            with self._database.writing() as connection:
                network = records.network_for(connection, self._model, self._fingerprint)
        return ScanState(network, on_progress, on_commit, stop or threading.Event()), roots

    def _bring_up_to_date(
        self,
        state: ScanState,
        roots: list[Root],
        targets: list[Target],
        is_ready: Callable[[Task], bool],
        *,
        retry_failed: bool = False,
    ) -> None:
        """The stages of a scan: find what is there, compare, read and analyse, tidy up."""
        here = self._online(state, targets)
        with self._database.reading() as connection:
            compared = list(
                compare_targets(connection, roots, here, state.summary, state.check_stop)
            )
            tasks = state.plan(connection, compared, is_ready, retry_failed=retry_failed)
            sizes = records.known_sizes(connection, {t.found.stamp.size_bytes for t in tasks})
        ingest = Ingest(self._database, self._started_pipeline, state)
        ingest.run(tasks, sizes, self._engine.settings.jobs)
        state.check_stop()
        self._tidy_up(state, [target for target, _ in compared])

    def _online(self, state: ScanState, targets: list[Target]) -> list[Target]:
        """Targets whose roots are there now; notes which are."""
        here, away = sorted_by_presence(targets, state.summary)
        outdated = outdated_presence({target.root: target.root not in away for target in targets})
        if outdated:
            with self._database.writing() as connection:
                for root, is_online in outdated.items():
                    note_presence(connection, root, is_online=is_online)
        return here

    def _started_pipeline(self) -> "AnyPipeline":
        if self._pipeline is None:
            self._pipeline = self._taken.enter_context(self._engine.pipeline())
        return self._pipeline

    def _tidy_up(self, state: ScanState, targets: list[Target]) -> None:
        """After everything was read: remove what is gone, and note what was looked at."""
        roots = {target.root for target in targets}
        present = {root for root in roots if why_offline(root) is None}  # a drive may go meanwhile
        whole = {target.root for target in targets if not target.below}
        for part in batched(state.take_unclaimed({root.id for root in present}), _REMOVED_AT_ONCE):
            with self._database.writing() as connection:
                sample_rows.delete_samples(connection, [known.id for known in part])
            state.note_removed(part)
            state.report_commit()
        mounted = mounted_inside(roots)
        if not (whole or mounted or roots - present or not state.network.is_current):
            return
        with self._database.reading() as connection:
            online = {root.id for root in all_roots(connection) if root.is_online}
            # Not after a part: what is gone here may have moved to where nobody looked.
            is_all = {root.id for root in whole} == online and not state.summary.fresh
            orphans = records.orphans(connection) if is_all else []
            drives = [(root, below) for root, below in mounted if knows(connection, root, below)]
            takes_over = not state.network.is_current and count(connection, state.network.id)
        _delete_orphans(self._database, orphans)
        if not (present & whole or roots - present or drives or takes_over):
            return
        with self._database.writing() as connection:
            for root in present & whole:
                finished(connection, root)
            for root in roots - present:
                note_presence(connection, root, is_online=False)
            for root, below in drives:
                split_off(connection, root, below)
            if takes_over:
                state.network = records.set_current_network(connection, state.network)


def add_folder(database: Database, path: str, *, only_apart: bool = False) -> bool:
    """Record a folder as a root, if no root has it; raises NotFoundError if it is no folder.

    With `only_apart`, and no other effect, it is not recorded if other roots would become part of
    it: a scan that goes on meanwhile would still look for them. Returns whether it is recorded.
    """
    with database.writing() as connection:
        inner = [root for root in all_roots(connection) if relative_to(root.path, path)]
        if only_apart and inner:
            return False
        add_or_find_target(connection, path)
    return True


def forget_root(database: Database, path: str) -> int:
    """Take a root out of the library; returns how many samples it had.

    Raises
    ------
    NotFoundError
        If it is not a root.
    """
    with database.reading() as connection:
        root = root_at(connection, path)
    removed = 0
    while part := _forget_some(database, root):
        removed += part
    with database.writing() as connection:
        delete_root(connection, root)
    with database.reading() as connection:
        orphans = records.orphans(connection)
    _delete_orphans(database, orphans)
    return removed


def _forget_some(database: Database, root: Root) -> int:
    with database.writing() as connection:
        return sample_rows.delete_samples_of(connection, root.id, _REMOVED_AT_ONCE)


def _delete_orphans(database: Database, ids: list[int]) -> None:
    for part in batched(ids, _REMOVED_AT_ONCE):
        with database.writing() as connection:
            records.delete_orphans(connection, part)
