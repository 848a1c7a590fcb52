"""NumPy's npz: paths, classes, probabilities and embeddings, ready for scikit-learn.

The arrays are written block by block, as `numpy.savez_compressed` would have written them at
once. None of them holds Python objects, so that they load without pickle.
"""

import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import numpy as np

from libindex.export.columns import Answer
from libindex.queries.outputs import probabilities, vectors
from libindex.store.batches import batched

_AT_ONCE = 2_000


def write_npz(out: BinaryIO, answer: Answer) -> None:
    """All arrays; the rows of the first four are samples.

    ``paths`` and ``classes`` are text; ``probabilities``, shape (samples, classes), has the order
    of ``codes``; ``embeddings``, shape (samples, latent_size), are of length 1. A path is as
    `os.fsdecode` gives it: it opens as it is, also where the name is not UTF-8.
    """
    connection, network = answer.connection, answer.network
    paths: list[str] = []
    classes: list[str] = []
    contents: list[int] = []
    for part in answer.parts():
        paths += [hit.path for hit in part]
        classes += [hit.class_code for hit in part]
        contents += [hit.content_id for hit in part]
    blocks = list(batched(contents, _AT_ONCE))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _write_texts(archive, "paths", paths)
        _write_texts(archive, "classes", classes)
        shape = (len(paths), len(network.classes))
        rows = (probabilities(connection, network, block) for block in blocks)
        _write(archive, "probabilities", "<f4", shape, rows)
        shape = (len(paths), network.latent_size)
        rows = (vectors(connection, network, block) for block in blocks)
        _write(archive, "embeddings", "<f4", shape, rows)
        _write_texts(archive, "codes", network.classes)


def _write_texts(archive: zipfile.ZipFile, name: str, texts: Sequence[str]) -> None:
    kind = f"<U{max(map(len, texts), default=1)}"
    blocks = (np.array(block, kind) for block in batched(texts, _AT_ONCE))
    _write(archive, name, kind, (len(texts),), blocks)


def _write(
    archive: zipfile.ZipFile,
    name: str,
    kind: str,
    shape: tuple[int, ...],
    blocks: Iterable[np.ndarray[Any, Any]],
) -> None:
    """One array, of which only a block at a time is in memory."""
    header = {"descr": kind, "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for block in blocks:
            member.write(np.ascontiguousarray(block, kind).tobytes())
