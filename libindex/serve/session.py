"""How a browser gets the token: by a code in the address that it is opened with."""

import os
import secrets
import threading
import time
from pathlib import Path

from libindex.errors import LibindexError

_CODE_S = 60.0
_MIN_TOKEN = 32


class Session:
    """The token of a library's page, and the codes that are exchanged for it. Thread-safe.

    Parameters
    ----------
    token : str
        See `new_token`.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self._lock = threading.Lock()
        self._codes: dict[str, float] = {}
        self._wrong = 0

    def new_code(self) -> str:
        """A code that can be exchanged for the token, once, within a minute."""
        code = secrets.token_urlsafe(16)
        with self._lock:
            self._codes[code] = time.monotonic() + _CODE_S
        return code

    def exchange(self, code: str) -> str | None:
        """The token for a code; None if that is not or no longer one."""
        with self._lock:
            now = time.monotonic()
            self._codes = {known: end for known, end in self._codes.items() if end > now}
            return None if self._codes.pop(code, None) is None else self.token


def token_path(database: Path) -> Path:
    """Where the token of a library's page is kept: beside the database."""
    return database.with_name(database.name + ".token")


def known_token(database: Path) -> str | None:
    """The token that is kept; None if there is none, or if others could have read it."""
    try:
        with token_path(database).open(encoding="ascii") as file:
            is_private = os.name != "posix" or not os.fstat(file.fileno()).st_mode & 0o077
            token = file.read().strip()
    except (OSError, ValueError):
        return None
    return token if is_private and len(token) >= _MIN_TOKEN else None


def new_token(database: Path) -> str:
    """Another token for a library's page, kept for `libindex.serve.running`.

    It is another one every time, so that whoever takes the port of a server that has ended, and is
    sent the token by a page that is still open, can do nothing with it.

    Raises
    ------
    LibindexError
        If it can't be written.
    """
    token = secrets.token_urlsafe(32)
    path = token_path(database)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(token + "\n")
        new.replace(path)
    except OSError as error:
        raise LibindexError(f"can't be written ({error.strerror})", path) from None
    return token
