"""What can go wrong, as a tree: every error has a reason and, where there is one, a path."""

from libindex.paths import PathLike, display

TOOK_TOO_LONG = "took longer than"
"""How the reasons of files begin that were given up because of the time that they took."""


class LibindexError(Exception):
    """Base of all errors that a user can cause and mend.

    Parameters
    ----------
    reason : str
        What is wrong and what to do, in one line.
    path : str or os.PathLike, optional
        The file or folder that it is about.
    """

    def __init__(self, reason: str, path: PathLike | None = None) -> None:
        super().__init__(reason, path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        return self.reason if self.path is None else f"{display(self.path)}: {self.reason}"

    def __reduce__(self) -> tuple[type["LibindexError"], tuple[str, PathLike | None]]:
        return type(self), (self.reason, self.path)


class UsageError(LibindexError):
    """A value that makes no sense, such as a class that does not exist."""


class SettingsError(LibindexError):
    """The configuration file or an environment variable can't be used."""


class SampleError(LibindexError):
    """A file that can't be analysed; `digest` and `size_bytes` are set if its bytes were read.

    With a digest the reason belongs to the bytes: the file is tried again only when it
    changes. Without one it belongs to the moment (the file could not be read, or took too long),
    and the next scan tries again.
    """

    def __init__(
        self,
        reason: str,
        path: PathLike | None = None,
        digest: bytes | None = None,
        size_bytes: int | None = None,
    ) -> None:
        super().__init__(reason, path)
        self.digest = digest
        self.size_bytes = size_bytes

    def __reduce__(  # type: ignore[override]
        self,
    ) -> tuple[type["SampleError"], tuple[str, PathLike | None, bytes | None, int | None]]:
        return type(self), (self.reason, self.path, self.digest, self.size_bytes)


class ModelError(LibindexError):
    """A network's files are missing, damaged, of another kind or unsafe to load."""


class DatabaseError(LibindexError):
    """The database can't be opened, read or written."""


class BusyError(DatabaseError):
    """Another process holds the library for writing."""


class NotFoundError(LibindexError):
    """What was asked for is not in the library."""
