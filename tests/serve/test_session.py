import os
import socket
import stat
import time
from pathlib import Path

import pytest

from libindex.serve.running import Note, new_address, write_note
from libindex.serve.session import Session, known_token, new_token, token_path


def test_every_server_has_a_token_of_its_own_for_its_owner_only(tmp_path: Path) -> None:
    database = tmp_path / "library.db"
    before = new_token(database)
    token = new_token(database)
    assert token != before
    assert known_token(database) == token
    assert len(token) >= 43  # 32 random bytes
    if os.name == "posix":
        assert stat.S_IMODE(token_path(database).stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_token_that_others_could_read_is_none(tmp_path: Path) -> None:
    database = tmp_path / "library.db"
    new_token(database)
    token_path(database).chmod(0o644)
    assert known_token(database) is None


def test_a_note_of_a_server_that_has_ended_is_not_followed(tmp_path: Path) -> None:
    database = tmp_path / "library.db"
    new_token(database)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        write_note(database, Note(stranger.getsockname()[1], os.getpid()))
        stranger.settimeout(0.2)
        assert new_address(database) is None
        with pytest.raises(TimeoutError):
            stranger.accept()


def test_a_code_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    one = Session("token")
    code = one.new_code()
    now[0] += 61
    assert one.exchange(code) is None
    code = one.new_code()
    now[0] += 59
    assert one.exchange(code) == "token"
    assert one.exchange(code) is None


def test_wrong_codes_void_no_right_one() -> None:
    one = Session("token")
    code = one.new_code()
    for number in range(30):
        assert one.exchange(str(number)) is None
    assert one.exchange(code) == "token"
