"""What a worker does with a file, by the file's name: for the tests of the workers.

It is a module of its own because worker processes import it.
"""

import ctypes
import os
import re
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.facts import make_facts

from libindex.errors import SampleError
from libindex.sound.digests import digest_of
from libindex.sound.preparation import Prepared


@dataclass(frozen=True)
class Strange:
    """Behaves as the first word of a file's name says; its answers contain the worker's number."""

    def __call__(self, path: str) -> Prepared:
        word = re.split(r"[ .]", Path(path).name)[0]
        if word != "good":
            getattr(self, word)(path)
        number = os.getpid()
        facts = make_facts(sample_rate=number)
        return Prepared(path, digest_of(path), facts, np.zeros((1, 1), np.float32))

    def hang(self, path: str) -> None:
        """Wait for what never comes."""
        threading.Event().wait()

    def spin(self, path: str) -> None:
        """Compute for ever in C, without letting other threads of Python run."""
        re.match(r"(a+)+$", "a" * 64 + "b")

    def sleep(self, path: str) -> None:
        """Wait for a second, as for a disk that wakes up."""
        time.sleep(1)

    def pause(self, path: str) -> None:
        """Stop until somebody lets it go on, as Ctrl-Z does."""
        os.kill(os.getpid(), signal.SIGSTOP)

    def kill(self, path: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def crash(self, path: str) -> None:
        """Read from address zero, as a faulty decoder does."""
        ctypes.string_at(0)

    def abort(self, path: str) -> None:
        os.abort()

    def leave(self, path: str) -> None:
        os._exit(7)

    def exit(self, path: str) -> None:
        raise SystemExit(1)

    def refuse(self, path: str) -> None:
        raise SampleError("is silent", path, b"its digest")

    def stumble(self, path: str) -> None:
        raise ValueError("two\nlines")

    def print(self, path: str) -> None:
        """Write where the answers go, as Python and C libraries do."""
        print("a warning", flush=True)
        os.write(1, b"another warning\n" * 1000)
        os.write(2, b"a third\n" * 1000)

    def interrupt(self, path: str) -> None:
        """What a terminal does to all its processes on Ctrl-C."""
        os.kill(os.getpid(), signal.SIGINT)

    def terminate(self, path: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def wait(self, path: str) -> None:
        """Send the number through a pipe beside the file, and wait to be killed."""
        Path(f"{path}.pipe").write_text(str(os.getpid()))
        threading.Event().wait()
