"""Running the program on a terminal of its own."""

import os
import pty
import re
import subprocess
import sys

_CONTROLS = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")


def run_on_terminal(*arguments: str) -> tuple[int, str]:
    """The exit status of libindex, and what it wrote, without colours and cursor movements."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "libindex", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux's way to say that the terminal was closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    text = _CONTROLS.sub("", shown.decode()).replace("\r\n", "\n").replace("\r", "\n")
    return process.returncode, text
