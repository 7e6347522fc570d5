"""Frames as a peer sends them, made without the code under test, and ways for them to arrive."""

from __future__ import annotations

import os
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from operator import xor
from typing import Any

import pytest

from rawws.core.close import Close
from rawws.core.conversation import Conversation
from rawws.core.deflate import Deflate, PerMessageDeflate
from rawws.core.errors import RemoteProtocolError
from rawws.core.events import Event
from rawws.core.frames import FrameEvent, FrameReader
from rawws.core.limits import Limits

MASK = b"\x37\xfa\x21\x3d"  # RFC 6455 5.7
FIN, RSV1 = 0x80, 0x40
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
LOST = Close(1006, "", "remote")

Way = Callable[[bytes], list[bytes]]


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def with_trailing_bytes(data: bytes) -> list[bytes]:
    """The first byte of one more frame makes no event, and undoes none."""
    return [data + b"\x81"]


every_way = pytest.mark.parametrize("way", [whole, byte_by_byte, with_trailing_bytes])
either_lane = pytest.mark.parametrize("fast_lane", [True, False], ids=["lane", "wsproto"])


def masked(data: bytes, mask: bytes) -> bytes:
    return bytes(map(xor, data, cycle(mask)))


def header(
    first: int, length: int, *, mask: bytes | None = None, width: int | None = None
) -> bytes:
    """A frame's header [5.2]; `width` forces a length of that many bytes, 0, 2 or 8."""
    if width is None:
        width = 0 if length < 126 else 2 if length < 65536 else 8
    second = {0: length, 2: 126, 8: 127}[width] | (0 if mask is None else 0x80)
    return bytes((first, second)) + (length.to_bytes(width) if width else b"") + (mask or b"")


@dataclass(frozen=True)
class Frame:
    """A frame that was sent, unmasked."""

    first: int
    payload: bytes


def close_frame(code: int | None, reason: str = "") -> Frame:
    """A Close; `None` is one without code."""
    payload = b"" if code is None else code.to_bytes(2) + reason.encode()
    return Frame(FIN | CLOSE, payload)


@dataclass(frozen=True)
class Side:
    """A role under test, and what its peer sends.

    Attributes:
        client: which role it is.
        mask: of the frames that it is to receive.
    """

    client: bool
    mask: bytes | None

    def frame(self, first: int, payload: bytes | str = b"") -> bytes:
        """A frame of the peer."""
        if isinstance(payload, str):
            payload = payload.encode()
        data = payload if self.mask is None else masked(payload, self.mask)
        return self.header(first, len(payload)) + data

    def header(self, first: int, length: int, width: int | None = None) -> bytes:
        return header(first, length, mask=self.mask, width=width)

    def close(self, code: int | None = 1000, reason: str = "") -> bytes:
        """A Close frame of the peer."""
        return self.frame(FIN | CLOSE, close_frame(code, reason).payload)

    def fragments(self, opcode: int, pieces: Iterable[bytes], *, rsv: int = 0) -> list[bytes]:
        """A message of the peer, a frame for each piece."""
        pieces = list(pieces)
        firsts = [opcode | rsv] + [CONTINUATION] * (len(pieces) - 1)
        firsts[-1] |= FIN
        return [self.frame(first, piece) for first, piece in zip(firsts, pieces, strict=True)]

    def reader(self, limits: Limits | None = None, **options: Any) -> FrameReader:
        return FrameReader(client=self.client, limits=limits or Limits(), **options)

    def talk(self, limits: Limits | None = None, **options: Any) -> Opened:
        """A conversation that has its handshake behind it."""
        return Opened(self, limits or Limits(), **options)

    def sent(self, talk: Conversation) -> list[Frame]:
        """What is queued, frame by frame."""
        return frames_in(talk.data_to_send(), masks=self.client)


SERVER, CLIENT = Side(client=False, mask=MASK), Side(client=True, mask=None)
either_side = pytest.mark.parametrize("side", [SERVER, CLIENT], ids=["server", "client"])


class Opened(Conversation):
    """Either role, open from the beginning."""

    def __init__(
        self,
        side: Side,
        limits: Limits,
        *,
        deflate: PerMessageDeflate | None = None,
        fast_lane: bool = True,
        trailing: bytes = b"",
    ) -> None:
        super().__init__(limits, os.urandom if side.client else None, fast_lane)
        self._start(deflate, trailing)


def frames_in(data: bytes, *, masks: bool) -> list[Frame]:
    """The frames that `data` is, each whole and in its shortest form."""
    frames = []
    while data:
        first, second = data[:2]
        assert bool(second & 0x80) == masks
        width = {126: 2, 127: 8}.get(second & 0x7F, 0)
        length = int.from_bytes(data[2 : 2 + width]) if width else second & 0x7F
        mask = data[2 + width : 6 + width] if masks else None
        start = len(header(first, length, mask=mask))
        assert data[:start] == header(first, length, mask=mask)
        payload = data[start : start + length]
        assert len(payload) == length
        frames.append(Frame(first, payload if mask is None else masked(payload, mask)))
        data = data[start + length :]
    return frames


def decode(
    reader: FrameReader, pieces: Iterable[bytes], parts: bool = False
) -> list[FrameEvent | RemoteProtocolError]:
    """All events of the pieces; a violation is the last."""
    found: list[FrameEvent | RemoteProtocolError] = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (event := reader.next(parts)) is not None:
                found.append(event)
    except RemoteProtocolError as error:
        found.append(error)
    return found


def violation(
    reader: FrameReader, pieces: Iterable[bytes], code: int = 1002
) -> RemoteProtocolError:
    """The violation that the pieces are, and nothing else; it is owed `code`."""
    (error,) = decode(reader, pieces)
    assert isinstance(error, RemoteProtocolError)
    assert error.code == code
    return error


def converse(talk: Conversation, pieces: Iterable[bytes], **options: bool) -> list[Event]:
    """All events of the pieces."""
    found = []
    for piece in pieces:
        talk.receive_data(piece)
        while (event := talk.next_event(**options)) is not None:
            found.append(event)
    return found


class Deflater:
    """A peer's compressor, with context takeover and the largest window."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(wbits=-15)

    def message(self, data: bytes) -> bytes:
        return self.fragment(data).removesuffix(b"\x00\x00\xff\xff")

    def fragment(self, data: bytes) -> bytes:
        return self._zlib.compress(data) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


def deflated(data: bytes) -> bytes:
    """A compressed message's payload."""
    return Deflater().message(data)


def deflate(config: Deflate | None = None) -> PerMessageDeflate:
    """Compression with context takeover and the largest window, in both directions."""
    return PerMessageDeflate(config or Deflate())


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


class Memory:
    """Bytes allocated since `memory` began, now and at most."""

    @property
    def held(self) -> int:
        return tracemalloc.get_traced_memory()[0]

    @property
    def peak(self) -> int:
        return tracemalloc.get_traced_memory()[1]


@contextmanager
def memory() -> Iterator[Memory]:
    tracemalloc.start()
    try:
        yield Memory()
    finally:
        tracemalloc.stop()
