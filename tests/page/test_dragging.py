"""Dragging out of Firefox: a program made with Qt gets the file itself.

A real pointer on a screen of its own; needs Firefox, Xvfb, xdotool, and PyQt5 for the system's
Python. Without them it is skipped, unless LIBINDEX_TEST_PAGE is "required".
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from libindex.library import Library

from .test_page import IS_REQUIRED

DEMO = Path(__file__).resolve().parents[2] / "demo_sounds"
TARGET = Path(__file__).with_name("qt_target.py")
SYSTEM_PYTHON = "/usr/bin/python3"
FIREFOX = shutil.which("firefox") or shutil.which("firefox-esr")
ROWS = (580, 640, 700)  # heights at which the list has rows, with the screen below
ONTO = (1100, 75)
PATIENCE_S = 90
PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("app.update.enabled", false);
"""

pytestmark = pytest.mark.slow


def missing() -> list[str]:
    found = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
    if FIREFOX is None:
        found.append("firefox")
    with contextlib.suppress(OSError):
        qt = subprocess.run([SYSTEM_PYTHON, "-c", "import PyQt5"], capture_output=True, check=False)
        if qt.returncode == 0:
            return found
    return [*found, "PyQt5"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="drag-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextlib.contextmanager
def running(*command: str | Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def screen(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of programs on a screen of its own."""
    environment = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    command = ("Xvfb", "-displayfd", "1", "-screen", "0", "1200x800x24")
    with running(*command, environment=environment) as server:
        assert server.stdout is not None
        number = server.stdout.readline().strip()
        yield {**environment, "DISPLAY": f":{number}"}


def test_a_program_made_with_qt_gets_the_file(folder: Path) -> None:
    if lacking := missing():
        if IS_REQUIRED:
            pytest.fail(f"needs {', '.join(lacking)}")
        pytest.skip(f"needs {', '.join(lacking)}")
    root = folder / "My Samples, käse"
    shutil.copytree(DEMO, root)
    database = folder / "library.db"
    with Library.open(database, jobs=1) as library:
        library.scan(root)
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text(PREFERENCES)
    serve = (sys.executable, "-m", "libindex", "serve", "--no-browser", "--port", "0")
    with screen(folder) as environment, contextlib.ExitStack() as ending:
        served = ending.enter_context(
            running(*serve, "--db", database, environment=environment)
        ).stdout
        assert served is not None
        assert FIREFOX is not None
        address = served.readline().strip()
        browser = (FIREFOX, "--profile", profile, "--no-remote", "--kiosk", address)
        ending.enter_context(running(*browser, environment=environment))
        dropped = folder / "dropped"
        output = ending.enter_context(dropped.open("w"))
        target = subprocess.Popen([SYSTEM_PYTHON, TARGET], env=environment, stdout=output)
        ending.callback(target.wait)
        ending.callback(target.terminate)
        path = dragged(dropped, environment)
    assert path in {str(sound) for sound in root.iterdir()}


def dragged(dropped: Path, environment: dict[str, str]) -> str:
    """Drag rows of the list onto the window, until something was dropped there."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for row in ROWS:
            drag((420, row), ONTO, environment)
            if paths := [one for one in dropped.read_text().splitlines() if one != "ready"]:
                return paths[0]
    pytest.fail("nothing was dropped")


def drag(start: tuple[int, int], end: tuple[int, int], environment: dict[str, str]) -> None:
    steps = 20
    path = [
        [round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True)]
        for step in range(steps + 1)
    ]
    moves = [part for x, y in path[1:] for part in ("mousemove", f"{x}", f"{y}", "sleep", "0.04")]
    command = ["xdotool", "mousemove", *map(str, start), "sleep", "0.3", "mousedown", "1"]
    command += ["sleep", "0.4", *moves, "sleep", "0.5", "mouseup", "1", "sleep", "0.7"]
    subprocess.run(command, env=environment, check=True)
