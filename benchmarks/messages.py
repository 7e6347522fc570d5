"""The bytes of a benchmark's messages, made once here so that the load in C only moves them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, Message, TextMessage
from wsproto.extensions import PerMessageDeflate

VARIETY = 16  # texts, so that a compressor cannot live on having seen the very same one


@dataclass(frozen=True)
class Messages:
    """What is sent, in turn.

    Attributes:
        frames: as a client sends them, one after the other.
        replies: as the server sends them back.
        exact: whether the replies have to be these; a compressed one only looks like them.
        request: the HTTP upgrade.
    """

    frames: bytes
    replies: bytes
    exact: bool
    request: bytes

    def as_bytes(self) -> Messages:
        """The same for a server that knows no WebSocket and sends back what it gets."""
        return Messages(self.frames, self.frames, exact=True, request=b"")


def binary(size: int) -> Messages:
    """A binary message of `size` bytes."""
    return _messages([BytesMessage(bytes(i * 7 & 0xFF for i in range(size)))])


def text(size: int, compressed: bool = False) -> Messages:
    """Text messages of `size` bytes, JSON such as applications send."""
    random_ = random.Random(size)
    return _messages([TextMessage(_record(random_, size)) for _ in range(VARIETY)], compressed)


def _record(random_: random.Random, size: int) -> str:
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "theta", "kappa", "lambda"]
    items: list[dict[str, object]] = []
    while len(json.dumps(items)) < size:
        name = " ".join(random_.sample(words, 3))
        price = random_.randrange(10_000) / 100
        items.append({"id": random_.randrange(10**6), "name": name, "price": price})
    return json.dumps(items)[:size]


def _messages(
    events: Sequence[Message[str] | Message[bytes]], compressed: bool = False
) -> Messages:
    # Without context takeover a frame makes sense to a server whatever came before it.
    extension = PerMessageDeflate(client_no_context_takeover=True, server_no_context_takeover=True)
    if compressed:
        extension.finalize("permessage-deflate; client_no_context_takeover")
    extensions = [extension] if compressed else []
    client = Connection(ConnectionType.CLIENT, extensions)
    server = Connection(ConnectionType.SERVER, extensions)
    return Messages(
        frames=b"".join(map(client.send, events)),
        replies=b"".join(map(server.send, events)),
        exact=not compressed,
        request=_request("permessage-deflate; client_max_window_bits" if compressed else ""),
    )


def _request(extensions: str) -> bytes:
    lines = [
        "GET / HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *([f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()
