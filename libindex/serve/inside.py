"""The page writes nothing into the library."""

import os

from libindex.library import Library
from libindex.paths import relative_to
from libindex.serve.replies import Refusal
from libindex.store.roots import all_roots


def check_outside(library: Library, folder: str, variable: str) -> None:
    """Refuse a folder in the library, whose next scan would take the copies for samples."""
    with library.database.reading() as connection:
        known = all_roots(connection)
    places = {folder, os.path.realpath(folder)}
    if any(relative_to(one, root.path) is not None for root in known for one in places):
        reason = f"lies inside of the library; set another folder: {variable}"
        raise Refusal(409, "inside", reason, folder)
