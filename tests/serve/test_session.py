import os
import stat
import time
from pathlib import Path

import pytest

from libindex.serve.session import Session, known_token, token_of, token_path


def test_the_token_is_kept_and_is_for_its_owner_only(tmp_path: Path) -> None:
    database = tmp_path / "library.db"
    token = token_of(database)
    assert token_of(database) == token == known_token(database)
    assert len(token) >= 43  # 32 random bytes
    if os.name == "posix":
        assert stat.S_IMODE(token_path(database).stat().st_mode) == 0o600
    assert token_of(tmp_path / "other.db") != token


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_token_that_others_could_read_is_made_anew(tmp_path: Path) -> None:
    database = tmp_path / "library.db"
    token = token_of(database)
    token_path(database).chmod(0o644)
    assert known_token(database) is None
    assert token_of(database) != token


def test_a_damaged_token_is_made_anew(tmp_path: Path) -> None:
    database = tmp_path / "library.db"
    token_path(database).write_text("short")
    token_path(database).chmod(0o600)
    assert len(token_of(database)) >= 43


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


def test_after_many_wrong_codes_the_right_one_is_void() -> None:
    one = Session("token")
    code = one.new_code()
    for number in range(30):
        assert one.exchange(str(number)) is None
    assert one.exchange(code) is None
    assert one.exchange(one.new_code()) == "token"
