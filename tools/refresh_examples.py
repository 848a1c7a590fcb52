#!/usr/bin/env python3
"""Run the examples of README.md and docs/tour.md again, and write what they print into the pages.

    python tools/refresh_examples.py HOME

HOME has a folder "Samples" with a large library, whose owner lets its names be published. Blocks of
the kind `console` are run from top to bottom on a terminal of 96 columns, each page with a new
library. docs/images/terminal.svg is made anew too.
"""

import io
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/tour.md")
PICTURE = CHECKOUT / "docs" / "images" / "terminal.svg"
PICTURED = (
    "libindex query snare --min-prob 0.8 --limit 5",
    "libindex similar kick01.ogg -n 4",
    'libindex kit build Dusty --under "Vintage Drums" --layout 8 --out ~/Kits',
)
COLUMNS = 96
# As rich's own, but with fonts that the reader has: the picture loads nothing.
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def main() -> None:
    home = Path(sys.argv[1]).resolve()
    data = home / ".local" / "share" / "libindex"
    if data.exists():
        sys.exit(f"{data}: there is a library already; this makes one of its own")
    for page in PAGES:
        path = CHECKOUT / page
        new = re.sub(
            r"(?<=^```console\n).*?(?=^```$)",
            lambda block: _rerun(block[0], home),
            path.read_text(encoding="utf-8"),
            flags=re.DOTALL | re.MULTILINE,
        )
        path.write_text(new, encoding="utf-8")
        if page == PAGES[-1]:
            _draw(home)
        shutil.rmtree(data)


def _rerun(block: str, home: Path) -> str:
    """The same commands with their present output; blocks that show none stay as they are."""
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    if len(commands) == len(block.splitlines()) or not all(
        c.startswith("libindex") for c in commands
    ):
        return block
    return "".join(f"$ {command}\n{_plain(_run(command, home))}" for command in commands)


def _run(command: str, home: Path) -> str:
    """What a command shows on a terminal, with the terminal's control sequences."""
    leader, follower = pty.openpty()
    words = [str(home) + w[1:] if w.startswith("~/") else w for w in shlex.split(command)]
    process = subprocess.Popen(
        [sys.executable, "-m", "libindex", *words[1:], *_overwrite(words)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=home,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("LIBINDEX_", "XDG_"))},
            "HOME": str(home),
            "COLUMNS": str(COLUMNS),
            "LINES": "60",
            "TERM": "xterm-256color",
        },
    )
    os.close(follower)
    shown = b""
    try:
        while read := os.read(leader, 65_536):
            shown += read
    except OSError:  # the other side is closed
        pass
    os.close(leader)
    if process.wait():
        sys.exit(f"{command}\n{shown.decode()}")
    return _screen(shown.decode())


def _screen(written: str) -> str:
    """What is left on the screen: progress bars draw over themselves, and are erased."""
    lines = [""]
    for part in re.split(r"(\x1b\[1A|\x1b\[2K|\r\n|\r|\n)", written):
        if part == "\x1b[1A":
            lines.pop()
        elif part in {"\x1b[2K", "\r"}:
            lines[-1] = ""
        elif part in {"\n", "\r\n"}:
            lines.append("")
        else:
            lines[-1] += part
    return "\n".join(lines)


def _overwrite(words: list[str]) -> list[str]:
    return ["--overwrite"] if words[1:3] == ["kit", "build"] else []


def _plain(shown: str) -> str:
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _draw(home: Path) -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for number, command in enumerate(PICTURED):
        console.print(Text(("\n" if number else "") + "$ " + command, style="bold green"))
        console.print(Text.from_ansi(_run(command, home).strip("\n")))
    console.print()  # the picture cuts off what hangs below its last line
    svg = console.export_svg(title="libindex")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", FONT)
    PICTURE.write_text(svg.replace(f"{FONT}, monospace", FONT), encoding="utf-8")


if __name__ == "__main__":
    main()
