"""Query by example: a file that others are compared with, by its path or its name."""

import difflib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from libindex.disk.stamps import Stamp
from libindex.errors import NotFoundError, SampleError
from libindex.paths import PathLike, absolute, display
from libindex.queries.inspect import info
from libindex.queries.lookup import Network, Sample, embedding_of, sample_at, samples_named
from libindex.store.schema import samples

if TYPE_CHECKING:
    from libindex.sound.decoding import FloatArray

_CANDIDATES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Example:
    """A file to compare others with.

    Attributes
    ----------
    path : str
        Absolute.
    is_in_library : bool
        Whether it is a sample of the library, perhaps one that has changed since the last scan.
    content_id : int or None
        Its content; None if the library does not know it as it is now.
    embedding : ndarray of float32, shape (latent_size,), or None
        Of length 1; None until it is analysed.
    """

    path: str
    is_in_library: bool
    content_id: int | None = None
    embedding: "FloatArray | None" = None


def find_example(connection: Connection, network: Network, file: PathLike) -> Example:
    """The example that a path or a name stands for.

    It has no embedding if it is not in the library, or has changed since.

    Raises
    ------
    NotFoundError
        If there is no such file, or several of this name.
    SampleError
        If it is a folder, or the library knows that it can't be analysed.
    """
    path = absolute(file)
    _check_file(path)
    sample, stamp = sample_at(connection, path), Stamp.of(path)
    if stamp and (sample is None or sample.stamp != stamp):
        return Example(path, sample is not None)
    sample = sample or resolve_sample(connection, file)
    embedding = None
    if sample.content_id is not None:
        embedding = embedding_of(connection, sample.content_id, network.id)
    if embedding is None:
        why = info(connection, network, sample).failure
        raise SampleError(why or "is not analysed yet; run: libindex scan", sample.path)
    return Example(sample.path, True, sample.content_id, embedding)


def resolve_sample(connection: Connection, file: PathLike) -> Sample:
    """A sample by its path, or by a name that only one content has.

    Raises
    ------
    NotFoundError
        If there is none, or several of this name; the message lists them.
    SampleError
        If it is a folder.
    """
    sample = sample_at(connection, absolute(file))
    if sample is not None:
        return sample
    named = samples_named(connection, os.fspath(file))
    if len({s.content_id if s.content_id is not None else -s.id for s in named}) == 1:
        return named[0]
    if named:
        shown = ", ".join(display(s.path) for s in named[:_CANDIDATES_SHOWN])
        rest = len(named) - _CANDIDATES_SHOWN
        more = f" and {rest} more" if rest > 0 else ""
        raise NotFoundError(f"is the name of {len(named)} files: {shown}{more}", file)
    _check_file(absolute(file))
    if os.path.lexists(absolute(file)):
        raise NotFoundError("is not in the library; add its folder with: libindex scan", file)
    near = _nearest_names(connection, os.path.basename(file))  # noqa: PTH119
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise NotFoundError(f"no such file, and none of this name in the library{hint}", file)


def _check_file(path: str) -> None:
    if os.path.isdir(path):  # noqa: PTH112
        raise SampleError("is a folder, not an audio file", path)


def _nearest_names(connection: Connection, name: str) -> list[str]:
    """Names of samples that somebody who mistyped may have meant."""
    near_in_length = func.length(samples.c.name).between(len(name) - 2, len(name) + 4)
    query = select(samples.c.name).where(near_in_length).distinct()
    written = {known.lower(): known for known in connection.execute(query).scalars()}
    near = difflib.get_close_matches(name.lower(), written, n=3, cutoff=0.75)
    return [display(written[key]) for key in near]
