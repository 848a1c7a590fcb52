"""What somebody asks about: a file, by its path or by its name, in the library or not."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from libindex.errors import NotFoundError, SampleError
from libindex.paths import PathLike, absolute, display
from libindex.queries.inspect import info
from libindex.queries.lookup import Network, Sample, embedding_of, sample_at, samples_named
from libindex.settings import Settings

if TYPE_CHECKING:
    from libindex.sound.decoding import FloatArray

_CANDIDATES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Subject:
    """What to compare with: a file's path, its embedding, and its content if that is known."""

    path: str
    embedding: "FloatArray"
    content_id: int | None


def subject(
    connection: Connection, network: Network, settings: Settings, file: PathLike
) -> Subject:
    """The embedding of a file.

    A file that is not in the library, or has changed since, is analysed on the spot and not
    added.

    Raises
    ------
    NotFoundError
        If there is no such file, or several of this name.
    SampleError
        If it can't be analysed.
    ModelError
        If it would have to be analysed by another network than the library was.
    """
    path = absolute(file)
    sample, stamp = sample_at(connection, path), file_stamp(path)
    if stamp and (sample is None or sample.stamp != stamp):
        return Subject(path, _analysed(network, settings, path), None)
    sample = sample or sample_meant(connection, file)
    embedding = None
    if sample.content_id is not None:
        embedding = embedding_of(connection, sample.content_id, network.id)
    if embedding is None:
        why = info(connection, network, sample).failure
        raise SampleError(why or "is not analysed yet; run: libindex scan", sample.path)
    return Subject(sample.path, embedding, sample.content_id)


def sample_meant(connection: Connection, file: PathLike) -> Sample:
    """A sample by its path, or by a name that only one content has.

    Raises
    ------
    NotFoundError
        If there is none, or several of this name; the message lists them.
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
    if os.path.lexists(absolute(file)):
        raise NotFoundError("is not in the library; add its folder with: libindex scan", file)
    raise NotFoundError("no such file, and none of this name in the library", file)


def file_stamp(path: str) -> tuple[int, int, int] | None:
    """Size [bytes], mtime and ctime [ns] of a file, as `Sample.stamp`; None if it is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116 - names that are not UTF-8
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _analysed(network: Network, settings: Settings, path: str) -> "FloatArray":
    from libindex.queries.unknown import analysed, unit

    [result] = analysed(network, settings, [path])
    if isinstance(result, SampleError):
        raise result
    return unit(result.latent)
