"""The map, settled and redrawn from the page."""

import time
from pathlib import Path
from typing import Any

import pytest
from support.server import Server

from libindex.library import Library
from libindex.serve.drawing import MapJob
from libindex.serve.events import Events


def overview(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/api/library").json()
    return found


def drawn(server: Server) -> dict[str, Any]:
    """The map when nothing is done to it any more."""
    end = time.monotonic() + 60
    while (now := overview(server))["drawing"]["action"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert now["drawing"]["trouble"] is None
    found: dict[str, Any] = now["map"]
    return found


def places(server: Server) -> dict[int, tuple[int, int]]:
    _, columns = server.get("/api/points").table()
    at = zip(columns["x"].tolist(), columns["y"].tolist(), strict=True)
    return dict(zip(columns["id"].tolist(), at, strict=True))


def shown(server: Server, generation: int) -> dict[int, tuple[int, int]]:
    """Places, once they are those of a map."""
    end = time.monotonic() + 20
    while server.get("/api/points").table()[0]["map"] != generation:
        assert time.monotonic() < end
        time.sleep(0.05)
    return places(server)


@pytest.mark.slow
def test_settled_undone_and_redrawn(server: Server) -> None:
    pytest.importorskip("openTSNE")
    home = overview(server)["map"]
    before = places(server)
    assert server.post("/api/map", {"action": "settle"}).status == 200
    again = server.post("/api/map", {"action": "redraw"})
    assert (again.status, again.json()["error"]["code"]) == (409, "busy")
    settled = drawn(server)
    assert (settled["kind"], settled["can_undo"]) == ("settled", True)
    after = shown(server, settled["generation"])
    assert after.keys() == before.keys()
    assert after != before
    assert server.post("/api/map", {"action": "undo"}).status == 200
    assert shown(server, home["generation"]) == before
    assert server.post("/api/map", {"action": "redraw"}).status == 200
    redrawn = drawn(server)
    assert redrawn["kind"] == "home"
    assert shown(server, redrawn["generation"]) == before


def test_stopped_it_leaves_the_map_as_it_is(server: Server) -> None:
    home = overview(server)["map"]
    assert server.post("/api/map", {"action": "settle"}).status == 200
    assert server.post("/api/map", {"action": "stop"}).status == 200
    assert drawn(server) == home


@pytest.mark.parametrize("action", ["", "tidy", None, 3, ["settle"]])
def test_what_else_is_asked_for(server: Server, action: object) -> None:
    assert server.post("/api/map", {"action": action}).status == 400
    assert server.post("/api/map", {"action": "undo"}).status == 404


def test_why_it_failed_is_told(library: Library, write_sound, tmp_path: Path) -> None:
    write_sound("a.wav", 1)
    library.scan(tmp_path / "Samples")
    job = MapJob(library, Events())
    job.start("redraw")
    end = time.monotonic() + 60
    while job.now.action:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert job.now.trouble == "this network came without a map; settle it instead"
    job.stop()
