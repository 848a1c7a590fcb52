"""The page writes nothing into the library."""

from libindex.library import Library
from libindex.paths import relative_to
from libindex.serve.replies import Refusal
from libindex.store.roots import all_roots


def check_outside(library: Library, folder: str, variable: str) -> None:
    """Refuse a folder in the library, whose next scan would take the copies for samples."""
    with library.database.reading() as connection:
        known = all_roots(connection)
    if any(relative_to(folder, root.path) is not None for root in known):
        reason = f"lies inside of the library; set another folder: {variable}"
        raise Refusal(409, "inside", reason, folder)
