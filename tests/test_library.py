import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.libraries import put

import libindex as package
from libindex.errors import BusyError, ModelError, NotFoundError, SettingsError
from libindex.library import Library
from libindex.store import locking

# Opening


def test_the_package_offers_it() -> None:
    assert package.Library is Library
    with pytest.raises(AttributeError, match="no attribute 'Libary'"):
        package.Libary  # noqa: B018


def test_the_users_own_library_is_the_default(monkeypatch, tmp_path) -> None:
    with pytest.raises(NotFoundError, match="no library here yet"):
        Library.open(create=False)
    with Library.open() as library:
        assert library.database.path.is_relative_to(os.environ["XDG_DATA_HOME"])
    monkeypatch.setenv("LIBINDEX_DB", str(tmp_path / "named.db"))
    with Library.open() as library:
        assert library.database.path == tmp_path / "named.db"
    with Library.open(tmp_path / "other.db") as library:
        assert library.database.path == tmp_path / "other.db"


def test_a_path_may_be_relative_and_stays_what_it_was(monkeypatch, tmp_path, ear, small_model):
    put(tmp_path / "here/Samples/kick.wav")
    monkeypatch.chdir(tmp_path / "here")
    with Library.open("library.db", model=str(small_model), jobs=1) as library:
        monkeypatch.chdir(tmp_path)
        assert library.scan("here/Samples").new == 1
        assert library.query()[0].path == str(tmp_path / "here/Samples/kick.wav")
    assert (tmp_path / "here/library.db").is_file()


def test_a_tilde_is_the_users_home(library, ear) -> None:
    put(Path(os.environ["HOME"], "Samples/kick.wav"))
    assert library.scan("~/Samples").new == 1
    assert len(library.query(under="~/Samples")) == 1
    assert library.info("~/Samples/kick.wav").facts.container == "WAV"
    assert library.forget("~/Samples") == 1


@pytest.mark.parametrize("setting", [{"jobs": 0}, {"device": "abacus"}, {"volume": 11}])
def test_a_setting_that_makes_no_sense_is_refused(tmp_path, setting) -> None:
    with pytest.raises(SettingsError):
        Library.open(tmp_path / "library.db", **setting)
    assert not (tmp_path / "library.db").exists()


def test_a_temporary_library_leaves_nothing(ear, small_model, tmp_path) -> None:
    put(tmp_path / "Samples/kick.wav")
    with Library.temporary(model=str(small_model), jobs=1) as library:
        path = library.database.path
        assert library.scan(tmp_path / "Samples").new == 1
        assert path.is_file()
    assert not path.parent.exists()


# One writer


def test_a_second_writer_gets_an_error(library, ear, tmp_path) -> None:
    put(tmp_path / "Samples/kick.wav")
    with locking.writer_lock(library.database.path, "watch"):
        assert library.writer().command == "watch"
        for write in (lambda: library.scan(tmp_path / "Samples"), lambda: library.forget("/x")):
            with pytest.raises(BusyError, match="is being written by libindex watch"):
                write()
    assert library.scan(tmp_path / "Samples").new == 1
    assert library.writer() is None


def test_a_second_writer_can_wait(library, ear, tmp_path) -> None:
    put(tmp_path / "Samples/kick.wav")
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with locking.writer_lock(library.database.path, "watch"):
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    holders = []
    summary = library.scan(
        tmp_path / "Samples", on_wait=lambda who: holders.append(who) or release.set()
    )
    thread.join()
    assert summary.new == 1
    assert len(holders) == 1


def test_readers_are_served_while_a_scan_runs(library, ear, tmp_path) -> None:
    put(tmp_path / "Samples/a.wav", b"a")
    library.scan(tmp_path / "Samples")
    put(tmp_path / "Samples/b.wav", b"b")
    seen = []
    ear.before = lambda _path: seen.append(
        (len(library.query()), len(library.similar("a.wav")), library.status().samples)
    )
    library.scan()
    assert seen == [(1, 0, 1)]
    assert len(library.query()) == 2


def test_a_scan_names_itself_while_it_runs(library, ear, tmp_path) -> None:
    put(tmp_path / "Samples/a.wav")
    seen = []
    ear.before = lambda _path: seen.append((library.writer().command, library.writer().pid))
    library.scan(tmp_path / "Samples")
    assert seen == [("scan", os.getpid())]


@pytest.mark.parametrize("name", ["none.safetensors", "original.model"])
def test_a_network_that_can_not_be_used_is_named_before_anything_is_done(
    tmp_path, library, name
) -> None:
    put(tmp_path / "Samples/kick.wav")
    with (
        Library.open(library.database.path, model=str(tmp_path / name)) as other,
        pytest.raises(ModelError, match=name),
    ):
        other.scan(tmp_path / "Samples")
    assert library.status().roots == []


@pytest.mark.slow
def test_it_can_be_used_from_a_script_without_a_main_guard(
    tmp_path, write_sound, small_model
) -> None:
    write_sound("kick.wav")
    script = put(
        tmp_path / "script.py",
        b"from libindex import Library\n"
        b"with Library.open('library.db', model=MODEL, jobs=2) as library:\n"
        b"    print(library.scan('Samples').new)\n".replace(
            b"MODEL", repr(str(small_model)).encode()
        ),
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")


# With real sounds and the real pipeline


@pytest.fixture
def sounds(write_sound: Callable[..., Path]) -> Path:
    """One-shots in several formats; returns their folder."""
    write_sound("kicks/a.wav", 1)
    write_sound("kicks/b.flac", 2, seconds=0.5)
    write_sound("snares/c.ogg", 3)
    write_sound("snares/d.aiff", 4, rate=48_000, subtype="PCM_24")
    return write_sound("hats/\udcff\nü🥁.wav", 5, seconds=0.1, rate=22_050).parent.parent


@pytest.mark.slow
def test_from_files_to_answers(library, sounds) -> None:
    summary = library.scan(sounds)
    assert (summary.new, summary.failed, summary.analysed) == (5, 0, 5)
    assert summary.seconds > 0
    hits = {Path(hit.path).name: hit for hit in library.query()}
    assert set(hits) == {"a.wav", "b.flac", "c.ogg", "d.aiff", "\udcff\nü🥁.wav"}
    assert (hits["d.aiff"].facts.sample_rate, hits["d.aiff"].facts.encoding) == (48_000, "PCM_24")
    assert hits["b.flac"].facts.duration_s == pytest.approx(0.5)
    for hit in hits.values():
        probabilities = library.info(hit.path).probabilities
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-4)
        similar = library.similar(hit.path)
        assert {other.path for other in similar} == {h.path for h in hits.values()} - {hit.path}


@pytest.mark.slow
def test_a_file_sounds_like_itself_whether_it_is_indexed_or_not(library, sounds, tmp_path) -> None:
    library.scan(sounds)
    for path in [p for p in sounds.rglob("*") if p.is_file()]:
        copy = tmp_path / f"copy{path.suffix}"
        shutil.copy(path, copy)
        found = {hit.path: hit.similarity for hit in library.similar(copy)}
        assert found.pop(str(path)) == pytest.approx(1, abs=1e-3)
        expected = {hit.path: hit.similarity for hit in library.similar(path)}
        assert found == pytest.approx(expected, abs=2e-3)


@pytest.mark.slow
def test_a_result_does_not_depend_on_its_company(library, sounds, small_model, tmp_path) -> None:
    library.scan(sounds)
    for number, path in enumerate(p for p in sounds.rglob("*.*") if p.is_file()):
        alone = tmp_path / f"alone {number}"
        alone.mkdir()
        shutil.copy(path, alone)
        with Library.open(tmp_path / f"{number}.db", model=str(small_model), jobs=1) as other:
            other.scan(alone)
            mine = library.info(path).probabilities
            assert other.info(alone / path.name).probabilities == pytest.approx(mine, abs=1e-5)


BAD = {
    "zero.wav": (b"", "is empty (0 bytes)"),
    "text.wav": (b"this is not audio\n" * 50, "is not audio, or is damaged"),
    "text.mp3": (b"this is not audio\n" * 50, "is not audio, or is damaged"),
}


@pytest.mark.slow
def test_each_bad_file_has_its_reason_and_stops_nothing(library, write_sound) -> None:
    folder = write_sound("good.wav", 1).parent
    expected = {}
    for name, (content, reason) in BAD.items():
        put(folder / name, content)
        expected[name] = reason
    soundfile.write(folder / "silent.wav", np.zeros(4410), 44_100)
    soundfile.write(folder / "none.wav", np.zeros(0), 44_100)
    soundfile.write(folder / "one.wav", np.full(1, 0.5), 44_100)
    soundfile.write(folder / "nan.wav", np.full(4410, np.nan), 44_100, subtype="FLOAT")
    expected |= {
        "silent.wav": "is silent",
        "none.wav": "holds no audio",
        "one.wav": "is too short (1 samples)",
        "nan.wav": "holds no finite numbers (all samples are NaN or infinite)",
    }
    summary = library.scan(folder)
    assert (summary.new, summary.failed) == (1, len(expected))
    assert {Path(f.path).name: f.reason for f in library.failures()} == expected
    assert library.scan().analysed == 0


@pytest.mark.slow
def test_a_truncated_file_is_used_and_flagged(library, write_sound) -> None:
    path = write_sound("kick.wav", 1, seconds=0.5)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert library.scan(path.parent).new == 1
    (hit,) = library.query()
    assert hit.facts.warning == "truncated"
    assert hit.facts.duration_s == pytest.approx(0.25, abs=0.01)
    assert library.status().flagged == 1


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_decoder_that_dies_takes_no_scan_with_it(
    tmp_path, write_sound, small_model, monkeypatch, jobs
) -> None:
    # A module that every Python process of this test loads: reading the poison kills it.
    put(
        tmp_path / "path/sitecustomize.py",
        b"import libindex.sound.preparation as p, os\n"
        b"decode = p.decode\n"
        b"def poisoned(source, *rest):\n"
        b"    if isinstance(source, bytes) and source.endswith(b'poison'):\n"
        b"        os._exit(139)\n"
        b"    return decode(source, *rest)\n"
        b"p.decode = poisoned\n",
    )
    for number in range(12):
        path = write_sound(f"{number:02}.wav", number, seconds=0.05)
    with (path.parent / "05.wav").open("ab") as file:
        file.write(b"poison")
    monkeypatch.setattr("sys.path", [str(tmp_path / "path"), *sys.path])
    with Library.open(tmp_path / "library.db", model=str(small_model), jobs=jobs) as library:
        summary = library.scan(path.parent)
        assert (summary.new, summary.failed) == (11, 1)
        (failure,) = library.failures()
        assert Path(failure.path).name == "05.wav"
        assert failure.reason == "crashed the decoder (exit status 139)"
        assert library.scan().failed == 1
