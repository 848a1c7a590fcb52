"""Who is let in: attacks as they are known of other programs with a page of their own."""

import time
from collections.abc import Mapping

import pytest
from support.server import Server

EVIL = {"Host": "evil.example"}


def test_the_page_itself_needs_no_token_and_says_nothing_of_the_library(server: Server) -> None:
    for path in ("/", "/main.js", "/theme.css", "/icon.svg"):
        reply = server.ask("GET", path, with_token=False)
        assert reply.status == 200
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in reply.headers
    again = server.ask("GET", "/main.js", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status == 200
    tag = server.get("/main.js").headers["etag"]
    assert server.ask("GET", "/main.js", headers={"If-None-Match": tag}).status == 304


ATTACKS: dict[str, tuple[int, str, Mapping[str, str]]] = {
    "DNS rebinding": (403, "/api/library", EVIL),
    "DNS rebinding of the page": (403, "/", EVIL),
    "another port": (403, "/api/library", {"Host": "127.0.0.1:1"}),
    "no port": (403, "/api/library", {"Host": "127.0.0.1"}),
    "a name with ours in it": (403, "/api/library", {"Host": "127.0.0.1.evil.example"}),
    "origin null": (403, "/api/library", {"Origin": "null"}),
    "another origin": (403, "/api/library", {"Origin": "http://127.0.0.1:1"}),
    "an origin that begins as ours": (403, "/api/library", {"Origin": "http://127.0.0.1.evil"}),
    "https": (403, "/api/library", {"Origin": "https://127.0.0.1"}),
    "cross-site": (403, "/api/library", {"Sec-Fetch-Site": "cross-site"}),
    "same-site": (403, "/api/library", {"Sec-Fetch-Site": "same-site"}),
    "a ticket from elsewhere": (403, "/t/x/y.wav", {"Sec-Fetch-Site": "cross-site"}),
    "a wrong token": (401, "/api/library", {"Authorization": "Bearer wrong"}),
    "no scheme": (401, "/api/library", {"Authorization": "wrong"}),
    "an empty token": (401, "/api/library", {"Authorization": "Bearer "}),
    "many ranges": (416, "/api/sounds/1/audio", {"Range": "bytes=" + "0-1," * 10_000}),
    "up": (404, "/../library.db", {}),
    "up, encoded": (404, "/%2e%2e/library.db", {}),
    "up, encoded twice": (404, "/%252e%252e/library.db", {}),
    "a file of the package": (404, "/static/main.js", {}),
    "an id of another kind": (404, "/api/sounds/abc", {}),
    "a negative id": (404, "/api/sounds/-1", {}),
    "no such sound": (404, "/api/sounds/999999", {}),
    "a huge id": (404, "/api/sounds/99999999999999999999", {}),
    "no such ticket": (404, "/t/x/y.wav", {}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(attack: str, server: Server) -> None:
    status, path, headers = ATTACKS[attack]
    server.get("/api/library")
    reply = server.ask("GET", path, headers=headers)
    # The web server itself refuses headers that are too long.
    assert reply.status in ({status, 400, 431} if "Range" in headers else {status})
    assert b"Samples" not in reply.body


def test_refusals_are_quick(server: Server) -> None:
    started = time.monotonic()
    for _ in range(50):
        server.ask("GET", "/api/library", headers=EVIL)
    assert time.monotonic() - started < 50 * 0.5  # for a machine that is busy; one takes 2 ms


@pytest.mark.parametrize("path", ["/api/library", "/api/points", "/api/events", "/api/sounds/1"])
def test_without_a_token(path: str, server: Server) -> None:
    assert server.ask("GET", path, with_token=False).status == 401
    query = f"{path}?token={server.token}&authorization=Bearer%20{server.token}"
    assert server.ask("GET", query, with_token=False).status == 401
    cookie = {"Cookie": f"token={server.token}"}
    assert server.ask("GET", path, headers=cookie, with_token=False).status == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods(method: str, server: Server) -> None:
    assert server.ask(method, "/api/library").status in {405, 501}


def test_what_a_form_can_send_is_refused(server: Server) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        reply = server.ask("POST", "/api/heard", b"{}", {"Content-Type": kind})
        assert reply.status == 415


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b'{"ids": 1}', 400),
        (b'{"ids": ["1"]}', 400),
        (b'{"ids": [true]}', 400),
        (b'{"ids": [-1]}', 400),
        (b'{"ids": [1e400]}', 400),
        (b'{"ids": [99999999999]}', 400),
        (b'{"ids": ' + b"[" + b"1," * 600 + b"1]}", 400),
        (b'{"x": "' + b"x" * 2_000_000 + b'"}', 413),
    ],
)
def test_bad_bodies(body: bytes, status: int, server: Server) -> None:
    reply = server.ask("POST", "/api/rows", body)
    assert reply.status == status
    assert reply.json()["error"]["message"]


def test_a_code_is_for_one_use(server: Server) -> None:
    code = server.post("/api/code", {}).json()["code"]
    first = server.ask("POST", "/api/session", {"code": code}, with_token=False)
    assert first.json()["token"] == server.token
    again = server.ask("POST", "/api/session", {"code": code}, with_token=False)
    assert again.status == 401
    for wrong in (None, 5, "", server.token):
        reply = server.ask("POST", "/api/session", {"code": wrong}, with_token=False)
        assert reply.status == 401
