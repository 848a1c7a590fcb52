"""The FAISS index over embeddings: ids and arrays in, ids and similarities out.

Search is exact. Vectors are 16-bit floats, as in the database, so that 100,000 of them make
a file of 52 MB; a hit's similarity is the cosine between the two stored vectors.
"""

from collections.abc import Iterable
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from libindex.similarity import stampedfile
from libindex.sound.decoding import FloatArray

Ids = NDArray[np.int64]


class NeighbourIndex:
    """Unit vectors with ids, searched by cosine similarity.

    Parameters
    ----------
    size : int
        Numbers in each vector.
    """

    def __init__(self, size: int) -> None:
        codes = faiss.IndexScalarQuantizer(
            size, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._index: faiss.Index = faiss.IndexIDMap2(codes)
        self._mapped: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def size(self) -> int:
        """Numbers in each vector."""
        return int(self._index.d)

    @property
    def ids(self) -> Ids:
        """All ids, shape (vectors,), in no particular order."""
        return np.asarray(faiss.vector_to_array(self._index.id_map), dtype=np.int64)  # type: ignore[attr-defined]

    def add(self, ids: Ids, vectors: FloatArray) -> None:
        """Add vectors.

        Parameters
        ----------
        ids : ndarray of int64, shape (vectors,)
            None of them in the index yet.
        vectors : ndarray of float32, shape (vectors, size)
            Of length 1.

        Raises
        ------
        ValueError
            If an id is there already, or a number is not finite.
        """
        if len(np.intersect1d(ids, self.ids)) or len(np.unique(ids)) != len(ids):
            raise ValueError("an id is in the index already")
        if not np.isfinite(vectors).all():
            raise ValueError("a vector is not finite")
        if len(ids):
            self._make_own()
            self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), ids)

    def remove(self, ids: Ids) -> None:
        """Remove vectors; ids that are not there are ignored."""
        if len(ids):
            self._make_own()
            self._index.remove_ids(faiss.IDSelectorBatch(ids))

    def search(
        self, vector: FloatArray, count: int, among: Ids | None = None
    ) -> list[tuple[int, float]]:
        """The most similar vectors.

        Parameters
        ----------
        vector : ndarray of float32, shape (size,)
            Of length 1.
        count : int
            How many at most.
        among : ndarray of int64, optional
            Only these ids are looked at.

        Returns
        -------
        list of (int, float)
            Ids and cosine similarities, the highest first.
        """
        if len(self) == 0 or count < 1 or not np.isfinite(vector).all():
            return []
        selector = None if among is None else faiss.IDSelectorBatch(among)
        similarities, ids = self._index.search(
            np.ascontiguousarray(vector[None], np.float32),
            min(count, len(self)),
            params=faiss.SearchParameters(sel=selector) if selector else None,  # type: ignore[call-arg]
        )
        return [(int(i), float(s)) for i, s in zip(ids[0], similarities[0], strict=True) if i >= 0]

    def save(self, path: Path, stamp: str) -> None:
        """Write the index and its stamp; see `libindex.similarity.stampedfile.write`."""
        stampedfile.write(path, stamp, faiss.serialize_index(self._index).tobytes())

    @classmethod
    def load(cls, path: Path) -> tuple["NeighbourIndex", str] | None:
        """Read an index and its stamp; None if the file is missing or damaged in any way.

        The vectors stay in the file, mapped into memory, until the index is changed.
        """
        found = stampedfile.read(path)
        if found is None:
            return None
        stamp, payload = found
        mapped = np.frombuffer(payload, np.uint8)
        try:
            reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(mapped), mapped.size)  # type: ignore[attr-defined]
            index = faiss.read_index(reader)
        except RuntimeError:
            return None
        loaded = cls.__new__(cls)
        loaded._index, loaded._mapped = index, mapped
        return loaded, stamp

    def _make_own(self) -> None:
        """Copy the vectors from the file: FAISS ends the process that changes mapped ones."""
        if self._mapped is not None:
            self._index, self._mapped = faiss.deserialize_index(self._mapped), None


def as_ids(ids: Iterable[int]) -> Ids:
    """Ids as the array that this module takes."""
    return np.fromiter(ids, np.int64)
