"""What the handshake tests share: messages to send, and three ways for them to arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import pytest

from rawws.core.deflate import Deflate
from rawws.core.handshake_client import ClientHandshake
from rawws.core.handshake_server import ServerHandshake
from rawws.core.http import Request
from rawws.core.limits import Limits
from rawws.core.url import parse_url

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
NONCE = b"the sample nonce"
TRAILING = b"\x81\x85\x00\x00\x00\x00hello"
UPGRADE = {
    "Host": "example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}
SWITCHING = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": ACCEPT}


def message(first_line: str, headers: dict[str, str | None], *more: str) -> bytes:
    """A head. A header whose value is `None` is left out; `more` are whole lines."""
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([first_line, *lines, *more, "", ""]).encode("latin-1")


def upgrade(*more: str, line: str = "GET /chat HTTP/1.1", **changes: str | None) -> bytes:
    """A valid upgrade, with headers changed: `Sec_WebSocket_Key="x"`, or left out: `None`."""
    return message(line, UPGRADE | _named(changes), *more)


def plain(*more: str, line: str = "GET / HTTP/1.1", host: str | None = "example.com") -> bytes:
    """A request for a page."""
    return message(line, {"Host": host}, *more)


def switching(*more: str, line: str = "HTTP/1.1 101 OK", **changes: str | None) -> bytes:
    """A right 101 to `client()`, with headers changed or left out."""
    return message(line, SWITCHING | _named(changes), *more)


def _named(changes: dict[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-"): value for name, value in changes.items()}


def server(limits: Limits | None = None, compression: Deflate | None = None) -> ServerHandshake:
    return ServerHandshake(limits or Limits(), compression)


def client(url: str = "ws://example.com/chat", **options: Any) -> ClientHandshake:
    defaults: dict[str, Any] = {"limits": Limits(), "random": lambda size: NONCE[:size]}
    return ClientHandshake(parse_url(url), **(defaults | options))


class Receiver(Protocol):
    def receive_data(self, data: bytes) -> None: ...


Feed = Callable[[Receiver, bytes, Callable[[], Any]], Any]


def _feed(pieces: Iterable[bytes], handshake: Receiver, next_one: Callable[[], Any]) -> Any:
    found = None
    for piece in pieces:
        handshake.receive_data(piece)
        found = next_one()
        if found is not None:
            # What comes after the last byte that matters may come before or after the answer.
            for rest in pieces:
                handshake.receive_data(rest)
            break
    return found


def whole(handshake: Receiver, data: bytes, next_one: Callable[[], Any]) -> Any:
    return _feed(iter([data]), handshake, next_one)


def byte_by_byte(handshake: Receiver, data: bytes, next_one: Callable[[], Any]) -> Any:
    return _feed(single_bytes(data), handshake, next_one)


def with_trailing_bytes(handshake: Receiver, data: bytes, next_one: Callable[[], Any]) -> Any:
    return _feed(iter([data + TRAILING]), handshake, next_one)


def single_bytes(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


every_way = pytest.mark.parametrize("feed", [whole, byte_by_byte, with_trailing_bytes])


def request_of(feed: Feed, data: bytes, handshake: ServerHandshake | None = None) -> Request:
    """The request that `data` is, however it arrives."""
    handshake = handshake or server()
    request = feed(handshake, data, handshake.next_request)
    assert isinstance(request, Request)
    assert request is handshake.request
    return request
