from pathlib import Path

import numpy as np
import pytest
import sqlalchemy
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from support.facts import make_facts

from libindex.analysis.results import Analysis
from libindex.disk.stamps import Stamp
from libindex.disk.walk import Found
from libindex.indexing import records, sample_rows
from libindex.instruments import CODES
from libindex.network.architecture import NetworkConfig
from libindex.network.modelfile import ModelFile
from libindex.store.database import Database
from libindex.store.schema import analyses, contents, metadata, roots, samples

FACTS = make_facts(
    size_bytes=70_000,
    duration_s=0.8,
    centroid_hz=1234.5,
    loudness_dbfs=-18.0,
    peak=0.9,
    channels=2,
    encoding="PCM_24",
)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(str(tmp_path / "library.db"), create=True)


def fill(connection: Connection, count: int, latent_size: int = 16) -> list[int]:
    """A root with `count` samples of different contents, all analysed; returns the contents."""
    config = NetworkConfig(lstm_dim=latent_size // 2)
    model = ModelFile(Path("made-up.safetensors"), "made up", CODES, network=config)
    network = records.network_for(connection, model, "fingerprint")
    root = connection.execute(
        insert(roots).values(path=b"/Samples", is_mount=False, is_online=True, added_at=0)
    ).inserted_primary_key[0]
    rng = np.random.default_rng(0)
    results = [
        Analysis(
            f"{i}.wav",
            rng.bytes(20),
            FACTS,
            rng.dirichlet(np.full(len(CODES), 0.1)).astype(np.float32),
            rng.standard_normal(latent_size).astype(np.float32),
            None if i == 0 else float(rng.random()),
        )
        for i in range(count)
    ]
    known = records.Results(results).record(connection, network)
    rows = [
        sample_rows.sample_values(
            Found(f"Drums/Some Vendor/Snares/Snare {i:06}.wav", Stamp(70_000, i, i), True), root
        )
        | {"content_id": known[result.digest].id, "failure": None}
        for i, result in enumerate(results)
    ]
    sample_rows.insert_samples(connection, rows)
    return [known[result.digest].id for result in results]


def rows(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


def test_every_constraint_and_index_has_a_name() -> None:
    # Alembic can only alter what has one.
    for table in metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints)
        assert all(index.name for index in table.indexes)


def test_paths_and_digests_are_bytes() -> None:
    for column in (roots.c.path, samples.c.path, contents.c.digest):
        assert isinstance(column.type, sqlalchemy.LargeBinary)


def test_removing_a_root_removes_its_samples_only(database: Database) -> None:
    with database.writing() as connection:
        fill(connection, 3)
        connection.execute(delete(roots))
        left = rows(connection)
    assert left["samples"] == 0
    assert left["contents"] == left["analyses"] == left["embeddings"] == 3


def test_removing_a_content_removes_its_analyses(database: Database) -> None:
    with database.writing() as connection:
        first, *_ = fill(connection, 3)
        connection.execute(delete(samples).where(samples.c.content_id == first))
        connection.execute(delete(contents).where(contents.c.id == first))
        left = rows(connection)
    assert left["analyses"] == left["embeddings"] == 2
    assert left["class_probabilities"] == 2 * len(CODES)


def test_a_score_that_a_network_does_not_have_is_null(database: Database) -> None:
    with database.writing() as connection:
        fill(connection, 3)
        first, *others = connection.execute(select(analyses.c.percussion)).scalars()
    assert first is None
    assert all(0 <= value <= 1 for value in others)


def test_a_content_in_use_can_not_be_removed(database: Database) -> None:
    with database.writing() as connection:
        fill(connection, 1)
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            connection.execute(delete(contents))


def test_a_path_is_there_once_in_its_root(database: Database) -> None:
    with database.writing() as connection:
        fill(connection, 1)
        again = connection.execute(select(samples)).mappings().one()
        with pytest.raises(IntegrityError, match="UNIQUE"):
            connection.execute(insert(samples).values({**again, "id": None}))


def test_ids_of_analyses_are_never_used_again(database: Database) -> None:
    with database.writing() as connection:
        fill(connection, 2)
        before = connection.execute(select(func.max(analyses.c.id))).scalar_one()
        values = dict(connection.execute(select(analyses).limit(1)).mappings().one())
        connection.execute(delete(analyses))
        connection.execute(insert(analyses).values({**values, "id": None}))
        assert connection.execute(select(analyses.c.id)).scalar_one() == before + 1


def test_a_sample_costs_at_most_3_kilobytes(database: Database) -> None:
    with database.writing() as connection:
        fill(connection, 1_000, latent_size=NetworkConfig().latent_size)
    with database.reading() as connection:
        pages, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "page_size")
        )
    assert pages * size / 1_000 <= 3_000
