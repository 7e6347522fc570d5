"""A real server on a real port, attackers by hand, and an honest client at the end."""

from __future__ import annotations

import os
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from tests.transport.raw import CLOSE, HOST, Frame, RawPeer, close_of, request, switching, unmask
from tests.transport.support import tls_contexts

PATIENCE = 60  # seconds until a test that hangs fails
FIN, RSV1 = 0x80, 0x40
MASK = b"\x37\xfa\x21\x3d"  # RFC 6455 5.7

Handler = Callable[[rawws.WebSocket], Awaitable[object]]


async def echo(ws: rawws.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


class Target:
    """A server under attack.

    Attributes:
        server: the server.
        url: of it.
    """

    def __init__(self, server: rawws.Server, *, secure: bool = False) -> None:
        self.server = server
        self.url = f"{'wss' if secure else 'ws'}://{HOST}:{server.port}/"
        self._context = tls_contexts()[1] if secure else None
        self._streams: list[trio.SocketStream] = []

    async def dial(self) -> RawPeer:
        """A connection on which nothing was said."""
        assert self.server.port is not None
        stream = await trio.open_tcp_stream(HOST, self.server.port)
        self._streams.append(stream)
        if self._context is None:
            return RawPeer(stream, masks=True)
        secure = trio.SSLStream(stream, self._context, server_hostname=HOST, https_compatible=True)
        return RawPeer(secure, masks=True)

    async def ask(self, *data: bytes) -> Answer:
        """What the server answers to a request; afterwards the connection is gone."""
        peer = await self.dial()
        await peer.send(*data)
        answer = await read_answer(peer, to_head=data[0].startswith(b"HEAD "))
        await trio.aclose_forcefully(peer.stream)
        return answer

    async def open(self, *more: bytes, path: str = "/", **headers: str | None) -> RawPeer:
        """A WebSocket; `more` is sent in one packet with the request."""
        peer = await self.dial()
        await peer.send(request(path, **headers), *more)
        head = await peer.read_head()
        assert head.startswith("HTTP/1.1 101 "), head
        return peer

    async def attack(self, *data: bytes, path: str = "/", **headers: str | None) -> tuple[int, str]:
        """The one Close that a WebSocket gets for `data`; then the stream has to end."""
        peer = await self.open(path=path, **headers)
        await peer.send(*data)
        verdict = await read_verdict(peer)
        await trio.aclose_forcefully(peer.stream)
        return verdict

    def hang_up(self) -> None:
        """Close all that was dialled."""
        for stream in self._streams:
            stream.socket.close()

    async def serve_honestly(self) -> None:
        """Check that a client who means no harm is served."""
        options: dict[str, Any] = {"ssl_context": self._context, "compression": rawws.Deflate()}
        async with rawws.connect(self.url, **options) as ws:
            for message in ("honest", b"honest " * 100):
                await ws.send(message)
                assert await ws.receive() == message


class Answer:
    """What a server answered in HTTP.

    Attributes:
        status: of the first answer.
        head, body: of it.
        rest: what came behind it, up to the end of the stream.
    """

    def __init__(self, head: str) -> None:
        self.head = head
        self.status = int(head.split(" ", 2)[1])
        self.body = b""
        self.rest = b""

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            found, _, value = line.partition(": ")
            if found.lower() == name.lower():
                return value
        return None


async def read_answer(peer: RawPeer, *, to_head: bool = False) -> Answer:
    """The first answer, and if it is to be the last, what comes behind it all the same."""
    answer = Answer(await peer.read_head())
    if answer.status != 101:
        if not to_head:
            answer.body = await peer.read_bytes(int(answer.header("Content-Length") or 0))
        if answer.header("Connection") == "close":
            while not await peer.at_end():
                answer.rest += await peer.read_bytes(1)
    return answer


async def read_verdict(peer: RawPeer) -> tuple[int, str]:
    """The only frame that is still to come, a Close: its code and reason."""
    (last,) = await peer.rest()
    assert last.opcode == CLOSE
    return close_of(last)


@asynccontextmanager
async def under_attack(handler: Handler = echo, **options: Any) -> AsyncIterator[Target]:
    """A server for the length of a block; then an honest client, and nothing may be left.

    Args:
        handler: sends back what the honest client sends, who asks for "/".
        options: of `serve`.
    """
    options.setdefault("compression", rawws.Deflate())
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(rawws.serve, handler, 0, host=HOST, **options))
            files = open_files()
            target = Target(server, secure="ssl_context" in options)
            try:
                yield target
                await target.serve_honestly()
            finally:
                target.hang_up()
            await until(lambda: not server.connections)
            await until(lambda: open_files() == files)
            nursery.cancel_scope.cancel()


class HostileServer:
    """A server that shakes hands and then says what it was told to, unmasked or not.

    Attributes:
        url: of it.
        heard: what its clients said, frame by frame, and `None` for the end of one of them.
    """

    def __init__(self, port: int, data: bytes, headers: dict[str, str]) -> None:
        self.url = f"ws://{HOST}:{port}/"
        self.heard: list[Frame | None] = []
        self._data = data
        self._headers = headers

    async def serve(self, stream: trio.abc.Stream) -> None:
        peer = RawPeer(stream, masks=False)
        await peer.send(switching(await peer.read_head(), **self._headers), self._data)
        self.heard += [*await peer.rest(), None]


@asynccontextmanager
async def hostile_server(*data: bytes, **headers: str) -> AsyncIterator[HostileServer]:
    """For the length of a block; `headers` go into its 101, `data` behind it."""
    listeners = await trio.open_tcp_listeners(0, host=HOST)
    port = listeners[0].socket.getsockname()[1]
    server = HostileServer(port, b"".join(data), headers)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, server.serve, listeners)
            yield server
            await until(lambda: None in server.heard)
            nursery.cancel_scope.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until what other tasks do makes it true."""
    with trio.fail_after(PATIENCE):
        while not condition():
            await wait_all_tasks_blocked(0.001)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


# -- frames that `raw.frame` would not make


def masked(first: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """A client's frame with any first byte.

    Args:
        first: FIN, reserved bits and opcode.
        payload: what follows the header.
        length: what the header says, if that is not the payload's.
    """
    size = len(payload) if length is None else length
    return header(first, size) + MASK + unmask(payload, MASK)


def header(first: int, length: int, *, mask: int = 0x80) -> bytes:
    """A frame's header, without the mask itself."""
    if length < 126:
        return bytes((first, mask | length))
    if length < 65536:
        return bytes((first, mask | 126)) + length.to_bytes(2)
    return bytes((first, mask | 127)) + length.to_bytes(8)


def fragments(opcode: int, *pieces: bytes) -> bytes:
    """A client's message, a frame for each piece."""
    last = len(pieces) - 1
    return b"".join(
        masked((FIN if number == last else 0) | (0 if number else opcode), piece)
        for number, piece in enumerate(pieces)
    )


def deflated(data: bytes, *, bits: int = 15, level: int = 6) -> bytes:
    """A compressed message's payload, which refers to no message before it [RFC 7692 7.2.1]."""
    squeeze = zlib.compressobj(level, wbits=-bits)
    payload = squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    return payload.removesuffix(b"\0\0\xff\xff")


@contextmanager
def memory() -> Iterator[tuple[Callable[[], int], Callable[[], int]]]:
    """Two functions that tell what was allocated since: bytes now, and at most at a time."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[0], lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
