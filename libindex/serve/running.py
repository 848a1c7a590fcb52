"""The server that runs for a library already: where it is, and how to open another page of it."""

import http.client
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from libindex.disk.atomic import replacing
from libindex.serve.session import known_token
from libindex.store import locking

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Note:
    """What a server leaves beside the database.

    Attributes
    ----------
    port, pid : int
        Where it listens, and its process.
    """

    port: int
    pid: int


def _path(database: Path) -> Path:
    return database.with_name(database.name + ".server")


def write_note(database: Path, note: Note) -> None:
    """Say where the server is."""
    path = _path(database)
    with replacing(str(path), str(path) + ".new") as file:
        file.write(json.dumps(asdict(note)).encode())


def remove_note(database: Path) -> None:
    """Say that it is gone."""
    _path(database).unlink(missing_ok=True)


def new_address(database: Path) -> str | None:
    """An address that opens the page of the server that runs; None if none does, or answers."""
    if not locking.is_served(database):  # the note is an old one: who listens there now?
        return None
    try:
        note = Note(**json.loads(_path(database).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    token = known_token(database)
    connection = http.client.HTTPConnection("127.0.0.1", note.port, timeout=_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/code", b"{}", headers)
        reply = connection.getresponse()
        code = json.loads(reply.read())["code"] if reply.status == 200 else None
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return code and address(note.port, code)


def address(port: int, code: str) -> str:
    """The address of a page, with a code that is used once."""
    return f"http://127.0.0.1:{port}/#{code}"
