"""The page in a real browser: starts the tests of web/e2e, each of which starts `libindex serve`.

They need Node, the packages of web/package-lock.json (``make web``) and Chromium. Without them they
are skipped, unless LIBINDEX_TEST_PAGE is "required".
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
WEB = CHECKOUT / "web"
CHROMIUM = shutil.which("chromium")
TESTS = sorted(path.name for path in (WEB / "e2e").glob("*.test.ts"))
TIMEOUT_S = 300
IS_REQUIRED = os.environ.get("LIBINDEX_TEST_PAGE") == "required"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests as JavaScript."""
    missing = [
        name
        for name, is_there in (
            ("node", shutil.which("node")),
            ("chromium", CHROMIUM),
            ("web/node_modules (make web)", (WEB / "node_modules" / "playwright-core").exists()),
        )
        if not is_there
    ]
    if missing and not IS_REQUIRED:
        pytest.skip(f"needs {', '.join(missing)}")
    assert not missing
    # Beside node_modules, since modules are looked for there.
    folder = WEB / "build" / f"e2e-{os.getpid()}"
    subprocess.run(["node", "build.mjs", "--e2e", str(folder)], cwd=WEB, check=True)
    return folder


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """For copies of libraries and profiles of browsers, whose sockets take no long path."""
    with tempfile.TemporaryDirectory(prefix="page-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", TESTS)
def test_in_chromium(
    name: str, built: Path, page_material: Mapping[str, Path], short_folder: Path
) -> None:
    environment = {
        **os.environ,
        "TMPDIR": str(short_folder),
        "LIBINDEX_TEST_PYTHON": sys.executable,
        "LIBINDEX_TEST_CHROMIUM": str(CHROMIUM),
        **{f"LIBINDEX_TEST_{key.upper()}": str(path) for key, path in page_material.items()},
    }
    script = built / name.replace(".ts", ".mjs")
    process = subprocess.Popen(
        ["node", "--test", "--test-force-exit", str(script)],
        cwd=WEB,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        _end_all(process)
        printed, _ = process.communicate()
        pytest.fail(f"{name} took more than {TIMEOUT_S} s\n{printed}")
    finally:
        _end_all(process)
    assert process.returncode == 0, printed


def _end_all(process: subprocess.Popen[str]) -> None:
    """End servers and browsers, too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
