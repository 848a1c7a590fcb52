import os
from pathlib import Path

import pytest

from libindex import resources, settings
from libindex.errors import SettingsError
from libindex.settings import Settings


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration file is looked for."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("LIBINDEX_CONFIG", str(path))
    return path


def test_defaults() -> None:
    loaded = settings.load()
    assert loaded == Settings(
        db=str(settings.default_database()),
        model=str(resources.default_model()),
        jobs=loaded.jobs,
        device="auto",
        file_timeout_s=30.0,
    )
    assert 1 <= loaded.jobs <= (os.cpu_count() or 1)
    assert Path(loaded.db).is_relative_to(os.environ["HOME"])


def test_the_configuration_file_is_in_the_users_folder() -> None:
    assert settings.config_file().is_relative_to(os.environ["HOME"])
    assert settings.config_file().name == "config.toml"


def test_the_configuration_file_of_the_user_is_read() -> None:
    path = settings.config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("jobs = 3")
    assert settings.load().jobs == 3


def test_file_before_defaults(config: Path) -> None:
    config.write_text('db = "/music/library.db"\njobs = 7\ndevice = "cpu"\nfile_timeout_s = 2')
    loaded = settings.load()
    assert (loaded.db, loaded.jobs, loaded.device) == ("/music/library.db", 7, "cpu")
    assert isinstance(loaded.file_timeout_s, float)
    assert loaded.file_timeout_s == 2
    assert loaded.model == str(resources.default_model())


def test_environment_before_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('jobs = 7\ndevice = "cpu"')
    monkeypatch.setenv("LIBINDEX_JOBS", "5")
    monkeypatch.setenv("LIBINDEX_FILE_TIMEOUT_S", "1.5")
    monkeypatch.setenv("LIBINDEX_DEVICE", "")
    loaded = settings.load()
    assert (loaded.jobs, loaded.file_timeout_s, loaded.device) == (5, 1.5, "cpu")


def test_what_is_given_before_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("jobs = 7")
    monkeypatch.setenv("LIBINDEX_JOBS", "5")
    assert settings.load({"jobs": 4, "db": None}).jobs == 4
    assert settings.load({"jobs": None}).jobs == 5


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = settings.load({"db": "library.db", "model": Path("~/mine.safetensors")})
    assert loaded.db == str(Path.cwd() / "library.db")
    assert loaded.model == f"{os.environ['HOME']}/mine.safetensors"


def test_a_database_url_stays_as_it_is() -> None:
    url = "postgresql+psycopg://me@server/library"
    assert settings.load({"db": url}).db == url


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobs = ", "is not valid TOML: Invalid value (at end of document)"),
        (
            "colour = 1",
            "unknown setting 'colour'; known are db, model, jobs, device, file_timeout_s, shelf, "
            "kits",
        ),
        ('jobs = "many"', "jobs is 'many'; a whole number is needed"),
        ("jobs = 2.5", "jobs is 2.5; a whole number is needed"),
        ("jobs = true", "jobs is True; a whole number is needed"),
        ("jobs = 0", "jobs is 0; it must be at least 1"),
        ("jobs = [1]", "jobs is [1]; a whole number is needed"),
        ("db = 5", "db is 5; text is needed"),
        ('file_timeout_s = "soon"', "file_timeout_s is 'soon'; a number is needed"),
        ("file_timeout_s = 0", "file_timeout_s is 0.0; it must be above 0"),
        ("file_timeout_s = nan", "file_timeout_s is nan; it must be above 0"),
        ('device = "gpu"', "device is 'gpu'; choose from auto, cpu, cuda, mps"),
    ],
)
def test_a_bad_file_is_named_with_its_fault(config: Path, text: str, message: str) -> None:
    config.write_text(text)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert caught.value.path == config
    assert caught.value.reason == message


def test_a_file_that_is_no_text(config: Path) -> None:
    config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="can't be read"):
        settings.load()


def test_a_folder_in_place_of_the_file(config: Path) -> None:
    config.mkdir()
    with pytest.raises(SettingsError, match="can't be read"):
        settings.load()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LIBINDEX_JOBS", "many", "jobs is 'many'; a whole number is needed"),
        ("LIBINDEX_JOBS", "-1", "jobs is -1; it must be at least 1"),
        ("LIBINDEX_DEVICE", "gpu", "device is 'gpu'; choose from auto, cpu, cuda, mps"),
    ],
)
def test_a_bad_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert caught.value.reason == message


def test_what_is_given_is_checked_too() -> None:
    with pytest.raises(SettingsError, match="unknown setting 'job'"):
        settings.load({"job": 2})
