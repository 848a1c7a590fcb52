import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sqlalchemy import select

from libindex.indexing import Indexer
from libindex.library import Library
from libindex.similarity import stampedfile
from libindex.similarity.embeddings import (
    count,
    index_path,
    is_current,
    neighbour_index,
    packed,
    unpacked,
)
from libindex.similarity.neighbours import NeighbourIndex
from libindex.store.schema import analyses, embeddings

pytestmark = pytest.mark.usefixtures("ear")


# Embeddings as they are stored


@given(
    latent=arrays.arrays(
        np.float32, st.integers(1, 256), elements=st.floats(-1000, 1000, width=32)
    ).filter(lambda latent: np.linalg.norm(latent) > 1e-3)
)
def test_a_latent_comes_back_to_16_bits_precision(latent: np.ndarray) -> None:
    vector, norm = packed(latent)
    assert len(vector) == 2 * len(latent)
    unit = latent.astype(np.float64) / np.linalg.norm(latent.astype(np.float64))
    assert norm == pytest.approx(float(np.linalg.norm(latent.astype(np.float64))), rel=1e-5)
    np.testing.assert_allclose(unpacked(vector), unit, rtol=2**-11, atol=2**-24)


def test_a_latent_of_zeros_has_no_direction() -> None:
    vector, norm = packed(np.zeros(16, np.float32))
    assert (norm, unpacked(vector).any()) == (0.0, False)


def test_stored_vectors_are_little_endian() -> None:
    assert packed(np.array([3, 4], np.float32)) == (np.array([0.6, 0.8], "<f2").tobytes(), 5.0)


# The cache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "Samples"
    folder.mkdir()
    fill(folder, range(20))
    return folder


def fill(folder: Path, numbers: Iterable[int]) -> None:
    for number in numbers:
        (folder / f"{number}.wav").write_bytes(b"sound %d" % number)


@pytest.fixture
def scanned(library: Library, folder: Path) -> Library:
    library.scan(folder)
    return library


@pytest.fixture
def cache(scanned: Library) -> Path:
    return index_path(scanned.database.path, scanned.network().fingerprint)


def opened(library: Library) -> NeighbourIndex:
    """The index as `Library.similar` gets it."""
    network = library.network()
    path = index_path(library.database.path, network.fingerprint)
    with library.database.reading() as connection:
        return neighbour_index(connection, path, network.id, network.latent_size)


def check(library: Library) -> None:
    """The index is what the database says, vector by vector; and so is its file."""
    network = library.network()
    query = (
        select(embeddings.c.analysis_id, embeddings.c.vector)
        .join(analyses, analyses.c.id == embeddings.c.analysis_id)
        .where(analyses.c.network_id == network.id)
    )
    with library.database.reading() as connection:
        stored = {id_: unpacked(vector) for id_, vector in connection.execute(query)}
        assert count(connection, network.id) == len(stored)
    index = opened(library)
    assert set(index.ids.tolist()) == set(stored)
    for id_, vector in stored.items():
        assert index.search(vector, 1)[0] == (id_, pytest.approx(1, abs=1e-2))
    path, current = library.index_status()
    assert current
    loaded, _ = NeighbourIndex.load(path)
    assert set(loaded.ids.tolist()) == set(stored)


def test_a_scan_leaves_a_current_index(scanned: Library, cache: Path) -> None:
    assert cache.is_file()
    assert scanned.index_status() == (cache, True)
    check(scanned)


def test_a_current_index_is_only_read(
    scanned: Library, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache.stat()
    monkeypatch.setattr(
        "libindex.similarity.embeddings._catch_up", lambda *_: pytest.fail("not current")
    )
    assert len(opened(scanned)) == 20
    assert cache.stat().st_mtime_ns == before.st_mtime_ns


def test_changes_are_caught_up(scanned: Library, folder: Path, cache: Path) -> None:
    (folder / "3.wav").unlink()
    (folder / "4.wav").write_bytes(b"another sound")
    fill(folder, range(20, 25))
    scanned.scan()
    assert len(opened(scanned)) == 24
    check(scanned)


def test_only_what_is_missing_is_added(
    scanned: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[int] = []
    add = NeighbourIndex.add
    monkeypatch.setattr(
        NeighbourIndex, "add", lambda self, ids, v: added.append(len(ids)) or add(self, ids, v)
    )
    fill(folder, [20, 21])
    scanned.scan()
    assert added == [2]


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    if kind == "missing":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(content[:-100])
    elif kind == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif kind == "foreign":
        path.write_bytes(b"RIFF....WAVEfmt ")
    elif kind == "another size":
        NeighbourIndex(7).save(path, stampedfile.stamp_of(path))
    elif kind == "another kind":
        stampedfile.write(path, stampedfile.stamp_of(path), b"no index of FAISS")


DAMAGE = ["missing", "empty", "truncated", "flipped", "foreign", "another size", "another kind"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_index_is_made_anew_by_a_search(
    scanned: Library, folder: Path, cache: Path, kind: str
) -> None:
    expected = scanned.similar(folder / "5.wav")
    damage(cache, kind)
    assert scanned.similar(folder / "5.wav") == expected
    check(scanned)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_index_is_no_obstacle_to_a_scan(
    scanned: Library, folder: Path, cache: Path, kind: str
) -> None:
    damage(cache, kind)
    fill(folder, [20])
    assert scanned.scan().new == 1
    check(scanned)


def test_an_older_index_is_caught_up(scanned: Library, folder: Path, cache: Path) -> None:
    old = cache.read_bytes()
    fill(folder, [20, 21])
    (folder / "0.wav").unlink()
    scanned.scan()
    cache.write_bytes(old)
    assert scanned.index_status() == (cache, False)
    check(scanned)


def test_an_index_that_can_not_be_written_is_used_all_the_same(
    scanned: Library, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    expected = scanned.similar(folder / "5.wav")
    cache.unlink()
    monkeypatch.setattr("os.fsync", full)
    assert scanned.similar(folder / "5.wav") == expected
    assert not cache.exists()


def test_a_library_without_samples_has_an_empty_index(scanned: Library, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    scanned.scan()
    assert len(opened(scanned)) == 0


def test_a_new_library_in_the_place_of_an_old_one_starts_anew(
    library: Library, folder: Path, small_model: Path
) -> None:
    # The ids of the new one are those of the old one: "delete it and scan again" is our advice.
    library.scan(folder)
    for file in library.database.path.parent.glob("library.db*"):
        if file.suffix != ".neighbours":
            file.unlink()
    for file in folder.iterdir():
        file.unlink()
    fill(folder, range(100, 120))
    with Library.open(library.database.path, model=str(small_model), jobs=1) as new:
        new.scan(folder)
        check(new)


def test_a_library_that_was_restored_from_a_copy_starts_anew(
    scanned: Library, folder: Path, tmp_path: Path, small_model: Path
) -> None:
    path = scanned.database.path
    shutil.copy(path, tmp_path / "copy.db")
    fill(folder, range(20, 30))
    scanned.scan()
    shutil.copy(tmp_path / "copy.db", path)
    for number in range(20, 30):
        (folder / f"{number}.wav").write_bytes(b"quite another sound %d" % number)
    with Library.open(path, model=str(small_model), jobs=1) as restored:
        assert restored.scan().new == 10
        check(restored)


def test_two_networks_have_an_index_each(
    scanned: Library, folder: Path, cache: Path, small_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.safetensors"
    shutil.copy(small_model, other)
    text = small_model.with_suffix(".json").read_text()
    other.with_suffix(".json").write_text(text.replace('"temperature": 1.0', '"temperature": 2.0'))
    with Library.open(scanned.database.path, model=str(other), jobs=1) as second:
        second.scan()
        assert second.index_status()[0] != cache
        check(second)
    check(scanned)


def test_a_revision_is_new_with_every_change_and_only_then(scanned: Library, folder: Path) -> None:
    def stamp() -> str | None:
        return stampedfile.stamp_of(scanned.index_status()[0])

    first = stamp()
    scanned.scan()
    (folder / "0.wav").rename(folder / "zero.wav")
    scanned.scan()
    assert stamp() == first
    (folder / "zero.wav").unlink()
    scanned.scan()
    assert stamp() != first


def test_a_scan_that_is_stopped_leaves_an_index_that_is_caught_up_later(
    library: Library, folder: Path, cache_stopped: Library
) -> None:
    with library.database.reading() as connection:
        path = index_path(library.database.path, library.network().fingerprint)
        assert not is_current(connection, path)
    check(library)


@pytest.fixture
def cache_stopped(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    with monkeypatch.context() as patch:
        patch.setattr(Indexer, "refresh_neighbours", lambda _: None)
        library.scan(folder)
    return library


def test_an_index_that_lags_far_behind_is_made_anew(
    scanned: Library, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libindex.indexing.records._REVISIONS_KEPT", 3)
    monkeypatch.setattr("libindex.indexing.records._REVISIONS_DROPPED", 1)
    old = cache.read_bytes()
    for number in range(20, 25):
        fill(folder, [number])
        scanned.scan()
    with scanned.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM library").scalar() == 3
    cache.write_bytes(old)
    check(scanned)
