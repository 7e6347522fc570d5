"""The other side of a connection, by hand: requests, frames, and a peer that sends them."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass

import trio

PATIENCE = 60  # seconds until a test that hangs fails; of the virtual clock, where there is one
HOST = "127.0.0.1"

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def request(target: str = "/", *, method: str = "GET", **headers: str | None) -> bytes:
    """An upgrade; headers are changed or added, `Sec_WebSocket_Key="x"`, or left out: `None`."""
    lines = {
        "Host": HOST,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
    }
    return head(f"{method} {target} HTTP/1.1", lines | _named(headers))


def page(target: str = "/", *, method: str = "GET", **headers: str | None) -> bytes:
    """A request for a page."""
    return head(f"{method} {target} HTTP/1.1", {"Host": HOST} | _named(headers))


def _named(headers: dict[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def head(first_line: str, headers: dict[str, str | None]) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([first_line, *lines, "", ""]).encode("latin-1")


def switching(asked: str, **headers: str | None) -> bytes:
    """The right answer to a client's request, with headers changed, added or left out."""
    key = asked.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
    digest = hashlib.sha1((key + GUID).encode()).digest()
    lines = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": base64.b64encode(digest).decode(),
    }
    return head("HTTP/1.1 101 Switching Protocols", lines | _named(headers))


@dataclass(frozen=True)
class Frame:
    """One frame as it was on the wire, unmasked."""

    first: int
    payload: bytes
    masked: bool

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def final(self) -> bool:
        return self.first >= 0x80


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = False) -> bytes:
    """A frame; masked with a key that changes every byte."""
    bit, key = (0x80, b"\x05\x06\x07\x08") if masked else (0, b"")
    first, length = (0x80 if fin else 0) | opcode, len(payload)
    if length < 126:
        header = bytes([first, bit | length])
    elif length < 65536:
        header = struct.pack("!BBH", first, bit | 126, length)
    else:
        header = struct.pack("!BBQ", first, bit | 127, length)
    return header + key + (unmask(payload, key) if masked else payload)


def unmask(payload: bytes, key: bytes) -> bytes:
    """Mask or unmask [5.3]."""
    size = len(payload)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(keys)).to_bytes(size)


def close_payload(code: int, reason: str = "") -> bytes:
    return code.to_bytes(2) + reason.encode()


class RawPeer:
    """The other end of a connection: reads and answers nothing by itself.

    Args:
        stream: where the frames go.
        masks: whether it has the client's role.
    """

    def __init__(self, stream: trio.abc.Stream, *, masks: bool) -> None:
        self.stream = stream
        self.masks = masks
        self._input = b""

    async def send(self, *data: bytes) -> None:
        """Send bytes as they are."""
        with trio.fail_after(PATIENCE):
            await self.stream.send_all(b"".join(data))

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
        """A frame of this side's role."""
        return frame(opcode, payload, fin=fin, masked=self.masks)

    async def say(self, *texts: str) -> None:
        """Send text messages, in one piece."""
        await self.send(*(self.frame(TEXT, text.encode()) for text in texts))

    async def say_close(self, code: int = 1000, reason: str = "") -> None:
        await self.send(self.frame(CLOSE, close_payload(code, reason)))

    async def read_head(self) -> str:
        """A request or an answer, up to its blank line."""
        while b"\r\n\r\n" not in self._input:
            assert await self._read_more(), f"the end within a head: {self._input!r}"
        head, _, self._input = self._input.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    async def read_bytes(self, count: int) -> bytes:
        while len(self._input) < count:
            assert await self._read_more(), f"the end after {self._input!r}"
        data, self._input = self._input[:count], self._input[count:]
        return data

    async def next_frame(self) -> Frame:
        """The next frame; the end of the stream is none."""
        first, second = await self.read_bytes(2)
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(await self.read_bytes(2 if length == 126 else 8))
        key = await self.read_bytes(4) if second & 0x80 else b""
        payload = await self.read_bytes(length)
        return Frame(first, unmask(payload, key) if key else payload, bool(key))

    async def next_message(self) -> str | bytes:
        """The next frame, which has to be a whole message."""
        frame = await self.next_frame()
        assert frame.final, frame
        assert frame.opcode in (TEXT, BINARY), frame
        return frame.payload.decode() if frame.opcode == TEXT else frame.payload

    async def next_fragments(self) -> list[Frame]:
        """The next message, in frames; those that are empty and not the first are left out."""
        frames = [await self.next_frame()]
        assert frames[0].opcode in (TEXT, BINARY), frames
        while not frames[-1].final:
            frames.append(await self.next_frame())
            assert frames[-1].opcode == 0, frames
        return [frames[0], *(frame for frame in frames[1:] if frame.payload)]

    async def rest(self) -> list[Frame]:
        """All frames up to the end of the stream, which has to come in good order."""
        frames = []
        while self._input or await self._read_more():
            frames.append(await self.next_frame())
        return frames

    async def read_to_close(self) -> tuple[list[Frame], tuple[int, str]]:
        """The frames up to a Close, and what that says."""
        frames = [await self.next_frame()]
        while frames[-1].opcode != CLOSE:
            frames.append(await self.next_frame())
        return frames[:-1], close_of(frames[-1])

    async def read_close(self) -> tuple[int, str]:
        """Code and reason of the next frame, which has to be a Close; 1005 for none."""
        frame = await self.next_frame()
        assert frame.opcode == CLOSE, frame
        return close_of(frame)

    async def at_end(self) -> bool:
        """Whether the stream ends here; waits until it does, or goes on."""
        return not self._input and not await self._read_more()

    async def _read_more(self) -> bool:
        with trio.fail_after(PATIENCE):
            data = await self.stream.receive_some()
        self._input += data
        return bool(data)


def close_of(frame: Frame) -> tuple[int, str]:
    code = int.from_bytes(frame.payload[:2]) if frame.payload else 1005
    return code, frame.payload[2:].decode()
