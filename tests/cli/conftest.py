import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from libindex.cli import main
from libindex.library import Library


@pytest.fixture
def cli(
    library: Library, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run a command in this process, on the library of `library`: `cli("query", "-c", "snr")`."""
    monkeypatch.setenv("LIBINDEX_DB", str(library.database.path))
    monkeypatch.setenv("LIBINDEX_MODEL", str(small_model))
    monkeypatch.setenv("LIBINDEX_JOBS", "1")

    def run(*arguments: str | Path, code: int = 0, **options: Any) -> Result:
        result = CliRunner().invoke(main, [os.fspath(a) for a in arguments], **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def fails(cli: Callable[..., Result]) -> Callable[..., str]:
    """Run a command that must fail; returns its only line, without "libindex: "."""

    def run(*arguments: str | Path, code: int = 1) -> str:
        result = cli(*arguments, code=code)
        assert result.stdout == ""
        assert result.stderr.startswith("libindex: ")
        assert result.stderr.endswith("\n")
        assert result.stderr.count("\n") == 1
        return result.stderr.removeprefix("libindex: ").rstrip("\n")

    return run


@pytest.fixture
def terminal(libindex: Callable[..., "subprocess.Popen[bytes]"]) -> Callable[..., str]:
    """Run a command on a terminal of its own, so many columns wide; returns what it showed."""

    def run(*arguments: str | Path, columns: int = 100) -> str:
        leader, follower = os.openpty()
        environment = {"TERM": "xterm", "COLUMNS": str(columns), "LINES": "40"}
        process = libindex(
            *arguments, stdin=follower, stdout=follower, stderr=follower, environment=environment
        )
        os.close(follower)
        shown = b""
        try:
            while block := os.read(leader, 65_536):
                shown += block
        except OSError:  # Linux reports the closing of the other side so
            pass
        finally:
            os.close(leader)
        assert process.wait() == 0, shown
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).replace("\r\n", "\n")

    return run


@pytest.fixture
def gate(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """A decoder that waits: over bytes that end with "gate", until a certain file is there.

    Returns what the environment of a process needs for that, and the file.
    """
    folder, opened = tmp_path / "gate", tmp_path / "opened"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, time\n"
        "import libindex.sound.preparation as preparation\n"
        "decode = preparation.decode\n"
        "def waiting(source, *rest):\n"
        "    while bytes(source).endswith(b'gate') and not os.path.exists(OPENED):\n"
        "        time.sleep(0.01)\n"
        "    return decode(source, *rest)\n"
        "preparation.decode = waiting\n".replace("OPENED", repr(str(opened)))
    )
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return {"PYTHONPATH": path, "LIBINDEX_FILE_TIMEOUT_S": "600"}, opened
