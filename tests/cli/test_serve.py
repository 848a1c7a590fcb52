"""``libindex serve`` as a process."""

import http.client
import json
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from libindex.library import Library

Start = Callable[..., "subprocess.Popen[bytes]"]


def address_of(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("http://127.0.0.1:"), process.communicate()[1].decode()
    port, _, code = line.strip().removeprefix("http://127.0.0.1:").partition("/#")
    return int(port), code


def ask(port: int, path: str, body: object = None, token: str = "") -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body)
    connection.request("GET" if body is None else "POST", path, data, headers)
    reply = connection.getresponse()
    found = reply.status, json.loads(reply.read())
    connection.close()
    return found


def test_it_serves_scans_and_ends(libindex: Start, library, write_sound, tmp_path: Path) -> None:
    for seed in range(3):
        write_sound(f"{seed}.wav", seed)
    process = libindex("serve", tmp_path / "Samples", "--no-browser", "--port", "0")
    port, code = address_of(process)
    status, found = ask(port, "/api/session", {"code": code})
    assert status == 200
    token = found["token"]

    def known() -> int:
        return sum(one["samples"] for one in ask(port, "/api/library", token=token)[1]["roots"])

    while known() < 3:
        assert process.poll() is None
    second = libindex("serve", "--no-browser")
    other_port, other_code = address_of(second)
    assert other_port == port
    assert second.wait(20) == 0
    assert ask(port, "/api/session", {"code": other_code})[0] == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert not list(tmp_path.glob("*.server"))
    third = libindex("serve", "--no-browser", "--port", "0")
    port, _ = address_of(third)
    assert ask(port, "/api/library", token=token)[0] == 401, "the token ends with its server"
    third.send_signal(signal.SIGINT)
    assert third.wait(20) == 0


def test_without_a_library_it_makes_one(libindex: Start, tmp_path: Path) -> None:
    process = libindex("serve", "--no-browser", "--port", "0", "--db", tmp_path / "new.db")
    port, code = address_of(process)
    _, found = ask(port, "/api/session", {"code": code})
    about = ask(port, "/api/library", token=found["token"])[1]
    assert (about["network"], about["roots"]) == (None, [])
    process.terminate()
    assert process.wait(20) == 0


def test_a_port_that_is_taken(libindex: Start, library) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = libindex("serve", "--no-browser", "--port", str(port))
        out, error = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, b"")
    assert error.decode() == (f"libindex: port {port} is taken by another program; try: --port 0\n")


def test_a_path_that_is_no_folder(libindex: Start, library, tmp_path: Path) -> None:
    process = libindex("serve", tmp_path / "nowhere", "--no-browser")
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, b"")
    assert error.decode() == f"libindex: {tmp_path / 'nowhere'}: no such folder\n"


@pytest.mark.parametrize("port", ["-1", "70000", "x"])
def test_a_port_that_is_none(port: str, libindex: Start, library) -> None:
    process = libindex("serve", "--port", port)
    process.communicate(timeout=30)
    assert process.returncode == 2


def test_what_was_heard_while_a_scan_runs_survives_kill_and_moves(
    libindex: Start, library, write_sound, tmp_path: Path
) -> None:
    for seed in range(1_000):
        write_sound(f"{seed}.wav", seed)
    process = libindex("serve", tmp_path / "Samples", "--no-browser", "--port", "0")
    port, code = address_of(process)
    token = ask(port, "/api/session", {"code": code})[1]["token"]
    noted: set[str] = set()
    while len(noted) < 50:
        assert process.poll() is None
        rows = ask(port, "/api/rows", {"ids": list(range(1, 400))}, token)[1]["rows"]
        for row in [row for row in rows if row["name"] not in noted][: 50 - len(noted)]:
            assert ask(port, "/api/heard", {"ids": [row["id"]]}, token)[0] == 200
            noted.add(row["name"])
    process.kill()
    process.wait(20)
    library.scan(tmp_path / "Samples", on_wait=lambda _: None)  # for what it was about to record
    assert heard_by_name(library) == noted
    library.forget(tmp_path / "Samples")
    (tmp_path / "Samples").rename(tmp_path / "Elsewhere")
    library.scan(tmp_path / "Elsewhere")
    assert heard_by_name(library) == noted


def heard_by_name(library: Library) -> set[str]:
    unheard = {hit.path for hit in library.query(unheard=True)}
    return {Path(hit.path).name for hit in library.query() if hit.path not in unheard}
