"""The page in a real browser: starts the tests of web/e2e, each of which starts `libindex serve`.

They need Node, the packages of web/package-lock.json (``make web``) and Chromium. Without them they
are skipped, unless LIBINDEX_TEST_PAGE is "required".
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
WEB = CHECKOUT / "web"
CHROMIUM = shutil.which("chromium")
TESTS = sorted(path.name for path in (WEB / "e2e").glob("*.test.ts"))
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


@pytest.mark.parametrize("name", TESTS)
def test_in_chromium(
    name: str, built: Path, page_material: Mapping[str, Path], tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "TMPDIR": str(tmp_path),  # copies of libraries, profiles of browsers
        "LIBINDEX_TEST_PYTHON": sys.executable,
        "LIBINDEX_TEST_CHROMIUM": str(CHROMIUM),
        **{f"LIBINDEX_TEST_{key.upper()}": str(path) for key, path in page_material.items()},
    }
    script = built / name.replace(".ts", ".mjs")
    done = subprocess.run(
        ["node", "--test", str(script)],
        cwd=WEB,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
