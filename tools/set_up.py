#!/usr/bin/env python3
"""Install libindex from a checkout into a virtual environment, and show what happens.

    python tools/set_up.py VENV demo|dev|docs

Versions are those of constraints.txt. `demo` installs libindex alone, `dev` also what the tests
and linters need, `docs` what builds the documentation. One environment can have all three.
"""

import re
import subprocess
import sys
import time
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = {"demo": ".", "dev": ".[dev]", "docs": ".[docs]"}
WIDTH = 80
OLDEST = (3, 11)
# "Collecting numpy>=1.26 (from ...)", or a wheel on this disk.
PACKAGE = re.compile(r"(?:Collecting |Processing .*/)([A-Za-z0-9_.]+(?:-[A-Za-z][A-Za-z0-9_.]*)*)")


def main() -> int:
    """Command line."""
    if len(sys.argv) != 3 or sys.argv[2] not in PACKAGES:
        print(f"usage: set_up.py VENV {'|'.join(PACKAGES)}", file=sys.stderr)
        return 2
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    if sys.version_info < OLDEST:
        print("libindex needs Python 3.11 or newer; try: make PYTHON=python3.12", file=sys.stderr)
        return 1
    started = time.monotonic()
    if not (folder / "pyvenv.cfg").exists():
        print(f"Creating a virtual environment in {folder} (Python {sys.version.split()[0]}) ...")
        venv.create(folder, with_pip=True)
    print(
        f"Installing libindex ({kind}); the first time takes minutes, because PyTorch is large ..."
    )
    python = folder.absolute() / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    code = _install(python, PACKAGES[kind])
    if code == 0:
        print(f"Done in {time.monotonic() - started:.0f} s.\n")
    return code


def _install(python: Path, package: str) -> int:
    """Run pip; show the names of packages as they come, and all that it printed if it fails."""
    command = [
        *(python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"),
        *("--constraint", "constraints.txt", "--editable", package),
    ]
    pip = subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert pip.stdout is not None
    printed, column = [], 0
    for line in pip.stdout:
        printed.append(line)
        if found := PACKAGE.match(line):
            column = _show(found[1], column)
        elif line.startswith("Installing collected packages"):
            column = _show("\n  installing ...", 0)
    print()
    if pip.wait():
        print("".join(printed), file=sys.stderr)
    return pip.returncode


def _show(word: str, column: int) -> int:
    """Print a word on the present line, or on the next where it is too long; returns the column."""
    if not column or column + len(word) + 1 > WIDTH:
        print("\n  " if column else "  ", end="")
        column = 2
    print(word, end=" ", flush=True)
    return column + len(word) + 1


if __name__ == "__main__":
    sys.exit(main())
