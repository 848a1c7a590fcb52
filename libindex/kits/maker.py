"""`KitMaker`: what kits are made of, and the kits, for the command line and for Python."""

from collections.abc import Callable, Iterable
from typing import Unpack

from libindex.analysis.engine import Engine
from libindex.errors import NotFoundError, UsageError
from libindex.kits import identifying, material, reading
from libindex.kits.building import build
from libindex.kits.kit import Kit
from libindex.kits.material import Material
from libindex.kits.recipe import Recipe
from libindex.paths import PathLike, absolute
from libindex.queries.filters import FilterArgs, Filters
from libindex.queries.reader import Reader


class KitMaker:
    """Makes kits of a library, or of folders without one.

    Parameters
    ----------
    engine : Engine
        For files that no library knows.
    reader : Reader, optional
        The library.
    """

    def __init__(self, engine: Engine, reader: Reader | None = None) -> None:
        self._engine = engine
        self._reader = reader

    def classes(self) -> tuple[str, ...]:
        """The classes of the network that answers; without any, of the one at hand."""
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
        **filters: Unpack[FilterArgs],
    ) -> Kit:
        """Make a kit; see `Library.kit`."""
        recipe = recipe or Recipe()
        if folder is None:
            return build(name, self.material(recipe, similar_to=similar_to, **filters), recipe)
        if similar_to is not None or filters:
            raise UsageError("a kit from a folder takes all of it; filters look in the library")
        [found] = self.folder_material([folder]).values()
        return build(name, found, recipe)

    def material(
        self, recipe: Recipe, *, similar_to: PathLike | None = None, **filters: Unpack[FilterArgs]
    ) -> Material:
        """What of the library a kit can be made of; see `Selection.material`."""
        return self.selected_material(recipe, Filters.of(**filters), similar_to)

    def selected_material(
        self, recipe: Recipe, filters: Filters, similar_to: PathLike | None = None
    ) -> Material:
        """The same, with filters that are made already."""
        if filters.min_prob is not None:
            raise UsageError("the minimum probability of a pad is the recipe's")
        if similar_to is not None and recipe.is_original:
            raise UsageError("likeness counts only where the best assignment is looked for")
        if self._reader is None:
            raise NotFoundError("there is no library; make one with: libindex scan FOLDER")
        if similar_to is None:
            with self._reader.answering() as (connection, network):
                return material.from_library(connection, network, filters, recipe)
        network, example = self._reader.example(similar_to, filters)
        assert example.embedding is not None
        with self._reader.database.reading() as connection:
            index = self._reader.index(connection, network)
            return material.like(connection, network, index, example.embedding, filters, recipe)

    def folder_material(
        self, folders: Iterable[PathLike], on_analysis: Callable[[int], None] = lambda _: None
    ) -> dict[str, Material]:
        """What kits can be made of from folders, which need not be in a library.

        Parameters
        ----------
        folders : iterable of str or Path
            Each with all that lies below it.
        on_analysis : callable
            Called with the number of files that no library knows, before they are analysed.

        Returns
        -------
        dict of str to Material
            By absolute path.

        Raises
        ------
        LibindexError
            If a folder can't be read.
        ModelError
            If something has to be analysed, and the network at hand is not the library's.
        """
        paths = [absolute(folder) for folder in folders]
        if self._reader is None:
            known = material.known_of(None, None, paths)
        else:
            with self._reader.answering_if_any() as (connection, network):
                known = material.known_of(connection, network, paths)
        return material.from_folders(known, self._engine, on_analysis)

    def identify(self, kit: Kit) -> Kit:
        """The same kit, with classes, probabilities and lengths of the samples that are there."""
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
