import threading
from typing import Any

import pytest

from libindex.library import Library
from libindex.serve.events import Events
from libindex.serve.watching import WatchThread


def test_stopping_ends_a_watcher_that_is_only_being_made(
    demo: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_being_made, may_go_on = threading.Event(), threading.Event()
    make = demo.watcher

    def slowly(**options: Any) -> Any:
        is_being_made.set()
        may_go_on.wait(5)
        return make(**options)

    monkeypatch.setattr(demo, "watcher", slowly)
    watching = WatchThread(demo, Events())
    watching.start()
    assert is_being_made.wait(5)
    stopping = threading.Thread(target=watching.stop, daemon=True)
    stopping.start()
    may_go_on.set()
    stopping.join(30)
    assert not stopping.is_alive()
