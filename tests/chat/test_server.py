"""One port for pages and WebSocket, seen from outside."""

from __future__ import annotations

import http.client
from dataclasses import dataclass

import pytest
import trio

import rawws
from rawws.chat.server import is_loopback
from tests.chat.support import open_talk


@dataclass
class Answer:
    """What came back over HTTP."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


async def fetch(port: int, method: str, path: str, **headers: str) -> Answer:
    def ask() -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    return await trio.to_thread.run_sync(ask)


async def test_page_and_websocket_come_from_one_port(chat: rawws.Server) -> None:
    answer = await fetch(chat.port, "GET", "/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<title>rawws chat</title>" in answer.body
    async with open_talk(chat) as ws:
        assert ws.closed is None


async def test_head_is_get_without_the_body(chat: rawws.Server) -> None:
    get = await fetch(chat.port, "GET", "/app.js")
    head = await fetch(chat.port, "HEAD", "/app.js")
    assert head.status == 200
    assert head.body == b""
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/?from=bookmark", 200),
        ("GET", "/nothing", 404),
        ("POST", "/", 405),
        ("GET", "/ws", 426),
        ("GET", "/presence?room=lobby", 426),
        ("GET", "/presence", 400),
    ],
)
async def test_every_request_has_its_status(
    chat: rawws.Server, method: str, path: str, status: int
) -> None:
    assert (await fetch(chat.port, method, path)).status == status


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST:1"])
async def test_loopback_names_are_served(chat: rawws.Server, host: str) -> None:
    assert (await fetch(chat.port, "GET", "/", Host=host)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.0.2.1"])
async def test_name_that_was_made_to_point_here_is_refused(chat: rawws.Server, host: str) -> None:
    assert (await fetch(chat.port, "GET", "/", Host=host)).status == 421


async def test_page_of_another_origin_cannot_connect(chat: rawws.Server) -> None:
    url = f"ws://127.0.0.1:{chat.port}/ws"
    for origin in ("http://evil.example", f"http://127.0.0.1:{chat.port + 1}", "null"):
        with pytest.raises(rawws.HandshakeRejected) as refusal:
            async with rawws.connect(url, origin=origin):
                pass
        assert refusal.value.response.status == 403
    async with rawws.connect(url, origin=f"http://127.0.0.1:{chat.port}") as ws:
        assert ws.closed is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_other_addresses_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
