"""How tests talk to a chat."""

from __future__ import annotations

import base64
import json
import socket
import struct
from typing import Any

import trio

import rawws

PATIENCE = 10.0


def open_talk(server: rawws.Server) -> Any:
    """A connection to /ws, as a context manager."""
    return rawws.connect(f"ws://127.0.0.1:{server.port}/ws")


def open_presence(server: rawws.Server, room: str = "lobby") -> Any:
    """A connection to /presence, as a context manager."""
    return rawws.connect(f"ws://127.0.0.1:{server.port}/presence?room={room}")


async def send(ws: rawws.WebSocket, **members: object) -> None:
    """Send one request."""
    await ws.send(json.dumps(members))


async def receive(ws: rawws.WebSocket) -> dict[str, Any]:
    """The next thing that the chat says."""
    with trio.fail_after(PATIENCE):
        value = json.loads(await ws.receive())
    assert isinstance(value, dict)
    return value


async def join(
    ws: rawws.WebSocket, name: str, room: str = "lobby", secret: str = ""
) -> dict[str, Any]:
    """Join a room and give the answer."""
    await send(ws, type="join", name=name, room=room, secret=secret)
    return await receive(ws)


async def say(ws: rawws.WebSocket, text: str) -> None:
    """Say something."""
    await send(ws, type="say", text=text)


async def wait_for_people(watcher: rawws.WebSocket, *people: str) -> None:
    """Read lists of people until this one comes."""
    while (await receive(watcher))["people"] != list(people):
        pass


async def close_code(ws: rawws.WebSocket) -> int:
    """Read to the end of the connection and give its close code."""
    with trio.fail_after(PATIENCE):
        return (await ws.wait_closed()).code


async def open_raw(server: rawws.Server) -> RawClient:
    """A `RawClient` for a server in this very thread."""
    return await trio.to_thread.run_sync(RawClient, server.port)


class RawClient:
    """A client that does only what it is told: it reads nothing by itself and answers nothing.

    It blocks while it opens and reads; what it sends it leaves to the kernel.
    """

    def __init__(self, port: int, receive_buffer: int = 4096) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self._input = b""
        key = base64.b64encode(bytes(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._input:
            self._input += self.socket.recv(4096)
        head, _, self._input = self._input.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def send(self, **members: object) -> None:
        """Send one request, masked with zeros, and padded so that its length takes two bytes."""
        payload = json.dumps(members).ljust(126).encode()
        self.socket.sendall(struct.pack("!BBH4x", 0x81, 0x80 | 126, len(payload)) + payload)

    def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        _, length = self._peek(2)
        header = {126: 4, 127: 10}.get(length, 2)
        if header > 2:
            length = int.from_bytes(self._peek(header)[2:])
        frame = self._peek(header + length)
        self._input = self._input[header + length :]
        return frame[0] & 0xF, frame[header:]

    def _peek(self, count: int) -> bytes:
        while len(self._input) < count:
            data = self.socket.recv(65536)
            assert data, "the server closed the connection without a word"
            self._input += data
        return self._input[:count]

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
