from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libindex.similarity import stampedfile
from libindex.similarity.neighbours import Ids, NeighbourIndex, as_ids

SIZE = 16


def unit_vectors(count: int, seed: int = 0, size: int = SIZE) -> np.ndarray:
    """Shape (count, size), each of length 1, in 16 bits as the database gives them.

    FAISS rounds what lies half-way between two such numbers to the other side than numpy.
    """
    vectors = np.random.default_rng(seed).standard_normal((count, size))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16).astype(np.float32)


def index_of(ids: Ids, vectors: np.ndarray) -> NeighbourIndex:
    index = NeighbourIndex(vectors.shape[1])
    index.add(ids, vectors)
    return index


def brute_force(ids: Ids, vectors: np.ndarray, query: np.ndarray) -> dict[int, float]:
    """Cosines with the vectors, which have 16 bits as in the database."""
    return dict(zip(ids.tolist(), vectors.astype(np.float64) @ query, strict=True))


def check(found: list[tuple[int, float]], truth: dict[int, float], count: int) -> None:
    """These are the `count` best of all, in order; equal ones may stand in any order."""
    assert len({i for i, _ in found}) == len(found) == min(count, len(truth))
    for id_, similarity in found:
        assert similarity == pytest.approx(truth[id_], abs=1e-5)
    best = sorted(truth.values(), reverse=True)[: len(found)]
    assert [similarity for _, similarity in found] == pytest.approx(best, abs=1e-5)


@given(
    ids=st.lists(st.integers(1, 2**62), unique=True, max_size=60),
    among=st.none() | st.sets(st.integers(0, 80)),
    size=st.sampled_from([2, 16, 256]),
    count=st.integers(1, 70),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=100, deadline=None)
def test_search_is_what_brute_force_finds(
    ids: list[int], among: set[int] | None, size: int, count: int, seed: int
) -> None:
    vectors = unit_vectors(len(ids) + 1, seed, size)
    index = index_of(as_ids(ids), vectors[1:])
    truth = brute_force(as_ids(ids), vectors[1:], vectors[0])
    chosen = None
    if among is not None:
        # Some of the ids that are there, and one that is not.
        chosen = as_ids(sorted({ids[i] for i in among if i < len(ids)}))
        truth = {i: truth[i] for i in chosen.tolist()}
        chosen = np.append(chosen, 2**62 + 1)
    check(index.search(vectors[0], count, chosen), truth, count)


def test_equal_vectors_are_all_found() -> None:
    vectors = np.repeat(unit_vectors(1), 5, axis=0)
    found = index_of(as_ids(range(5)), vectors).search(vectors[0], 5)
    assert {i for i, _ in found} == set(range(5))
    assert [s for _, s in found] == pytest.approx([1] * 5, abs=1e-3)


@given(removed=st.sets(st.integers(0, 40)))
@settings(max_examples=40, deadline=None)
def test_what_is_removed_is_not_found(removed: set[int]) -> None:
    vectors = unit_vectors(30)
    ids = as_ids(range(100, 130))
    index = index_of(ids, vectors)
    index.remove(as_ids(100 + i for i in sorted(removed)))
    kept = [i for i in range(30) if i not in removed]
    assert len(index) == len(kept)
    assert set(index.ids.tolist()) == {100 + i for i in kept}
    truth = brute_force(ids[kept], vectors[kept], vectors[0])
    check(index.search(vectors[0], 30), truth, 30)


def test_a_removed_id_can_be_added_with_another_vector() -> None:
    vectors = unit_vectors(4)
    index = index_of(as_ids(range(3)), vectors[:3])
    index.remove(as_ids([1]))
    index.add(as_ids([1]), vectors[3:])
    assert index.search(vectors[3], 1)[0][0] == 1


@pytest.mark.parametrize("ids", [[1], [7, 7], [5, 1]])
def test_an_id_that_is_there_is_refused(ids: list[int]) -> None:
    index = index_of(as_ids([1, 2]), unit_vectors(2))
    with pytest.raises(ValueError, match="already"):
        index.add(as_ids(ids), unit_vectors(len(ids)))
    assert len(index) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_refused(value: float) -> None:
    index = index_of(as_ids([1, 2]), unit_vectors(2))
    bad = unit_vectors(2)
    bad[1, 3] = value
    with pytest.raises(ValueError, match="finite"):
        index.add(as_ids([3, 4]), bad)
    assert len(index) == 2
    assert index.search(bad[1], 5) == []


def test_an_empty_index_finds_nothing() -> None:
    assert NeighbourIndex(SIZE).search(unit_vectors(1)[0], 5) == []


def test_nothing_is_found_among_nothing() -> None:
    index = index_of(as_ids([1, 2]), unit_vectors(2))
    assert index.search(unit_vectors(1)[0], 5, as_ids([])) == []


CHANGES = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "save", "load", "copy"]), st.integers(0, 15)),
    max_size=25,
)


@given(changes=CHANGES)
@settings(max_examples=100, deadline=None)
def test_whatever_is_done_to_it_the_nearest_are_found(
    changes: list[tuple[str, int]], scratch: Path
) -> None:
    index, truth = NeighbourIndex(SIZE), dict[int, np.ndarray]()
    index.save(scratch, "stamp")
    saved = dict(truth)
    copies = []
    for number, (change, id_) in enumerate(changes):
        if change == "add" and id_ not in truth:
            truth[id_] = unit_vectors(1, seed=number)[0]
            index.add(as_ids([id_]), truth[id_][None])
        elif change == "remove":
            truth.pop(id_, None)
            index.remove(as_ids([id_]))
        elif change == "save":
            index.save(scratch, "stamp")
            saved = dict(truth)
        elif change == "load":
            (index, _), truth = NeighbourIndex.load(scratch), dict(saved)
        elif change == "copy":
            copies.append((index, dict(truth)))
            index = index.copy()
        _compare(index, truth)
    for copied, then in copies:
        _compare(copied, then)


def _compare(index: NeighbourIndex, truth: dict[int, np.ndarray]) -> None:
    assert sorted(index.ids.tolist()) == sorted(truth)
    assert len(index) == len(truth)
    query = unit_vectors(1, seed=1_000)[0]
    ids = as_ids(truth)
    vectors = np.array(list(truth.values())).reshape(-1, SIZE)
    check(index.search(query, 20), brute_force(ids, vectors, query), 20)
    some = {id_: truth[id_] for id_ in list(truth)[::2]}
    among = brute_force(as_ids(some), np.array(list(some.values())).reshape(-1, SIZE), query)
    check(index.search(query, 3, as_ids(some)), among, 3)


# The file


@pytest.fixture
def index() -> NeighbourIndex:
    return index_of(as_ids(range(10, 60)), unit_vectors(50))


@pytest.fixture
def saved(index: NeighbourIndex, tmp_path: Path) -> Path:
    index.save(tmp_path / "neighbours", "stamp 1")
    return tmp_path / "neighbours"


def test_what_is_saved_is_loaded(index: NeighbourIndex, saved: Path) -> None:
    loaded, stamp = NeighbourIndex.load(saved)
    assert stamp == stampedfile.stamp_of(saved) == "stamp 1"
    assert (len(loaded), loaded.size) == (50, SIZE)
    for query in unit_vectors(5, seed=9):
        assert loaded.search(query, 50) == index.search(query, 50)


def test_what_is_loaded_can_be_changed_and_saved_again(saved: Path) -> None:
    loaded, _ = NeighbourIndex.load(saved)
    loaded.remove(as_ids([10, 11]))
    loaded.add(as_ids([99]), unit_vectors(1, seed=5))
    loaded.save(saved, "stamp 2")
    again, stamp = NeighbourIndex.load(saved)
    assert stamp == "stamp 2"
    assert set(again.ids.tolist()) == {99, *range(12, 60)}
    assert again.search(unit_vectors(1, seed=5)[0], 1)[0][0] == 99


def test_an_empty_index_is_saved_too(tmp_path: Path) -> None:
    NeighbourIndex(SIZE).save(tmp_path / "empty", "stamp")
    loaded, _ = NeighbourIndex.load(tmp_path / "empty")
    assert (len(loaded), loaded.size) == (0, SIZE)


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert NeighbourIndex.load(tmp_path / "none") is None
    assert stampedfile.stamp_of(tmp_path / "none") is None


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("neighbours") / "damaged"


@pytest.fixture(scope="session")
def whole(scratch: Path) -> bytes:
    """A small file of five vectors, with the stamp "stamp"."""
    index_of(as_ids(range(5)), unit_vectors(5)).save(scratch, "stamp")
    return scratch.read_bytes()


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_truncated_file_is_none(scratch: Path, whole: bytes, data: st.DataObject) -> None:
    scratch.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert NeighbourIndex.load(scratch) is None


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_flipped_bit_is_noticed(scratch: Path, whole: bytes, data: st.DataObject) -> None:
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    scratch.write_bytes(changed)
    loaded = NeighbourIndex.load(scratch)
    # Only the stamp itself is not covered by the sum; a wrong stamp is a stale index.
    if loaded is not None:
        assert loaded[1] != "stamp"
        vectors = unit_vectors(5)
        truth = brute_force(as_ids(range(5)), vectors, vectors[0])
        check(loaded[0].search(vectors[0], 5), truth, 5)


def test_a_file_of_faiss_itself_is_none(tmp_path: Path) -> None:
    faiss.write_index(faiss.IndexFlatIP(SIZE), str(tmp_path / "faiss"))
    assert NeighbourIndex.load(tmp_path / "faiss") is None
