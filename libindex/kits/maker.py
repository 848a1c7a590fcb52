"""`KitMaker`: makes kits from a library or from folders, for the command line and for Python."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Unpack

from libindex.analysis.engine import Engine
from libindex.errors import LibindexError, NotFoundError, UsageError
from libindex.kits import identifying, material, reading
from libindex.kits.building import build
from libindex.kits.kit import EmptyKitError, Kit
from libindex.kits.material import Material
from libindex.kits.recipe import Recipe
from libindex.paths import PathLike, absolute
from libindex.queries.filters import FilterArgs, Filters
from libindex.queries.reader import Reader
from libindex.queries.resolving import resolved


class KitMaker:
    """Makes kits from the samples of a library, or from folders with or without a library.

    Parameters
    ----------
    engine : Engine
        For files that are not in the library.
    reader : Reader, optional
        The library.
    """

    def __init__(self, engine: Engine, reader: Reader | None = None) -> None:
        self._engine = engine
        self._reader = reader

    def classes(self) -> tuple[str, ...]:
        """The classes of the library's network; without a library, of the engine's."""
        if self._reader is not None:
            with self._reader.answering_if_any() as (_, network):
                if network is not None:
                    return network.classes
        return self._engine.model.classes

    def kit(
        self,
        name: str,
        /,
        recipe: Recipe | None = None,
        *,
        folder: PathLike | None = None,
        similar_to: PathLike | None = None,
        on_analysis: Callable[[int], None] = lambda _: None,
        on_error: Callable[[LibindexError], None] = lambda _: None,
        **filters: Unpack[FilterArgs],
    ) -> Kit:
        """Make a kit; see `Library.kit` and `folder_material`.

        `on_error` is called for each file of the folder that can't be used.
        """
        recipe = recipe or Recipe()
        if folder is None:
            found = self.material(recipe, similar_to=similar_to, **filters)
        elif similar_to is not None or filters:
            raise UsageError("a kit from a folder uses all of it; filters are for the library")
        else:
            [found] = self.folder_material([folder], on_analysis).values()
            _check_not_empty(found)
        for error in found.errors:
            on_error(error)
        return build(name, found, recipe)

    def folder_kits(
        self,
        folders: Mapping[str, PathLike],
        recipe: Recipe,
        on_analysis: Callable[[int], None] = lambda _: None,
    ) -> Iterator[tuple[str, Kit | EmptyKitError, list[LibindexError]]]:
        """Make a kit from each of several folders, whose files are analysed together.

        Parameters
        ----------
        folders : mapping of str to str or Path
            By the names of the kits.
        recipe : Recipe
            How to make them.
        on_analysis : callable
            As for `folder_material`.

        Yields
        ------
        name : str
            The kit's.
        kit : Kit or EmptyKitError
            The kit, or why there is none.
        errors : list of LibindexError
            Files of the folder that can't be used.
        """
        found = self.folder_material(folders.values(), on_analysis)
        for name, folder in folders.items():
            sounds = found[absolute(folder)]
            made: Kit | EmptyKitError
            try:
                _check_not_empty(sounds)
                made = build(name, sounds, recipe)
            except EmptyKitError as error:
                made = error
            yield name, made, sounds.errors

    def material(
        self, recipe: Recipe, *, similar_to: PathLike | None = None, **filters: Unpack[FilterArgs]
    ) -> Material:
        """The sounds of the library for a kit; see `Selection.material`."""
        return self.selected_material(recipe, Filters.of(**filters), similar_to)

    def selected_material(
        self, recipe: Recipe, filters: Filters, similar_to: PathLike | None = None
    ) -> Material:
        """The same, with filters that are made already."""
        if filters.min_prob is not None:
            raise UsageError("the minimum probability of a pad is the recipe's")
        if similar_to is not None and recipe.is_original:
            raise UsageError('similarity goes with the assignment "best" only')
        if self._reader is None:
            raise NotFoundError("there is no library; make one with: libindex scan FOLDER")
        if similar_to is None:
            with self._reader.answering() as (connection, network):
                wanted = resolved(connection, network, filters)
                return material.from_library(connection, network, wanted, recipe)
        network, example, wanted = self._reader.example(similar_to, filters)
        assert example.embedding is not None
        with self._reader.database.reading() as connection:
            index = self._reader.index(connection, network)
            return material.like(connection, network, index, example.embedding, wanted, recipe)

    def folder_material(
        self, folders: Iterable[PathLike], on_analysis: Callable[[int], None] = lambda _: None
    ) -> dict[str, Material]:
        """The sounds of folders for kits, whether or not they are in a library.

        Parameters
        ----------
        folders : iterable of str or Path
            Each with all that lies below it.
        on_analysis : callable
            Called with the number of files to analyse, before that begins.

        Returns
        -------
        dict of str to Material
            By absolute path.

        Raises
        ------
        LibindexError
            If a folder can't be read.
        ModelError
            If some files are in the library, others have to be analysed, and the engine's network
            is not the library's.
        """
        paths = [absolute(folder) for folder in folders]
        if self._reader is None:
            known = material.known_of(None, None, paths)
        else:
            with self._reader.answering_if_any() as (connection, network):
                known = material.known_of(connection, network, paths)
        return material.from_folders(known, self._engine, on_analysis)

    def identify(self, kit: Kit) -> Kit:
        """The same kit, with the classes, probabilities and lengths of samples that exist."""
        kit = reading.with_lengths(kit)
        unknown = identifying.unidentified(kit)
        if self._reader is None:
            known = identifying.known_probabilities(None, None, unknown)
        else:
            with self._reader.answering_if_any() as (connection, network):
                known = identifying.known_probabilities(connection, network, unknown)
        new = [path for path, found in known.items() if not found]
        analysed = identifying.analysed_probabilities(self._engine, new)
        return identifying.identified(kit, known | analysed)


def _check_not_empty(of_folder: Material) -> None:
    if not of_folder.sounds and not of_folder.errors:
        raise EmptyKitError("the folder holds no samples")
