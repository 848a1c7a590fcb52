from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.ear import Ear
from support.watchers import Running


@pytest.fixture
def watch(ear: Ear, library: Any, small_model: Path) -> Iterator[Callable[..., Running]]:
    """Start a watcher of the library of `library`: `watch(folder, reconcile_every_s=...)`."""
    with ExitStack() as stack:

        def start(*paths: Path, **options: Any) -> Running:
            running = Running(library.database.path, small_model, *paths, **options)
            stack.callback(running.stop)
            return running

        yield start
