"""Maps made anew: what is settled, redrawn, undone, and what a crash leaves."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import func, select

from libindex.errors import BusyError, LibindexError, NotFoundError, UsageError
from libindex.library import Library
from libindex.similarity import settling
from libindex.similarity.geography import WIDTH, Geography
from libindex.similarity.places import Map, current_map, new_map, place_missing
from libindex.similarity.settling import SoundMap, fitted, other_map
from libindex.store import locking
from libindex.store.schema import maps, places

pytest.importorskip("openTSNE")


def clusters(count: int, groups: int, size: int, seed: int = 5) -> NDArray[np.float32]:
    """Unit vectors in groups, group by group."""
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((groups, size))
    found = np.repeat(middles, count // groups, axis=0)
    found += 0.3 * rng.standard_normal(found.shape)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def nearest(at: NDArray[np.generic], count: int = 10) -> NDArray[np.intp]:
    where = at.astype(np.float64)
    far = np.square(where[:, None] - where[None]).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    return np.argsort(far, axis=1)[:, :count]


def shared(one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(one, other, strict=True)]))


def places_of(library: Library, map_id: int) -> dict[int, tuple[int, int]]:
    with library.database.reading() as connection:
        rows = connection.execute(select(places).where(places.c.map_id == map_id)).all()
    return {row.analysis_id: (row.x, row.y) for row in rows}


def current_of(sound_map: SoundMap) -> Map:
    with sound_map.database.reading() as connection:
        found = current_map(connection, sound_map.network_id)
    assert found is not None
    return found


@pytest.fixture
def filled(library: Library, write_sound: Callable[[str, int], Path], tmp_path: Path) -> Library:
    for seed in range(40):
        write_sound(f"{seed}.wav", seed)
    library.scan(tmp_path / "Samples")
    return library


@pytest.mark.slow
def test_neighbours_are_nearer_and_continents_stay() -> None:
    vectors = clusters(1_200, 12, 64)
    groups = np.repeat(np.arange(12), 100)
    # Where the groups are is right, and within each of them nothing is.
    rng = np.random.default_rng(2)
    at = rng.uniform(0.15, 0.85, (12, 2))[groups] + rng.uniform(-0.08, 0.08, (1_200, 2))
    start = (at * WIDTH).astype(np.uint16)
    parts: list[float] = []
    found = fitted(vectors, start, parts.append)
    assert found.shape == (1_200, 2)
    assert found.dtype == np.uint16
    assert parts == sorted(parts)
    assert 0 < parts[0] < parts[-1] <= 1
    wanted = nearest(vectors)
    assert shared(wanted, nearest(found)) > 2 * shared(wanted, nearest(start))
    for axis in range(2):
        middles = [
            [np.median(places[groups == group, axis]) for group in range(12)]
            for places in (start, found)
        ]
        assert np.corrcoef(middles)[0, 1] > 0.7


def test_equal_sounds_lie_together() -> None:
    vectors = np.repeat(clusters(20, 4, 16), 5, axis=0)
    found = fitted(vectors, np.zeros((100, 2), np.uint16), lambda _: None)
    assert np.isfinite(found.astype(float)).all()


def test_settled_undone_and_undone_again(filled: Library) -> None:
    sound_map = filled.map
    home = current_of(sound_map)
    before = places_of(filled, home.id)
    assert sound_map.settle() == 40
    settled = current_of(sound_map)
    assert settled.kind == "settled"
    assert places_of(filled, settled.id).keys() == before.keys()
    assert places_of(filled, settled.id) != before
    assert sound_map.undo() == home
    assert places_of(filled, current_of(sound_map).id) == before
    assert sound_map.undo() == settled


def test_what_is_added_to_a_settled_map_moves_nothing(
    filled: Library, write_sound: Callable[[str, int], Path]
) -> None:
    sound_map = filled.map
    sound_map.settle()
    settled = current_of(sound_map)
    before = places_of(filled, settled.id)
    for seed in range(40, 50):
        write_sound(f"{seed}.wav", seed)
    filled.scan()
    after = places_of(filled, settled.id)
    assert len(after) == 50
    assert {key: after[key] for key in before} == before
    assert len(places_of(filled, sound_map.undo().id)) == 40
    filled.scan()  # gives them a place there, too
    assert len(places_of(filled, current_of(sound_map).id)) == 50


def test_only_the_map_before_is_kept(filled: Library) -> None:
    for _ in range(3):
        filled.map.settle()
    with filled.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(maps)).scalar() == 2
        assert connection.execute(select(func.count()).select_from(places)).scalar() == 80


def test_more_sounds_than_are_fitted(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_MOST", 20)
    monkeypatch.setattr(settling, "_REFERENCES", 15)
    assert filled.map.settle() == 40
    assert len(places_of(filled, current_of(filled.map).id)) == 40


def test_redrawn_as_it_came(filled: Library) -> None:
    size = filled.network().latent_size
    vectors = clusters(20, 4, size)
    at = np.random.default_rng(1).integers(0, WIDTH, (20, 2)).astype(np.uint16)
    geography = Geography(vectors, at, np.zeros(20, np.uint8))
    sound_map = SoundMap(filled.database, filled.map.network_id, geography)
    with pytest.raises(NotFoundError, match="settle it instead"):
        filled.map.redraw()
    sound_map.redraw()
    first = places_of(filled, current_of(sound_map).id)
    sound_map.settle()
    sound_map.redraw()
    assert current_of(sound_map).kind == "home"
    assert places_of(filled, current_of(sound_map).id) == first


def test_a_map_that_was_never_completed_is_not_shown(filled: Library) -> None:
    sound_map = filled.map
    with filled.database.writing() as connection:
        new_map(connection, sound_map.network_id, "settled", is_current=False)
    with filled.database.reading() as connection:
        assert other_map(connection, sound_map.network_id) is None
    with pytest.raises(NotFoundError, match="nothing to undo"):
        sound_map.undo()
    sound_map.settle()
    with filled.database.reading() as connection:
        assert connection.execute(select(func.min(maps.c.made_at))).scalar_one() > 0


def test_sounds_that_come_and_go_meanwhile(
    filled: Library, write_sound: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = settling.fitted

    def slowly(*args: object) -> object:
        found = fit(*args)  # type: ignore[arg-type]
        write_sound("0.wav", 0).unlink()
        write_sound("late.wav", 99)
        filled.scan()
        return found

    monkeypatch.setattr(settling, "fitted", slowly)
    assert filled.map.settle() == 40
    assert place_missing(filled.database, filled.map.network_id, None) == 0


def test_why_it_may_not_be(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    with locking.map_lock(filled.database.path):
        failed: list[BaseException] = []

        def attempt() -> None:
            try:
                filled.map.settle()
            except BusyError as error:
                failed.append(error)

        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        assert failed
    monkeypatch.setattr(settling, "_FEWEST", 41)
    with pytest.raises(UsageError, match="41 sounds"):
        filled.map.settle()
    monkeypatch.setattr(settling, "can_settle", lambda: False)
    with pytest.raises(LibindexError, match=r"pip install 'libindex\[map\]'"):
        filled.map.settle()
