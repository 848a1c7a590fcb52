"""A server of a library's page in this process, and programs that ask it."""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from libindex.library import Library
from libindex.serve import app


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def table(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As libindex.serve.tables writes it."""
        assert self.body[:4] == b"LIXP"
        rows, size = np.frombuffer(self.body[4:12], "<u4").tolist()
        header = json.loads(self.body[12 : 12 + size])
        at, columns = 12 + size, {}
        kinds = {"u8": "u1", "u16": "<u2", "u32": "<u4", "f32": "<f4"}
        for column in header["columns"]:
            data = np.frombuffer(self.body, kinds[column["type"]], rows, at)
            columns[column["name"]] = data
            at += data.nbytes
        return header, columns


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and its token."""

    port: int
    token: str

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        with_token: bool = True,
    ) -> Reply:
        """Send a request as the page does; `headers` are set besides, or instead."""
        sent = {"Host": self.host}
        if with_token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, data, sent | dict(headers or {}))
            reply = connection.getresponse()
            lower = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, lower, reply.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, body: Any) -> Reply:
        return self.ask("POST", path, body)


@contextlib.contextmanager
def serving(library: Library) -> Iterator[Server]:
    """Serve a library in a thread, with all that runs beside it."""
    listening = app.listen(0, is_named=True)
    port = listening.getsockname()[1]
    ready, servers = threading.Event(), []

    def run() -> None:
        server = app.Server(library, port, lambda _: ready.set())
        servers.append(server)
        with server.beside():
            server.run(sockets=[listening])

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(20)
        yield Server(port, servers[0].token)
    finally:
        servers[0].should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive()
