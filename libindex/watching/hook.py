"""The user's command that gets every change."""

import json
import logging
import queue
import subprocess
import threading
from collections.abc import Iterable
from typing import Any

_LOG = logging.getLogger(__name__)
_END_S = 1.0


class Hook:
    """Runs a shell command whenever something was recorded, one run at a time.

    Each run gets JSON lines on its standard input, one for every change since the last run.

    Parameters
    ----------
    command : str
        For the shell.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._serve, name="exec", daemon=True)
        self._thread.start()

    def feed(self, changes: Iterable[dict[str, Any]]) -> None:
        """Pass on changes, without waiting for the command."""
        for change in changes:
            self._lines.put(json.dumps(change) + "\n")

    def close(self) -> None:
        """Give the command a moment to finish, then kill it."""
        self._lines.put(None)
        self._thread.join(_END_S)
        process = self._process
        if self._thread.is_alive() and process is not None:
            process.kill()

    def _serve(self) -> None:
        while True:
            line = self._lines.get()
            if line is None:
                return
            lines, is_last = [line], False
            while not self._lines.empty():
                line = self._lines.get()
                if line is None:
                    is_last = True
                    break
                lines.append(line)
            self._run("".join(lines))
            if is_last:
                return

    def _run(self, text: str) -> None:
        try:
            with subprocess.Popen(  # noqa: S602 - the user's own command, as it was written
                self._command, shell=True, stdin=subprocess.PIPE, text=True
            ) as self._process:
                self._process.communicate(text)
                status = self._process.returncode
        except OSError as error:
            _LOG.warning("--exec could not be run (%s)", error)
        else:
            if status:
                _LOG.warning("--exec ended with status %d: %s", status, self._command)
