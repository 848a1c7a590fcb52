"""Drives that come and go, and roots inside of roots: what is known of them is never lost."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from libindex.analysis.workers import WorkerPool
from libindex.disk import presence
from libindex.errors import DatabaseError, ModelError
from libindex.indexing import Progress
from libindex.library import Library
from libindex.network.modelfile import ModelFile
from libindex.sound.preparation import Preparer

pytestmark = pytest.mark.slow  # processes of its own


def tone(seed: int) -> np.ndarray:
    """A short hit, another one for every seed."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(2000) * np.linspace(0.5, 0, 2000)).astype(np.float32)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "Samples"
    for number in range(12):
        path = folder / f"pack {number % 3}" / f"{number:02}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(number), 44_100)
    return folder


def analysed(library: Library) -> int:
    return library.status().analysed


def test_a_root_that_goes_away_while_it_is_scanned_keeps_everything(
    library: Library, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.scan(sounds)  # files this fresh are read again by the next scan
    away = sounds.with_name("unplugged")
    monkeypatch.setattr("libindex.indexing.ingest._CHUNK", 4)

    def unplug(progress: Progress) -> None:
        if progress.done >= 4 and sounds.exists():
            sounds.rename(away)

    summary = library.scan(on_progress=unplug)
    assert summary.offline == [(str(sounds), "is offline")]
    assert (analysed(library), library.status().failed, summary.removed) == (12, 0, 0)
    away.rename(sounds)
    assert library.scan().analysed == 0
    assert len(library.query()) == 12


def test_a_mount_point_with_a_stray_file_is_an_unplugged_drive(
    library: Library, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "is_mount", lambda path: Path(path, "pack 0").exists())
    library.scan(sounds)
    away = sounds.rename(sounds.with_name("unplugged"))
    sounds.mkdir()
    (sounds / ".DS_Store").touch()
    (sounds / "note.txt").touch()
    assert library.scan().offline == [(str(sounds), "is offline")]
    shutil.rmtree(sounds)
    away.rename(sounds)
    assert library.scan().analysed == 0
    assert len(library.query()) == 12


def test_a_drive_inside_of_a_root_stays_a_root(
    library: Library, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = sounds / "pack 1"
    monkeypatch.setattr(presence, "is_mount", lambda path: path == str(drive) and drive.exists())
    library.scan(drive)
    library.scan(sounds)
    assert [(Path(r.path).name, r.samples) for r in library.status().roots] == [
        ("Samples", 8),
        ("pack 1", 4),
    ]
    drive.rename(sounds.with_name("unplugged"))
    summary = library.scan()
    assert (summary.offline, summary.removed) == ([(str(drive), "is offline")], 0)
    assert analysed(library) == 12


def test_a_root_that_is_away_is_not_absorbed(library: Library, sounds: Path) -> None:
    inner = sounds / "pack 2"
    library.scan(inner)
    away = inner.rename(sounds.with_name("away"))
    library.scan(sounds)
    assert analysed(library) == 12
    away.rename(inner)
    assert library.scan().analysed == 0


def test_parts_of_a_part_are_scanned_once(library: Library, sounds: Path) -> None:
    library.scan(sounds)
    soundfile.write(sounds / "pack 0" / "new.wav", tone(99), 44_100)
    summary = library.scan(sounds, sounds / "pack 0", sounds / "pack 0" / "new.wav")
    assert summary.new == 1
    assert library.scan(sounds / "pack 0", sounds / "pack 0" / "new.wav").unchanged == 5


def test_a_move_between_parts_that_are_scanned_one_by_one_costs_no_analysis(
    library: Library, sounds: Path
) -> None:
    library.scan(sounds)
    (sounds / "pack 0" / "00.wav").rename(sounds / "pack 1" / "00.wav")
    library.scan(sounds / "pack 0")
    summary = library.scan(sounds / "pack 1")
    assert (summary.new, summary.analysed) == (1, 0)


def test_a_link_to_a_file_that_is_away_keeps_its_sample(library: Library, sounds: Path) -> None:
    target = sounds.with_name("elsewhere.wav")
    soundfile.write(target, tone(50), 44_100)
    (sounds / "link.wav").symlink_to(target)
    library.scan(sounds)
    target.rename(target.with_name("away.wav"))
    assert library.scan().removed == 0
    assert len(library.query()) == 13


def test_a_network_that_can_not_be_loaded_does_not_answer(
    library: Library, sounds: Path, small_model: Path, tmp_path: Path
) -> None:
    library.scan(sounds)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(small_model.read_bytes()[:1000])
    shutil.copy(small_model.with_suffix(".json"), damaged.with_suffix(".json"))
    with (
        Library.open(library.database.path, model=str(damaged)) as other,
        pytest.raises(ModelError),
    ):
        other.scan()
    assert len(library.query()) == 12


def test_a_database_of_another_program_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="another program"):
        Library.open(path)
    assert path.read_bytes() == before


def test_workers_run_nothing_from_the_current_folder(
    tmp_path: Path, sounds: Path, small_model: Path
) -> None:
    pack = sounds / "pack 0"
    (pack / "soundfile.py").write_text("open('executed', 'w').close()")
    command = [
        str(Path(sys.executable).with_name("libindex")),
        "scan",
        ".",
        "--db",
        str(tmp_path / "a.db"),
        "--model",
        str(small_model),
    ]
    subprocess.run(command, cwd=pack, check=True, capture_output=True)
    assert not (pack / "executed").exists()


def test_few_files_start_few_processes(small_model: Path, sounds: Path) -> None:
    preparer = Preparer(ModelFile.read(small_model).log_mel())
    paths = sorted(map(str, sounds.rglob("*.wav")))[:9]
    with WorkerPool(preparer, jobs=4, timeout_s=30) as pool:
        pool.submit(paths)
        while pool.waiting:
            pool.answer()
        assert len(psutil.Process().children()) == 2


def test_a_library_behind_a_link_has_one_lock(library: Library, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(library.database.path)
    with Library.open(link) as other:
        assert other.database.path == Path(os.path.realpath(library.database.path))


@pytest.fixture
def plugged(sounds: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of `sounds` that seems to be another drive while there is something in it."""
    drive = sounds / "pack 1"

    def is_mount(path: str) -> bool:
        return path == str(drive) and drive.exists() and any(drive.iterdir())

    def mounts() -> dict[str, str]:
        return {"/": "ext4"} | ({str(drive): "vfat"} if is_mount(str(drive)) else {})

    monkeypatch.setattr(presence, "is_mount", is_mount)
    monkeypatch.setattr("libindex.indexing.roots.mounts", mounts)
    return drive


def test_a_drive_that_is_found_inside_of_a_root_is_kept_when_it_goes(
    library: Library, sounds: Path, plugged: Path
) -> None:
    library.scan(sounds)
    assert [(Path(r.path).name, r.samples) for r in library.status().roots] == [
        ("Samples", 8),
        ("pack 1", 4),
    ]
    away = plugged.rename(sounds.with_name("unplugged"))
    plugged.mkdir()
    summary = library.scan(sounds)
    assert (summary.offline, summary.removed) == ([(str(plugged), "is offline")], 0)
    assert len(library.query()) == 12
    plugged.rmdir()
    soundfile.write(away / "new.wav", tone(99), 44_100)
    away.rename(plugged)
    summary = library.scan(sounds)
    assert (summary.new, summary.analysed, summary.offline) == (1, 1, [])


def test_a_drive_without_samples_is_no_root(library: Library, sounds: Path, plugged: Path) -> None:
    for path in plugged.iterdir():
        path.unlink()
    (plugged / "note.txt").touch()
    library.scan(sounds)
    assert [Path(r.path).name for r in library.status().roots] == ["Samples"]
