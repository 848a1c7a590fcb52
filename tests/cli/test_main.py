import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from libindex import __version__
from libindex.cli import _COMMANDS, main
from libindex.library import Library
from libindex.selection import Selection

HEAVY = {
    "torch",
    "librosa",
    "numpy",
    "scipy",
    "sqlalchemy",
    "alembic",
    "faiss",
    "soundfile",
    "rich",
    "pyarrow",
}

# Runs commands in one process, and then prints which modules that took.
REPORT = """
import contextlib, io, json, sys
from libindex.cli import main
codes = []
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    for arguments in json.loads(sys.argv[1]):
        try:
            main(arguments)
        except SystemExit as end:
            codes.append(end.code)
print(json.dumps([codes, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.fixture
def heavy_modules(cli: Callable[..., object]) -> Callable[..., set[str]]:
    """Which of the heavy modules commands import: `heavy_modules(["query"], ["status"])`."""

    def run(*commands: list[str], code: int = 0) -> set[str]:
        process = subprocess.run(
            [sys.executable, "-c", REPORT, json.dumps(commands)],
            capture_output=True,
            check=True,
        )
        codes, modules = json.loads(process.stdout)
        assert codes == [code] * len(commands), process.stderr
        return set(modules) & HEAVY

    return run


@pytest.fixture
def folder(tmp_path: Path, library: Library, ear: object) -> Path:
    folder = tmp_path / "Samples"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02}.wav").write_bytes(b"sound %d" % number)
    library.scan(folder)
    return folder


# What is imported


def test_help_imports_nothing_heavy(heavy_modules) -> None:
    assert heavy_modules(["--help"], ["--version"], *([c, "--help"] for c in _COMMANDS)) == set()


@pytest.mark.slow
def test_a_query_imports_nothing_that_is_slow(heavy_modules, folder, monkeypatch) -> None:
    query = ["query", "--class", "snare", "--min-prob", "0.1", "--name", "*.wav"]
    commands = [query, [*query, "-f", "json"], ["info", "00.wav"], ["status"]]
    assert heavy_modules(*commands) <= {"sqlalchemy", "numpy"}
    monkeypatch.delenv("LIBINDEX_MODEL")  # whose file need not be looked at then
    assert heavy_modules(*commands) <= {"sqlalchemy"}


@pytest.mark.slow
def test_an_export_imports_nothing_that_is_slow(heavy_modules, folder, tmp_path) -> None:
    tables = [["export", "-o", str(tmp_path / name)] for name in ("x.csv", "x.json", "x.npz")]
    places = [["export", f"--{name}", str(tmp_path / name)] for name in ("playlist", "tree")]
    assert heavy_modules(*tables, *places) <= {"sqlalchemy", "numpy"}


@pytest.mark.slow
def test_similar_to_an_indexed_file_needs_no_network(heavy_modules, folder) -> None:
    found = heavy_modules(["similar", "00.wav"], ["similar", str(folder / "01.wav")])
    assert found <= {"sqlalchemy", "numpy", "faiss"}


@pytest.mark.slow
def test_wrong_arguments_are_reported_before_a_network_is_loaded(
    heavy_modules, folder, tmp_path
) -> None:
    new = tmp_path / "new.wav"
    new.write_bytes(b"a new sound")
    light = {"sqlalchemy", "numpy"}
    assert heavy_modules(["similar", str(new), "--under", "/wrong"], code=1) <= light
    wrong = (["--class", "nonsense"], ["--min-duration", "nan"])
    assert heavy_modules(*(["similar", str(new), *w] for w in wrong), code=2) <= light
    assert heavy_modules(["similar", "none.wav"], ["info", "none.wav"], code=1) <= light


@pytest.mark.slow
def test_a_scan_with_nothing_to_do_needs_no_network(heavy_modules, folder) -> None:
    assert heavy_modules(["scan"]) <= {"sqlalchemy", "numpy"}


# Help, version, wrong usage


def test_every_command_has_help(cli) -> None:
    shown = cli("--help").stdout
    for command in _COMMANDS:
        assert f"\n  {command} " in shown
        for option in ("--help", "-h"):
            help_text = cli(command, option).stdout
            assert help_text.startswith(f"Usage: main {command} ")
            assert "Options:\n" in help_text


def test_version(cli) -> None:
    assert cli("--version").stdout == cli("-V").stdout == f"libindex {__version__}\n"


@pytest.mark.parametrize("arguments", [["qeury"], ["query", "--nope"], ["similar"], ["--nope"]])
def test_wrong_usage_exits_with_2(cli, arguments) -> None:
    result = cli(*arguments, code=2)
    assert result.stdout == ""
    assert "Error: " in result.stderr


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("qeury", "query"),
        ("simlar", "similar"),
        ("Scan", "scan"),
        ("search", "query"),
        ("train", "model train"),
        ("snares", "query snares"),
        ("kick", "query kick"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_one_meant(cli, given: str, meant: str) -> None:
    error = cli(given, "snare", code=2).stderr
    assert f"Error: No such command {given!r}. Did you mean {meant!r}?\n" in error
    assert cli(*meant.split(), "--help").stdout  # there is such a command


def test_a_command_like_no_other_gets_no_suggestion(cli) -> None:
    assert cli("xyzzy", code=2).stderr.endswith("Error: No such command 'xyzzy'.\n")


def test_a_mistyped_option_is_answered_with_the_one_meant(cli) -> None:
    assert "--class" in cli("query", "--clas", "snare", code=2).stderr


def test_the_help_says_how_to_begin(cli) -> None:
    shown = cli("--help").stdout
    assert "  Find sounds in a drum-sample library, by class or by similarity.\n" in shown
    assert "libindex scan ~/Samples" in shown


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("libindex sim", "similar"),
        ("libindex kit bui", "build"),
        ("libindex query --min-p", "--min-prob"),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str, words: str, completed: str) -> None:
    line = {
        "COMP_WORDS": words,
        "COMP_CWORD": words.rsplit(maxsplit=1)[-1] if shell == "fish" else str(words.count(" ")),
    }
    for instruction, wanted in (("source", "_LIBINDEX_COMPLETE"), ("complete", completed)):
        done = subprocess.run(
            [sys.executable, "-c", "from libindex.cli import main; main(prog_name='libindex')"],
            env={**os.environ, **line, "_LIBINDEX_COMPLETE": f"{shell}_{instruction}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert wanted in done.stdout


def test_the_command_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="libindex")
    assert script.load() is main


# The library's errors


def test_a_setting_that_makes_no_sense_is_one_line(fails, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LIBINDEX_FILE_TIMEOUT_S", "soon")
    assert "soon" in fails("status")
    monkeypatch.delenv("LIBINDEX_FILE_TIMEOUT_S")
    monkeypatch.setenv("LIBINDEX_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("volume = 11")
    assert fails("status").startswith(f"{tmp_path}/config.toml: unknown setting 'volume'")


def test_a_database_of_any_other_kind_is_one_line(fails, library, tmp_path) -> None:
    assert "PostgreSQL" in fails("status", "--db", "postgresql://host/x").replace(
        "postgresql", "PostgreSQL"
    )
    path = library.database.path
    with library.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '8888'")
    for command in (["status"], ["query"], ["similar", "x"], ["info", "x"], ["scan", tmp_path]):
        assert fails(*command) == f"{path}: was made by a newer libindex; update this one"


def test_an_interruption_exits_with_130(cli, folder, monkeypatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Selection, "hits", interrupted)
    result = cli("query", code=130)
    assert (result.stdout, result.stderr) == ("", "libindex: interrupted\n")


# Processes, pipes, terminals


def finished(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, bytes]:
    out, error = process.communicate(timeout=60)
    return process.returncode, out, error


def test_exit_codes_of_a_process(libindex, folder) -> None:
    code, out, error = finished(libindex("query"))
    assert (code, out.count(b"\n"), error) == (0, 30, b"")
    code, out, error = finished(libindex("info", "none.wav"))
    assert (code, out, error.count(b"\n")) == (1, b"", 1)
    assert error.startswith(b"libindex: none.wav: ")
    code, out, error = finished(libindex("query", "--class", "nonsense"))
    assert (code, out, error.count(b"\n")) == (2, b"", 1)


@pytest.mark.parametrize("form", ["paths", "csv", "jsonl", "json", "table"])
def test_whoever_reads_may_stop_early(libindex, folder, library, form) -> None:
    # More than a pipe holds, so that the writer is stopped in the middle.
    with library.database.writing() as connection:
        query = (
            "INSERT INTO samples SELECT NULL, root_id, CAST(CAST(path AS TEXT) || value AS BLOB),"
            " name, content_id, size_bytes, mtime_ns, ctime_ns, is_settled, failure, added_at"
            " FROM samples, generate"
        )
        numbers = "VALUES (0) UNION ALL SELECT value + 1 FROM generate WHERE value < 60"
        connection.exec_driver_sql(f"WITH RECURSIVE generate (value) AS ({numbers}) {query}")
    process = libindex("query", "--format", form)
    assert len(process.stdout.read(10)) == 10
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(timeout=60) in {0, 1, 141}
    assert error == b""


def test_any_bytes_go_through_from_argument_to_output(libindex, folder, library) -> None:
    name = b"\xff \xc3\xbc\n.wav"
    path = os.fsencode(folder) + b"/" + name
    with open(path, "wb") as file:  # noqa: PTH123 - the name is bytes
        file.write(b"another sound")
    library.scan()
    expected = (0, path + b"\0", b"")
    assert finished(libindex("query", "--name", name, "-0")) == expected
    assert finished(libindex("query", "--under", path, "-0")) == expected
    code, out, _ = finished(libindex("info", name))
    assert (code, out.splitlines()[0]) == (0, os.fsencode(folder) + b"/\\xff \xc3\xbc\\n.wav")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_knows_few_letters(libindex, folder, library, encoding) -> None:
    (folder / "ü.wav").write_bytes(b"another sound")
    library.scan()
    few = {"PYTHONIOENCODING": encoding}
    for command in (["status"], ["info", "00.wav"], ["query", "-f", "table"]):
        code, out, error = finished(libindex(*command, environment=few))
        assert (code, error) == (0, b"")
        assert out
    _, out, _ = finished(libindex("query", "-f", "json", environment=few))
    assert str(folder / "ü.wav") in {record["path"] for record in json.loads(out)}
