"""What the transport tests share: ways to connect, and one end of a connection to be tested."""

from __future__ import annotations

import logging
import math
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import pytest
import trio
import trustme
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

import rawws
from tests.transport.raw import HOST, PATIENCE, RawPeer, request, switching

Handler = Callable[[rawws.WebSocket], Awaitable[object]]


# -- ways to connect


@cache
def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and that of a client that trusts it."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, "localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


class MemoryListener(trio.abc.Listener[trio.abc.Stream]):
    """Accepts streams that have never seen a socket.

    Args:
        make_pair: makes the two ends of one connection.
    """

    def __init__(self, make_pair: Callable[[], tuple[Any, Any]] = memory_stream_pair) -> None:
        self._make_pair = make_pair
        self._dialled, self._waiting = trio.open_memory_channel[trio.abc.Stream](math.inf)

    def dial(self) -> trio.abc.Stream:
        near: trio.abc.Stream
        near, far = self._make_pair()
        self._dialled.send_nowait(far)
        return near

    async def accept(self) -> trio.abc.Stream:
        return await self._waiting.receive()

    async def aclose(self) -> None:
        self._waiting.close()
        await trio.lowlevel.checkpoint()


class Way:
    """How the two ends of a connection find each other.

    Args:
        name: "plain" for TCP, "tls" for TLS on it, "foreign" for streams in memory.
        make_pair: makes the streams in memory.
    """

    def __init__(
        self, name: str, make_pair: Callable[[], tuple[Any, Any]] = memory_stream_pair
    ) -> None:
        self.name = name
        self.secure = name == "tls"
        self._memory = MemoryListener(make_pair) if name == "foreign" else None

    async def serve(self, nursery: trio.Nursery, handler: Handler, **options: Any) -> rawws.Server:
        """A server that listens for this way."""
        if self._memory is not None:
            options["listeners"] = [self._memory]
        else:
            options |= {"port": 0, "host": HOST}
        if self.secure:
            options["ssl_context"] = tls_contexts()[0]
        server = await nursery.start(partial(rawws.serve, handler, **options))
        assert isinstance(server, rawws.Server)
        return server

    def connect(
        self, server: rawws.Server, path: str = "/", **options: Any
    ) -> AbstractAsyncContextManager[rawws.WebSocket]:
        """A client of that server."""
        if self._memory is not None:
            return connect_over(self._memory.dial(), path, **options)
        return self.connect_to(server.port, path, **options)

    def connect_to(
        self, port: int | None, path: str = "/", **options: Any
    ) -> AbstractAsyncContextManager[rawws.WebSocket]:
        if self.secure:
            options["ssl_context"] = tls_contexts()[1]
        return rawws.connect(f"{'wss' if self.secure else 'ws'}://{HOST}:{port}{path}", **options)

    async def dial(self, server: rawws.Server) -> trio.abc.Stream:
        """A stream to that server, TLS done."""
        if self._memory is not None:
            return self._memory.dial()
        assert server.port is not None
        stream = await trio.open_tcp_stream(HOST, server.port)
        if not self.secure:
            return stream
        context = tls_contexts()[1]
        secure = trio.SSLStream(stream, context, server_hostname=HOST, https_compatible=True)
        await secure.do_handshake()
        return secure


# -- one end under test, the other in the test's hands


async def open_raw(way: Way, server: rawws.Server, *more: bytes, **headers: str) -> RawPeer:
    """A raw client after its upgrade; `more` is sent in one packet with the request."""
    peer = RawPeer(await way.dial(server), masks=True)
    await peer.send(request(**headers), *more)
    answer = await peer.read_head()
    assert answer.startswith("HTTP/1.1 101 "), answer
    return peer


class Parked:
    """A handler that gives its WebSocket to the test, and stays until it is told to leave."""

    def __init__(self) -> None:
        self._arrived, self._taken = trio.open_memory_channel[rawws.WebSocket](math.inf)
        self.leave = trio.Event()

    async def __call__(self, ws: rawws.WebSocket) -> None:
        self._arrived.send_nowait(ws)
        await self.leave.wait()

    async def taken(self) -> rawws.WebSocket:
        with trio.fail_after(PATIENCE):
            return await self._taken.receive()


class Call:
    """A call in a task of its own, begun by `begin`.

    Attributes:
        done: whether it has returned, raised, or was cancelled.
    """

    def __init__(self, async_fn: Callable[..., Awaitable[Any]], args: tuple[object, ...]) -> None:
        self._call = partial(async_fn, *args)
        self._scope = trio.CancelScope()
        self._done = trio.Event()
        self._value: Any = None
        self._error: Exception | None = None

    @property
    def done(self) -> bool:
        return self._done.is_set()

    async def run(self) -> None:
        with self._scope:
            try:
                self._value = await self._call()
            except Exception as error:
                self._error = error
        self._done.set()

    async def cancel(self) -> None:
        """Cancel it, and wait until it is gone."""
        self._scope.cancel()
        await self._done.wait()

    async def result(self) -> Any:
        """What it returns or raises; waits for that."""
        with trio.fail_after(PATIENCE):
            await self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value


async def begin(
    nursery: trio.Nursery, async_fn: Callable[..., Awaitable[Any]], *args: object
) -> Call:
    """Start a call; return when it, and all else that runs, waits for something."""
    call = Call(async_fn, args)
    nursery.start_soon(call.run)
    await wait_all_tasks_blocked()
    return call


def complaints(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What was logged as a warning or worse."""
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


@contextmanager
def in_no_time() -> Iterator[None]:
    """Check that what happens needs no clock; under `autojump_clock`."""
    start = trio.current_time()
    yield
    assert trio.current_time() == start


@asynccontextmanager
async def open_end(
    nursery: trio.Nursery, way: Way, role: str, *more: bytes, **options: Any
) -> AsyncIterator[tuple[rawws.WebSocket, RawPeer]]:
    """A WebSocket of either role, and the raw peer at its other end.

    Args:
        nursery: where the server, or the peer that plays one, runs.
        role: "client" or "server": which side is tested.
        more: sent by the peer in one packet with its part of the handshake.
        options: of `connect` or `serve`.
    """
    with trio.fail_after(PATIENCE):
        opened = _open_server_end if role == "server" else _open_client_end
        async with opened(nursery, way, more, options) as (ws, peer):
            yield ws, peer


@asynccontextmanager
async def _open_server_end(
    nursery: trio.Nursery, way: Way, more: tuple[bytes, ...], options: dict[str, Any]
) -> AsyncIterator[tuple[rawws.WebSocket, RawPeer]]:
    handler = Parked()
    server = await way.serve(nursery, handler, **options)
    peer = await open_raw(way, server, *more)
    try:
        yield await handler.taken(), peer
    finally:
        await trio.aclose_forcefully(peer.stream)
        handler.leave.set()
        await server.aclose()


@asynccontextmanager
async def _open_client_end(
    nursery: trio.Nursery, way: Way, more: tuple[bytes, ...], options: dict[str, Any]
) -> AsyncIterator[tuple[rawws.WebSocket, RawPeer]]:
    def answer(asked: str) -> bytes:
        return switching(asked) + b"".join(more)

    async with raw_server(nursery, way, answer) as server, server.connect(**options) as ws:
        peer = await server.accepted()
        try:
            yield ws, peer
        finally:
            await trio.aclose_forcefully(peer.stream)


def connect_over(
    stream: trio.abc.Stream, path: str = "/", **options: Any
) -> AbstractAsyncContextManager[rawws.WebSocket]:
    """A client on a stream that is connected."""
    return rawws.connect(f"ws://{HOST}{path}", stream=stream, **options)


@dataclass
class RawServer:
    """A server that gives one client one answer.

    Attributes:
        connect: `rawws.connect` to it.
        accepted: waits for the client, and gives the other end of its connection.
    """

    connect: Callable[..., AbstractAsyncContextManager[rawws.WebSocket]]
    accepted: Callable[[], Awaitable[RawPeer]]


@asynccontextmanager
async def raw_server(
    nursery: trio.Nursery, way: Way, answer: Callable[[str], bytes] = switching
) -> AsyncIterator[RawServer]:
    """A `RawServer` that answers what `answer` makes of the request."""
    served, accepted = trio.open_memory_channel[RawPeer](1)

    async def serve_one(stream: trio.abc.Stream) -> None:
        peer = RawPeer(stream, masks=False)
        await peer.send(answer(await peer.read_head()))
        served.send_nowait(peer)

    if way.name == "foreign":
        near, far = memory_stream_pair()
        nursery.start_soon(serve_one, far)
        yield RawServer(partial(connect_over, near), accepted.receive)
        return
    listener: Any
    (listener,) = await trio.open_tcp_listeners(0, host=HOST)
    port = listener.socket.getsockname()[1]
    if way.secure:
        listener = trio.SSLListener(listener, tls_contexts()[0], https_compatible=True)

    async def accept_one() -> None:
        await serve_one(await listener.accept())

    async with listener:
        nursery.start_soon(accept_one)
        yield RawServer(partial(way.connect_to, port), accepted.receive)


class Told:
    """Pieces for `send_stream` that come when the test says so; errors are raised."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Any](100)

    def give(self, *pieces: Any) -> None:
        for piece in pieces:
            self._send.send_nowait(piece)

    def end(self) -> None:
        self._send.close()

    def __aiter__(self) -> Told:
        return self

    async def __anext__(self) -> Any:
        try:
            piece = await self._receive.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None
        if isinstance(piece, Exception):
            raise piece
        return piece


@asynccontextmanager
async def open_pair(
    nursery: trio.Nursery,
    way: Way,
    *,
    server: dict[str, Any] | None = None,
    client: dict[str, Any] | None = None,
) -> AsyncIterator[tuple[rawws.WebSocket, rawws.WebSocket]]:
    """Both ends of one connection, the client's first."""
    handler = Parked()
    running = await way.serve(nursery, handler, **(server or {}))
    with trio.fail_after(PATIENCE):
        async with way.connect(running, **(client or {})) as near:
            try:
                yield near, await handler.taken()
            finally:
                handler.leave.set()
