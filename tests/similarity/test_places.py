import threading
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from libindex import resources
from libindex.library import Library
from libindex.network.modelfile import ModelFile
from libindex.similarity.geography import WIDTH, Geography, regions_of
from libindex.similarity.places import count_missing, current_map, place_missing
from libindex.store.schema import analyses, maps, places


@pytest.fixture(scope="module")
def shipped() -> Geography:
    model = ModelFile.read(resources.default_model())
    found = Geography.beside(resources.default_model(), model.fingerprint)
    assert found is not None
    return found


def made_up(count: int = 50, size: int = 16, seed: int = 1) -> Geography:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, size)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    at = rng.integers(0, WIDTH, (count, 2)).astype(np.uint16)
    return Geography(vectors, at, rng.integers(0, 30, count).astype(np.uint8))


def placed(library: Library) -> dict[int, tuple[int, int, int]]:
    with library.database.reading() as connection:
        rows = connection.execute(select(places)).all()
    return {row.analysis_id: (row.map_id, row.x, row.y) for row in rows}


def test_the_network_comes_with_a_geography(shipped: Geography) -> None:
    model = ModelFile.read(resources.default_model())
    assert len(shipped.vectors) > 1_900
    size = resources.default_model().with_suffix(".map.safetensors").stat().st_size
    assert size < 1_100_000
    assert np.allclose(np.linalg.norm(shipped.vectors, axis=1), 1, atol=2e-3)
    found = {region.code: region for region in shipped.regions(model.classes)}
    assert {"kick", "snr", "hhc", "cym"} <= set(found)
    assert found["kick"].x < found["snr"].x < found["hhc"].x
    assert found["kick"].y > found["cym"].y


def test_a_reference_lies_near_its_place(shipped: Geography) -> None:
    far = np.abs(shipped.place(shipped.vectors).astype(int) - shipped.places.astype(int))
    assert np.median(far) < 0.02 * WIDTH


def test_a_place_depends_on_nothing_but_the_sound(shipped: Geography) -> None:
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((500, 256)).astype(np.float32)
    sounds = shipped.vectors[rng.permutation(500)] + np.float32(0.02) * noise
    together = shipped.place(sounds).astype(int)
    alone = np.concatenate([shipped.place(sounds[i : i + 1]) for i in range(500)]).astype(int)
    # Sums of other lengths are rounded otherwise; so they are on another machine.
    assert np.abs(together - alone).max() <= 2
    order = rng.permutation(500)
    assert np.abs(shipped.place(sounds[order]).astype(int) - together[order]).max() <= 2


def test_sounds_that_are_no_sounds(shipped: Geography) -> None:
    strange = np.zeros((3, 256), np.float32)
    strange[1] = np.nan
    strange[2] = np.inf
    assert shipped.place(strange).shape == (3, 2)
    assert shipped.place(np.zeros((0, 256), np.float32)).shape == (0, 2)


def test_of_another_network_or_damaged(tmp_path: Path) -> None:
    model = tmp_path / "own.safetensors"
    assert Geography.beside(model, "a") is None
    made_up().save(model, "a")
    assert Geography.beside(model, "a") is not None
    assert Geography.beside(model, "b") is None
    file = tmp_path / "own.map.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    assert Geography.beside(model, "a") is None
    file.write_bytes(b"")
    assert Geography.beside(model, "a") is None


def test_regions_are_where_most_are() -> None:
    at = np.array([[100, 100]] * 8 + [[60_000, 60_000]] * 3, np.uint16)
    [region] = regions_of(at, np.zeros(11, int), ("kick",))
    assert (region.code, region.x, region.y) == ("kick", 100, 100)


def test_nothing_moves_when_sounds_are_added(library: Library, write_sound, tmp_path: Path) -> None:
    for seed in range(20):
        write_sound(f"{seed}.wav", seed)
    library.scan(tmp_path / "Samples")
    before = placed(library)
    assert len(before) == 20
    for seed in range(20, 50):
        write_sound(f"{seed}.wav", seed)
    library.scan()
    after = placed(library)
    assert len(after) == 50
    assert {key: after[key] for key in before} == before
    for cache in tmp_path.glob("library.db.*neighbours"):
        cache.unlink()
    library.scan()
    assert placed(library) == after


def test_a_network_without_a_geography_has_a_map_of_its_own(
    library: Library, write_sound, tmp_path: Path
) -> None:
    for seed in range(6):
        write_sound(f"{seed}.wav", seed)
    library.scan(tmp_path / "Samples")
    with library.reading() as (connection, network):
        assert network is not None
        found = current_map(connection, network.id)
    assert found is not None
    assert found.kind == "own"
    assert len({(x, y) for _, x, y in placed(library).values()}) == 6


def test_two_at_once_and_what_is_left_over(library: Library, write_sound, tmp_path: Path) -> None:
    for seed in range(30):
        write_sound(f"{seed}.wav", seed)
    library.scan(tmp_path / "Samples")
    with library.database.writing() as connection:
        connection.execute(delete(maps))
    with library.reading() as (connection, network):
        assert network is not None
        missing = count_missing(connection, network.id)
    assert missing == 30
    geography = made_up(size=network.latent_size)
    work = [
        threading.Thread(target=place_missing, args=(library.database, network.id, geography))
        for _ in range(3)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    found = placed(library)
    assert len(found) == 30
    assert len({map_id for map_id, _, _ in found.values()}) == 1
    assert place_missing(library.database, network.id, geography) == 0
    with library.database.writing() as connection:
        connection.execute(delete(places).where(places.c.analysis_id == min(found)))
    assert place_missing(library.database, network.id, geography) == 1
    assert placed(library) == found


def test_a_map_whose_sounds_are_all_gone(library: Library, write_sound, tmp_path: Path) -> None:
    path = write_sound("a.wav", 1)
    library.scan(tmp_path / "Samples")
    path.unlink()
    write_sound("b.wav", 2)
    library.scan()
    assert len(placed(library)) == 1


def test_a_new_map_is_noted_as_a_change_of_everything(
    library: Library, write_sound, tmp_path: Path
) -> None:
    from libindex.store.changes import changed_since, last_change

    write_sound("a.wav", 1)
    library.scan(tmp_path / "Samples")
    with library.database.reading() as connection:
        before = last_change(connection)
        assert changed_since(connection, before, 100) == set()
        assert changed_since(connection, 0, 1) is None
        ids = set(connection.execute(select(analyses.c.content_id)).scalars())
        assert changed_since(connection, 0, 1_000) in (ids, None)
    with library.database.writing() as connection:
        connection.execute(update(maps).values(is_current=True))
    with library.database.reading() as connection:
        assert changed_since(connection, before, 100) is None
