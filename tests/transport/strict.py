"""A peer that reads when it is told to, and forgives nothing.

What arrives is judged twice: as frames, which have to be whole to the last byte with nothing
behind a Close, and by websockets' protocol, which decodes the messages and remembers what a
compressed one may refer to.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
import trio
from trio.testing import lockstep_stream_pair, wait_all_tasks_blocked
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side
from websockets.protocol import State as TheirState

import rawws
from rawws.transport import home
from tests.transport.raw import CLOSE, HOST, RawPeer, request, switching
from tests.transport.support import MemoryListener, Parked, tls_contexts

PATIENCE = 30  # seconds until a test that hangs fails
KINDS = ("plain", "tls", "memory", "ssl stream")
ROLES = ("client", "server")
every_kind = pytest.mark.parametrize("kind", KINDS)
either_role = pytest.mark.parametrize("role", ROLES)
either_form = pytest.mark.parametrize("compressed", [False, True], ids=["plain", "deflate"])
TIGHT = 4096  # bytes that the kernel is asked to keep on each side
COMPRESSION = rawws.Deflate(window_bits=15, memory_level=8, threshold=0)
AGREED = "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15"


class StrictPeer:
    """The other end of a connection whose handshake is done.

    Args:
        stream: where it is connected.
        role: of the side that is tested.
        compressed: whether permessage-deflate was agreed upon, as `AGREED`.
        halves: whether the side that is tested can end its half of the stream.

    Attributes:
        messages: what arrived, whole messages only.
        ended: whether the stream is at its end.
    """

    def __init__(
        self, stream: trio.abc.Stream, role: str, *, compressed: bool = False, halves: bool = True
    ) -> None:
        self.stream = stream
        self.messages: list[str | bytes] = []
        self.ended = False
        self._masked = role == "client"
        self._protocol = Protocol(
            Side.SERVER if role == "client" else Side.CLIENT, state=TheirState.OPEN, max_size=None
        )
        if compressed:
            self._protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
        self._raw = bytearray()
        self._begun: list[Any] = []
        self._halves = halves
        self._turn = trio.Lock()  # to write

    # -- in

    async def read(self, gulp: int = 65536) -> None:
        """Read once, and answer what has to be answered."""
        await self._judge(await self._receive(gulp))

    async def read_head(self) -> bytes:
        """Read past the head of the other side's answer; less of it if the stream ends before."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = await self._receive(65536)
            head += data
            if not data:
                break
        head, _, rest = head.partition(b"\r\n\r\n")
        if rest or not data:
            await self._judge(rest)
        return head

    async def _receive(self, gulp: int) -> bytes:
        try:
            return bytes(await self.stream.receive_some(gulp))
        except trio.BrokenResourceError:
            return b""  # cut off; what has come is to be judged

    async def _judge(self, data: bytes) -> None:
        self._raw += data
        if data:
            self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            self._take(frame)
        await self._send(b"".join(self._protocol.data_to_send()))
        self.ended = not data or (self.close_code is not None and not self._halves)
        if self.ended:
            await trio.aclose_forcefully(self.stream)

    async def read_on(self, gulp: int = 65536) -> None:
        """Begin to read when all others wait, and go on until the end."""
        await wait_all_tasks_blocked()
        while not self.ended:
            await self.read(gulp)

    async def read_until(self, *messages: str | bytes) -> None:
        """Read until the last messages are these."""
        with trio.fail_after(PATIENCE):
            while self.messages[-len(messages) :] != list(messages):
                assert not self.ended, self._protocol.parser_exc
                await self.read()

    async def read_to_end(self) -> None:
        """Read until the stream ends, or the Close comes where neither ends it by halves."""
        with trio.fail_after(PATIENCE):
            while not self.ended:
                await self.read()

    @asynccontextmanager
    async def reading(self, gulp: int = 65536) -> AsyncIterator[None]:
        """For the length of a block, read once all others wait."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.read_on, gulp)
            yield
            nursery.cancel_scope.cancel()

    def opcodes(self, *, torn: bool = False) -> list[int]:
        """Of all the frames that have arrived: whole ones, a Close only as the last.

        Args:
            torn: whether the last may lack its end.
        """
        found: list[int] = []
        at, end, raw = 0, len(self._raw), self._raw + bytes(14)
        while at < end:
            assert CLOSE not in found, f"behind a Close: {raw[at:end]!r}"
            first, second = raw[at : at + 2]
            assert second >> 7 == self._masked
            width = {126: 2, 127: 8}.get(second & 0x7F, 0)
            length = int.from_bytes(raw[at + 2 : at + 2 + width]) if width else second & 0x7F
            assert length >= {0: 0, 2: 126, 8: 65536}[width], "not the shortest form"
            at += 2 + width + 4 * self._masked + length
            if at <= end:
                found.append(first & 0x0F)
        assert torn or at == end, f"{at - end} bytes are missing"
        return found

    @property
    def close_code(self) -> int | None:
        """Of the Close that has come, `None` if there was none."""
        close = self._protocol.close_rcvd
        return None if close is None else int(close.code)

    @property
    def is_open(self) -> bool:
        """Whether more messages may come and go."""
        return not self.ended and self.close_code is None

    @property
    def is_content(self) -> bool:
        """Whether all that has come was as it should be."""
        return self._protocol.parser_exc is None

    def _take(self, frame: Any) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        self._begun.append(frame)
        if frame.fin:
            data = b"".join(part.data for part in self._begun)
            is_text = self._begun[0].opcode is Opcode.TEXT
            self.messages.append(data.decode() if is_text else data)
            self._begun.clear()

    # -- out

    async def say(self, *messages: bytes, pieces: int = 1) -> None:
        """Send binary messages, each in so many pieces, all that waits for one goes before it."""
        for message in messages:
            self._protocol.send_binary(message)
            data = b"".join(self._protocol.data_to_send())
            size = -(-len(data) // pieces)
            for start in range(0, len(data), size):
                if pieces > 1:
                    await wait_all_tasks_blocked()
                await self._send(data[start : start + size])

    async def say_close(self, code: int) -> None:
        self._protocol.send_close(code)
        await self._send(b"".join(self._protocol.data_to_send()))

    async def _send(self, data: bytes) -> None:
        # This side is not what is cancelled; half a frame from here would be a lie.
        with trio.CancelScope(shield=True), trio.fail_after(PATIENCE):
            async with self._turn:
                try:
                    if data:
                        await self.stream.send_all(data)
                except trio.BrokenResourceError:
                    pass  # gone; reading will tell


def numbered(number: int, size: int = 3000) -> bytes:
    """A message that is no other, and that a compressor finds half of in the one before."""
    return b"%d|" % number + _noise(number - 1, size // 2) + _noise(number, size // 2)


def _noise(seed: int, size: int) -> bytes:
    return Random(seed).randbytes(size)


# -- streams


async def tight_tcp() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Both ends of a TCP connection that holds as little as the kernel allows."""
    with socket.socket() as listener, socket.socket() as near:
        for sock in (listener, near):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TIGHT)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TIGHT)
        listener.bind((HOST, 0))
        listener.listen()
        near.connect(listener.getsockname())  # to a backlog: takes no time
        far, _ = listener.accept()
        return _as_stream(near.dup()), _as_stream(far)


def _as_stream(sock: socket.socket) -> trio.SocketStream:
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


def over_tls(
    near: trio.abc.Stream, far: trio.abc.Stream, role: str, *, both: bool
) -> tuple[trio.abc.Stream, trio.abc.Stream]:
    """TLS on the peer's end, and on `both`."""
    for_server, for_client = tls_contexts()

    def wrap(stream: trio.abc.Stream, *, server_side: bool) -> trio.abc.Stream:
        return trio.SSLStream(
            stream,
            for_server if server_side else for_client,
            server_hostname=None if server_side else HOST,
            server_side=server_side,
            https_compatible=True,
        )

    if both:
        near = wrap(near, server_side=role == "server")
    return near, wrap(far, server_side=role == "client")


async def streams_of(kind: str, role: str) -> tuple[trio.abc.Stream, trio.abc.Stream]:
    """The stream that rawws gets, and the peer's."""
    if kind == "memory":
        return lockstep_stream_pair()
    near, far = await tight_tcp()
    if kind == "plain":
        return near, far
    return over_tls(near, far, role, both=kind == "ssl stream")


# -- the whole


@asynccontextmanager
async def open_strict(
    kind: str, role: str, *, compressed: bool = False, **options: Any
) -> AsyncIterator[tuple[rawws.WebSocket, StrictPeer]]:
    """A WebSocket over a stream of that kind that holds little, and the peer at its other end.

    Where it might let others run it does, so that there are as many checkpoints every time.

    Args:
        kind: one of `KINDS`.
        role: "client" or "server": which side is tested.
        compressed: whether all messages are compressed, both ways.
        options: of `connect` or `serve`.
    """
    options.setdefault("timeouts", rawws.Timeouts(ping_interval=None))
    if compressed:
        options["compression"] = COMPRESSION
    near, far = await streams_of(kind, role)
    opened = _open_client if role == "client" else _open_server
    with trio.fail_after(PATIENCE), patch.object(home, "SLICE", 0):
        async with trio.open_nursery() as nursery, opened(kind, near, far, nursery, options) as ws:
            halves = kind != "ssl stream"
            peer = StrictPeer(far, role, compressed=compressed, halves=halves)
            try:
                yield ws, peer
            finally:
                # Without an answer to its Close the other side would wait for one.
                await trio.aclose_forcefully(far)


@asynccontextmanager
async def _open_client(
    kind: str,
    near: trio.abc.Stream,
    far: trio.abc.Stream,
    nursery: trio.Nursery,
    options: dict[str, Any],
) -> AsyncIterator[rawws.WebSocket]:
    agreed = {"Sec_WebSocket_Extensions": AGREED} if "compression" in options else {}

    answered = trio.Event()

    async def answer() -> None:
        peer = RawPeer(far, masks=False)
        await peer.send(switching(await peer.read_head(), **agreed))
        answered.set()

    nursery.start_soon(answer)
    scheme = "ws"
    if kind == "tls":
        scheme, options["ssl_context"] = "wss", tls_contexts()[1]
    async with rawws.connect(f"{scheme}://{HOST}/", stream=near, **options) as ws:
        await answered.wait()
        yield ws


@asynccontextmanager
async def _open_server(
    kind: str,
    near: trio.abc.Stream,
    far: trio.abc.Stream,
    nursery: trio.Nursery,
    options: dict[str, Any],
) -> AsyncIterator[rawws.WebSocket]:
    agreed = {"Sec_WebSocket_Extensions": AGREED} if "compression" in options else {}
    if kind == "tls":
        options["ssl_context"] = tls_contexts()[0]
    listener = MemoryListener(lambda: (far, near))
    listener.dial()
    handler = Parked()
    server = await nursery.start(partial(rawws.serve, handler, listeners=[listener], **options))
    peer = RawPeer(far, masks=True)
    await peer.send(request(**agreed))
    assert (await peer.read_head()).startswith("HTTP/1.1 101 ")
    try:
        yield await handler.taken()
    finally:
        handler.leave.set()
        await server.aclose()
