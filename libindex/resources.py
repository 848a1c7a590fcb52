"""Where the shipped migrations and networks are: in a checkout, or inside an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def migrations() -> Path:
    """The folder of the Alembic environment."""
    return _folder("migrations")


def models() -> Path:
    """The folder of the networks that come with libindex."""
    return _folder("models")


def default_model() -> Path:
    """The weights of the network that is used when no other is named."""
    return models() / "drums-30.safetensors"
