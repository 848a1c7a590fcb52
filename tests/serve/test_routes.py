"""What the page is answered, on the demo sounds."""

import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.server import Server

from libindex.kits import FORMATS, LAYOUTS, Recipe
from libindex.library import Library

DEMO = Path(__file__).resolve().parents[2] / "demo_sounds"


def ids_of(library: Library, **filters) -> dict[str, int]:
    return {Path(hit.path).name: hit.content_id for hit in library.query(**filters)}


def test_overview(server: Server, demo: Library) -> None:
    found = server.get("/api/library").json()
    [root] = found["roots"]
    assert (root["samples"], root["online"]) == (16, True)
    assert len(found["families"]) == 8
    assert [one["code"] for one in found["network"]["classes"]] == list(demo.classes())
    assert {region["code"] for region in found["map"]["regions"]} >= {"kick", "snr"}
    assert found["map"]["kind"] == "home"
    assert not found["map"]["can_undo"]


def test_rows_in_the_order_of_the_ids(server: Server, demo: Library) -> None:
    ids = list(ids_of(demo).values())[::-1]
    rows = server.post("/api/rows", {"ids": [*ids, 99_999]}).json()["rows"]
    assert [row["id"] for row in rows] == ids
    assert rows[0]["folder"] == "Samples"
    assert rows[0]["facts"]["duration_s"] > 0


def test_what_is_compared_is_not_rounded(server: Server, demo: Library) -> None:
    hits = demo.query()
    ids = [hit.content_id for hit in hits]
    rows = server.post("/api/rows", {"ids": ids}).json()["rows"]
    assert [row["probability"] for row in rows] == [hit.probability for hit in hits]


def test_one_sound_with_all_that_is_known(server: Server, demo: Library) -> None:
    [(name, content)] = ids_of(demo, name="kick01.ogg").items()
    found = server.get(f"/api/sounds/{content}").json()
    assert (found["name"], found["class"]) == (name, "kick")
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=0.01)
    assert next(iter(found["probabilities"])) == "kick"
    assert found["heard_at"] is None
    assert server.post("/api/heard", {"ids": [content]}).status == 200
    assert server.get(f"/api/sounds/{content}").json()["heard_at"] <= time.time()
    assert demo.select(unheard=True).count() == 15


@pytest.mark.parametrize("name", sorted(path.name for path in DEMO.iterdir()))
def test_every_sound_is_sent_as_it_is(name: str, server: Server, demo: Library) -> None:
    [content] = ids_of(demo, name=name).values()
    reply = server.get(f"/api/sounds/{content}/audio")
    assert (reply.status, reply.headers["content-type"]) == (200, "audio/wav")
    played, rate = soundfile.read(io.BytesIO(reply.body), always_2d=True)
    stored, own_rate = soundfile.read(DEMO / name, always_2d=True)
    assert (rate, played.shape) == (own_rate, stored.shape)
    stored /= max(1, np.abs(stored).max())  # louder than full scale: softer as a whole
    assert np.abs(played - stored).max() < 1e-3
    peak = 20 * np.log10(np.abs(stored).max())
    assert float(reply.headers["libindex-peak"]) == pytest.approx(peak, abs=0.05)
    assert float(reply.headers["libindex-length"]) == pytest.approx(len(stored) / rate, abs=1e-3)


def test_a_start_behind_the_end_or_none(server: Server) -> None:
    for start, status in (("1000", 410), ("-1", 400), ("nan", 400), ("x", 400)):
        assert server.get(f"/api/sounds/1/audio?start={start}").status == status


def test_files_that_are_not_what_they_were(
    library: Library, write_sound, tmp_path: Path, small_model: Path
) -> None:
    from support.server import serving

    path = write_sound("a.wav", 1)
    library.scan(tmp_path / "Samples")
    content = library.query()[0].content_id
    with serving(library) as server:
        assert server.get(f"/api/sounds/{content}/audio").status == 200
        path.rename(tmp_path / "b.wav")
        reply = server.get(f"/api/sounds/{content}/audio")
        # The watcher may have taken it off the library by now.
        assert reply.status in {410, 404}
        (tmp_path / "Samples").rename(tmp_path / "away")
        assert server.get(f"/api/sounds/{content}/audio").status in {423, 404}


def test_outlines_are_stored_by_the_scan(server: Server, demo: Library) -> None:
    ids = list(ids_of(demo).values())
    with demo.database.reading() as connection:
        stored = connection.exec_driver_sql("SELECT count(*) FROM outlines").scalar()
    assert stored == 16
    reply = server.post("/api/outlines", {"ids": [*ids, 99_999]})
    header, columns = reply.table()
    assert columns["id"].tolist() == ids
    assert len(reply.body[-16 * header["stride"] :]) == 16 * 192


def test_outlines_of_an_older_library_are_made(server: Server, demo: Library) -> None:
    ids = list(ids_of(demo).values())
    before = server.post("/api/outlines", {"ids": ids}).body
    with demo.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM outlines")
    made = server.post("/api/outlines", {"ids": ids}).body
    assert len(made) == len(before)
    with demo.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outlines").scalar() == 16


@pytest.mark.parametrize(
    ("text", "words", "filters"),
    [
        ("kick", [("kick", ["kick"], False)], {"words": ["kick"]}),
        ("open hat", [("open hat", ["hho"], False)], {"words": ["open", "hat"]}),
        ("snare -kick", [("snare", ["snr"], False), ("kick", ["kick"], True)], {"words": "snare"}),
        ("01", [("01", [], False)], {"words": "01"}),
        ('-"01.wav"', [("01.wav", [], True)], {"without": "01.wav"}),
    ],
)
def test_search(text: str, words: list, filters: dict, server: Server, demo: Library) -> None:
    header, columns = server.post("/api/search", {"text": text, "folder": None}).table()
    said = [(one["word"], one["classes"], one["not"]) for one in header["understood"]]
    assert said == words
    assert header["problem"] is None
    if not header["all"]:
        expected = {hit.content_id for hit in demo.query(**filters)}
        assert set(columns["id"].tolist()) == expected


def test_a_word_that_nothing_has(server: Server) -> None:
    header, columns = server.post("/api/search", {"text": "snaer", "folder": None}).table()
    assert "did you mean snare?" in header["problem"]
    assert len(columns["id"]) == 0


def test_folders(server: Server, demo: Library) -> None:
    [folder] = server.get("/api/folders").json()["folders"]
    assert (folder["name"], folder["sounds"]) == ("Samples", 16)
    header, columns = server.post("/api/search", {"text": "", "folder": folder["id"]}).table()
    assert (header["all"], len(columns["id"])) == (False, 16)
    for bad in ("x", "99:", "1:2e2e", "1:" + b"../..".hex()):
        assert server.post("/api/search", {"text": "", "folder": bad}).status in {400, 404}


def test_similar(server: Server, demo: Library) -> None:
    [content] = ids_of(demo, name="kick01.ogg").values()
    found = server.post("/api/similar", {"ids": [content], "n": 2}).json()["found"]
    expected = demo.similar("kick01.ogg", 2)
    assert [one["id"] for one in found] == [hit.content_id for hit in expected]
    assert found[0]["similarity"] == pytest.approx(expected[0].similarity, abs=1e-3)
    wrong: tuple[dict[str, object], ...] = (
        {"ids": []},
        {"ids": [99_999]},
        {"ids": [content], "n": 0},
    )
    for body in wrong:
        assert server.post("/api/similar", body).status in {400, 404}


def test_a_file_that_is_dropped_is_compared_and_not_kept(server: Server, demo: Library) -> None:
    data = (DEMO / "snare02.wav").read_bytes()
    octets = {"Content-Type": "application/octet-stream"}
    path = "/api/similar/upload?name=../%2e%2e/mine.wav"
    found = server.ask("POST", path, data, octets).json()
    assert found["class"] == "snr"
    assert len(found["found"]) == 16
    assert demo.status().samples == 16
    reply = server.ask("POST", path, b"no sound", octets)
    assert (reply.status, reply.json()["error"]["code"]) == (400, "not_audio")
    assert server.ask("POST", path, data).status == 415


def test_a_ticket_is_for_one_file(server: Server, demo: Library) -> None:
    [content] = ids_of(demo, name="kick02.wav").values()
    ticket = server.post("/api/ticket", {"id": content}).json()
    reply = server.ask("GET", ticket["url"], with_token=False)
    assert reply.body == (DEMO / "kick02.wav").read_bytes()
    assert reply.headers["content-disposition"].startswith("attachment")
    assert reply.headers["content-type"] == "application/octet-stream"
    for url in ("/t/x/kick02.wav", ticket["url"].replace("/t/", "/t/x")):
        assert server.ask("GET", url, with_token=False).status == 404
    for bad in (None, "1", 0, -1, True, 1.5):
        assert server.post("/api/ticket", {"id": bad}).status == 400


def test_pads_are_those_of_a_kit(server: Server, demo: Library) -> None:
    body: dict[str, object] = {"layout": "24", "filters": {}, "locked": {}}
    pads = server.post("/api/kits/assign", body).json()["pads"]
    kit = demo.kit("x", Recipe(LAYOUTS["24"]))
    by_path = {hit.path: hit.content_id for hit in demo.query(copies=True)}
    expected = {voice.key: by_path[voice.sample] for voice in kit.voices}
    assert {pad["key"]: pad["id"] for pad in pads if pad["id"]} == expected


def test_locked_pads_stay_and_their_sounds_are_used_nowhere_else(
    server: Server, demo: Library
) -> None:
    snare = ids_of(demo, name="snare01.flac")["snare01.flac"]
    body = {"layout": "24", "filters": {}, "locked": {"36": snare}}
    pads = server.post("/api/kits/assign", body).json()["pads"]
    used = [pad["id"] for pad in pads if pad["id"]]
    assert next(pad for pad in pads if pad["key"] == 36)["id"] == snare
    assert len(used) == len(set(used))
    swapped = server.post(
        "/api/kits/swap",
        {
            "layout": "24",
            "pads": {pad["key"]: pad["id"] for pad in pads if pad["id"]},
            "keys": [38],
            "skip": [],
            "filters": {},
        },
    ).json()["pads"]
    for before, after in zip(pads, swapped, strict=True):
        if before["key"] != 38:
            assert before["id"] == after["id"]


def test_a_kit_is_written_where_the_settings_say(server: Server, demo: Library) -> None:
    kick, snare = (ids_of(demo, name=name)[name] for name in ("kick02.wav", "snare02.wav"))
    body = {"layout": "24", "pads": {"36": kick, "38": snare}, "name": "Mine", "formats": ["sfz"]}
    written = server.post("/api/kits/write", body).json()
    assert (written["pads"], written["warnings"]) == (2, [])
    folder = Path(demo.settings.kits) / "Mine"
    assert json.loads((folder / "kit.json").read_text())
    assert server.post("/api/kits/write", body).json()["error"]["code"] == "exists"
    assert server.post("/api/kits/write", body | {"replace": True}).status == 200
    wrong: tuple[dict[str, object], ...] = (
        {"name": ""},
        {"name": "../up"},
        {"name": "/tmp/x"},
        {"formats": []},
        {"formats": ["exe"]},
        {"layout": "/etc/passwd"},
        {"pads": {"36": 99_999}, "name": "Empty"},
        {"pads": {"x": kick}},
    )
    for bad in wrong:
        assert server.post("/api/kits/write", body | bad).status in {400, 409}
    assert sorted(path.name for path in Path(demo.settings.kits).iterdir()) == ["Mine"]
    assert len(FORMATS) > 3


def test_the_shelf(server: Server, demo: Library) -> None:
    kick, snare = (ids_of(demo, name=name)[name] for name in ("kick02.wav", "snare02.wav"))
    folder = Path(demo.settings.shelf)
    assert server.get("/api/shelf").json()["entries"] == []
    found = server.post("/api/shelf", {"ids": [snare, kick, snare]}).json()
    assert [one["name"] for one in found["entries"]] == ["snare02.wav", "kick02.wav"]
    assert found["added"] == [snare, kick]
    assert server.post("/api/shelf", {"ids": [kick]}).json()["added"] == []
    assert (folder / "kick02.wav").read_bytes() == (DEMO / "kick02.wav").read_bytes()
    (folder / "mine.txt").write_text("mine")
    found = server.post("/api/shelf/remove", {"ids": [snare]}).json()
    assert [one["id"] for one in found["entries"]] == [kick]
    assert sorted(p.name for p in folder.iterdir() if p.name[0] != ".") == [
        "kick02.wav",
        "mine.txt",
    ]


def test_a_folder_is_added_by_an_id_that_was_offered(
    server: Server, demo: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from libindex.serve.routes import adding

    more = tmp_path / "More"
    more.mkdir()
    (more / "a.wav").write_bytes((DEMO / "kick02.wav").read_bytes())
    monkeypatch.setattr(adding, "candidates", lambda: [str(more), str(DEMO)])
    offered = server.get("/api/suggestions").json()["folders"]
    assert next((one["path"], one["files"]) for one in offered) == (str(more), 1)
    for bad in (None, "", str(more), "../x"):
        assert server.post("/api/add", {"id": bad}).status == 404
    assert server.post("/api/add", {"id": offered[0]["id"]}).status == 200
    roots = [root["path"] for root in server.get("/api/library").json()["roots"]]
    assert str(more) in roots


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/sounds/99999999999999999999/audio", None),
        ("/api/points?since=x-" + "9" * 5_000, None),
        ("/api/similar", b'{"ids": [1], "filters": {}, "n": 1' + b"0" * 400 + b"}"),
        ("/api/similar", b'{"ids": [1], "filters": {"added_after": 1' + b"0" * 30 + b"}}"),
        ("/api/search", b'{"text": "\\ud800", "folder": null}'),
        ("/api/kits/assign", {"layout": [], "filters": {}, "locked": {}}),
        ("/api/kits/assign", {"layout": "24", "filters": {}, "locked": {"9" * 5_000: 1}}),
        ("/api/kits/write", {"layout": "24", "pads": {}, "name": "x", "formats": [[]]}),
        ("/api/reveal", {"id": True}),
        ("/api/ticket", {"id": "1"}),
        ("/api/shelf/remove", {"ids": [], "names": [1]}),
    ],
)
def test_what_makes_no_sense_is_no_failure_of_ours(path: str, body: object, server: Server) -> None:
    reply = server.get(path) if body is None else server.post(path, body)
    assert reply.status < 500
    if reply.headers["content-type"].startswith("application/json") and reply.status != 200:
        assert reply.json()["error"]["message"]


def test_outlines_that_can_not_be_drawn_are_named(server: Server, demo: Library) -> None:
    with demo.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM outlines")
        connection.exec_driver_sql("UPDATE samples SET size_bytes = 1")  # all were changed
    ids = sorted(ids_of(demo).values())
    header, columns = server.post("/api/outlines", {"ids": ids}).table()
    assert sorted(header["failed"]) == ids
    assert not len(columns["id"])
