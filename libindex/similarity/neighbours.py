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
        # FAISS ends the process that changes vectors that are mapped from a file. So these stay
        # as they were read, and what came and went since is kept beside them: it is little.
        self._read = _empty(size)
        self._mapped: NDArray[np.uint8] | None = None
        self._removed: Ids = np.zeros(0, np.int64)
        self._added = _empty(size)

    def __len__(self) -> int:
        return int(self._read.ntotal) - len(self._removed) + int(self._added.ntotal)

    @property
    def size(self) -> int:
        """Numbers in each vector."""
        return int(self._read.d)

    @property
    def ids(self) -> Ids:
        """All ids, shape (vectors,), in no particular order."""
        known = np.setdiff1d(_ids(self._read), self._removed, assume_unique=True)
        return np.concatenate([known, _ids(self._added)])

    def copy(self) -> "NeighbourIndex":
        """One that changes without this one; both read the same file."""
        other = NeighbourIndex.__new__(NeighbourIndex)
        other._read, other._mapped = self._read, self._mapped
        other._removed, other._added = self._removed, faiss.clone_index(self._added)
        return other

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
            self._added.add_with_ids(np.ascontiguousarray(vectors, np.float32), ids)

    def remove(self, ids: Ids) -> None:
        """Remove vectors; ids that are not there are ignored."""
        if len(ids):
            self._added.remove_ids(faiss.IDSelectorBatch(ids))
            self._removed = np.union1d(self._removed, np.intersect1d(_ids(self._read), ids))

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
        query = np.ascontiguousarray(vector[None], np.float32)
        found = _nearest(self._added, query, count, _among(among))
        if among is not None:
            selector = _among(np.setdiff1d(among, self._removed))
        elif len(self._removed):
            selector = faiss.IDSelectorNot(faiss.IDSelectorBatch(self._removed))
        else:
            selector = None
        found += _nearest(self._read, query, count, selector)
        return sorted(found, key=lambda hit: -hit[1])[:count]

    def save(self, path: Path, stamp: str) -> None:
        """Write the index and its stamp; see `libindex.similarity.stampedfile.write`."""
        self._join()
        stampedfile.write(path, stamp, faiss.serialize_index(self._read).data)

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
        loaded = cls(int(index.d))
        loaded._read, loaded._mapped = index, mapped
        return loaded, stamp

    def _join(self) -> None:
        """Have all vectors in one FAISS index, in memory."""
        if not len(self._removed) and not self._added.ntotal:
            return
        whole = self._added
        if len(self._removed) < self._read.ntotal:
            # A copy, since copies of this index may share what was read.
            whole = (
                faiss.clone_index(self._read)
                if self._mapped is None
                else faiss.deserialize_index(self._mapped)
            )
            whole.remove_ids(faiss.IDSelectorBatch(self._removed))
            whole.merge_from(self._added, 0)
        self._read, self._mapped = whole, None
        self._removed, self._added = np.zeros(0, np.int64), _empty(self.size)


def _empty(size: int) -> faiss.Index:
    codes = faiss.IndexScalarQuantizer(
        size, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    return faiss.IndexIDMap2(codes)


def _ids(index: faiss.Index) -> Ids:
    return np.asarray(faiss.vector_to_array(index.id_map), dtype=np.int64)  # type: ignore[attr-defined]


def _among(ids: Ids | None) -> faiss.IDSelector | None:
    return None if ids is None else faiss.IDSelectorBatch(ids)


def _nearest(
    index: faiss.Index, query: FloatArray, count: int, selector: faiss.IDSelector | None
) -> list[tuple[int, float]]:
    if not index.ntotal:
        return []
    parameters = faiss.SearchParameters(sel=selector) if selector else None  # type: ignore[call-arg]
    similarities, ids = index.search(query, min(count, index.ntotal), params=parameters)
    return [(int(i), float(s)) for i, s in zip(ids[0], similarities[0], strict=True) if i >= 0]


def as_ids(ids: Iterable[int]) -> Ids:
    """Ids as the array that this module takes."""
    return np.fromiter(ids, np.int64)
