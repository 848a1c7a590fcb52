"""Child processes that talk in pickled messages: both ends of the pipes.

`multiprocessing` is not used because its children import the user's main module again, which
breaks scripts without a main guard.
"""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from typing import Any, BinaryIO, cast

CLOSED = (EOFError, OSError, pickle.UnpicklingError)
"""What `receive` and `send` raise when the other end is gone."""


class Child:
    """A child process, as its parent has it.

    Parameters
    ----------
    program : str
        The Python code that it runs.
    quiet : bool
        Whether what it prints on standard error is thrown away.
    **environment
        Variables that it gets besides ours.

    Raises
    ------
    OSError
        If it can't be started.
    """

    def __init__(self, program: str, *, quiet: bool = False, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", program],  # -P: nothing from the current folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            env={
                **os.environ,
                **environment,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
        )
        self._stdin = cast("BinaryIO", self._process.stdin)
        self._stdout = cast("BinaryIO", self._process.stdout)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, message: object) -> None:
        """Send a message; raises one of `CLOSED` if it is gone."""
        pickle.dump(message, self._stdin)
        self._stdin.flush()

    def receive(self) -> Any:
        """Wait for its next message; raises one of `CLOSED` when there will be none."""
        return pickle.load(self._stdout)  # noqa: S301 - our own child

    def close_input(self) -> None:
        """Let it end by itself when it has done what it was sent."""
        with contextlib.suppress(OSError):
            self._stdin.close()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait until it ends; its exit status, or None after the timeout."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_s)
        return None

    def kill(self) -> None:
        """End it at once; from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End it at once, and close the pipes."""
        self._process.kill()
        self._process.wait()
        self.close_input()
        with contextlib.suppress(OSError):
            self._stdout.close()


class Parent:
    """The parent process, as its child has it; there is one at most.

    Signals that go to all processes of a terminal are the parent's business: it ends us by
    closing our input.
    """

    def __init__(self) -> None:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        self._stdin = sys.stdin.buffer
        self._answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a C library prints is no message
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        """Send a message, from any thread; raises OSError if the parent is gone."""
        with self._lock:
            pickle.dump(message, self._answers)
            self._answers.flush()

    def receive(self) -> Any:
        """Wait for the next message; raises one of `CLOSED` when there will be none."""
        return pickle.load(self._stdin)  # noqa: S301 - from our parent
