"""Where things are and how to run: defaults, then the configuration file, then the environment."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypedDict

import platformdirs

from libindex import resources
from libindex.errors import SettingsError
from libindex.paths import PathLike, absolute

DEVICES = ("auto", "cpu", "cuda", "mps")
_ENVIRONMENT_PREFIX = "LIBINDEX_"
# Where platformdirs looks for the library and the configuration file by default.
_FOLDER_VARIABLES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME")
_KIND_NAMES = {int: "a whole number", float: "a number", str: "text"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a library or a command.

    Attributes
    ----------
    db : str
        Path or SQLAlchemy URL of the library's database.
    model : str
        Path of the network's weights.
    jobs : int
        Number of processes that decode.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run the network.
    file_timeout_s : float
        Maximum time to decode one file [s].
    shelf, kits : str
        Folders that the page of `libindex serve` writes to: links to sounds that were put onto the
        shelf, and kits.
    """

    db: str
    model: str
    jobs: int
    device: str = "auto"
    file_timeout_s: float = 30.0
    shelf: str = field(default_factory=lambda: _at_home("shelf"))
    kits: str = field(default_factory=lambda: _at_home("kits"))

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise SettingsError(f"jobs is {self.jobs}; it must be at least 1")
        if self.device not in DEVICES:
            raise SettingsError(f"device is {self.device!r}; choose from {', '.join(DEVICES)}")
        if not self.file_timeout_s > 0:
            raise SettingsError(f"file_timeout_s is {self.file_timeout_s}; it must be above 0")


class SettingsArgs(TypedDict, total=False):
    """`Settings` as keyword arguments, without ``db``; None stands for "not given"."""

    model: PathLike | None
    jobs: int | None
    device: str | None
    file_timeout_s: float | None


def _at_home(name: str) -> str:
    """A folder that users see; not in their folder of music, which may be in the library."""
    return str(Path.home() / "libindex" / name)


def config_file() -> Path:
    """The configuration file that is read if it is there."""
    named = os.environ.get("LIBINDEX_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("libindex") / "config.toml"


def default_database() -> Path:
    """The database that is used when none is named."""
    return platformdirs.user_data_path("libindex") / "library.db"


def load(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    Parameters
    ----------
    overrides : mapping, optional
        Values by field name, from the command line; None stands for "not given".

    Raises
    ------
    SettingsError
        If the file is not TOML, or a key or value is not one of ours.
    """
    settings = Settings(
        db=str(default_database()),
        model=str(resources.default_model()),
        jobs=_cores(),
    )
    path = config_file()
    try:
        settings = _updated(settings, _from_file(path))
    except SettingsError as error:
        raise SettingsError(error.reason, path) from None
    settings = _updated(settings, _from_environment())
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    return _updated(settings, given)


def environment() -> dict[str, str]:
    """The environment variables that decide about settings, with absolute paths.

    For a service, which starts in another folder and without this environment.

    Raises
    ------
    SettingsError
        If a value is not one of ours.
    """
    kinds = {f.name: f.type for f in fields(Settings)}
    found = {
        _ENVIRONMENT_PREFIX + name.upper(): str(_converted(name, value, kinds[name]))
        for name, value in _from_environment().items()
    }
    if os.environ.get("LIBINDEX_CONFIG"):
        found["LIBINDEX_CONFIG"] = absolute(os.environ["LIBINDEX_CONFIG"])
    return found | {name: os.environ[name] for name in _FOLDER_VARIABLES if os.environ.get(name)}


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"can't be read ({error})") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"is not valid TOML: {error}") from None


def _from_environment() -> dict[str, str]:
    names = {f.name: _ENVIRONMENT_PREFIX + f.name.upper() for f in fields(Settings)}
    return {name: os.environ[key] for name, key in names.items() if os.environ.get(key)}


def _updated(settings: Settings, values: Mapping[str, Any]) -> Settings:
    kinds = {f.name: f.type for f in fields(Settings)}
    for name, value in values.items():
        if name not in kinds:
            raise SettingsError(f"unknown setting {name!r}; known are {', '.join(kinds)}")
        settings = replace(settings, **{name: _converted(name, value, kinds[name])})
    return settings


def _converted(name: str, value: Any, kind: Any) -> Any:
    # TOML has kinds of its own, of which int(2.5), int(True) and str(5) would make something.
    of_kind = {int: (str, int), float: (str, int, float), str: (str, os.PathLike)}[kind]
    if not isinstance(value, of_kind) or isinstance(value, bool):
        raise SettingsError(f"{name} is {value!r}; {_KIND_NAMES[kind]} is needed")
    if name in {"model", "shelf", "kits"}:
        return absolute(str(value))
    if name == "db":
        return _absolute_db(str(value))
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise SettingsError(f"{name} is {value!r}; {_KIND_NAMES[kind]} is needed") from None


def _absolute_db(db: str) -> str:
    """A path or an SQLAlchemy URL, with its file's path made absolute."""
    if "://" not in db:
        return absolute(db)
    scheme, separator, path = db.partition(":///")
    if not path or os.path.isabs(path):  # noqa: PTH117
        return db
    return scheme + separator + absolute(path)
