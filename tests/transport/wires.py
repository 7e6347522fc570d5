"""What lies under a connection, by hand: sockets, streams that obey, a TLS peer."""

from __future__ import annotations

import math
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import trio

from rawws.transport.streams import CHUNK, DirectSocket
from tests.transport.raw import HOST
from tests.transport.support import tls_contexts

KERNEL = 16384  # bytes asked for each of the kernel's buffers, to jam a socket soon


@contextmanager
def socket_pair(kind: str = "unix") -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets, "unix" or "tcp", with small buffers; closed in the end.

    The first is as the system made it, the second does not block.
    """
    with socket.socket() as listener:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            listener.setsockopt(socket.SOL_SOCKET, option, KERNEL)
        if kind == "unix":
            near, far = socket.socketpair()
        else:
            listener.bind((HOST, 0))
            listener.listen()
            near = socket.create_connection(listener.getsockname())
            far = listener.accept()[0]
    with near, far:
        far.setblocking(False)
        for end in (near, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL)
        yield near, far


def reset(sock: socket.socket) -> None:
    """Close a TCP socket so that the other end is reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def jam(stream: DirectSocket) -> int:
    """Write until the kernel takes no more, and say how much it took."""
    taken = 0
    while sent := stream.send_nowait(bytes(KERNEL)):
        taken += sent
    return taken


async def read_exactly(sock: socket.socket, count: int) -> bytes:
    """The next `count` bytes of a socket; fewer if it ends before."""
    data = bytearray()
    while len(data) < count:
        await trio.lowlevel.wait_readable(sock)
        if not (piece := sock.recv(count - len(data))):
            break
        data += piece
    return bytes(data)


class ScriptedStream:
    """A `ByteStream` that takes as many bytes as it is told to, and keeps them.

    Args:
        room: bytes that it takes before it is told to take more.
        step: bytes that it takes at most at a time.

    Attributes:
        written: what it took.
        seals: what was sealed, in that order; sealing puts brackets around it.
        ended: how often its writing side was ended.
        error: raised from then on instead of taking anything.
    """

    local_address = remote_address = None
    has_halves = True

    def __init__(self, room: float = math.inf, step: float = math.inf) -> None:
        self.written = bytearray()
        self.seals: list[bytes] = []
        self.ended = 0
        self.closed = False
        self.error: Exception | None = None
        self._room = room
        self._step = step
        self._more = trio.lowlevel.ParkingLot()

    def take(self, count: float = math.inf) -> None:
        """Take that many bytes more."""
        self._room += count
        self._more.unpark_all()

    def fail(self, error: Exception) -> None:
        """Break; who waits to write is told."""
        self.error = error
        self._more.unpark_all()

    def receive_nowait(self) -> bytes | None:
        return None

    async def wait_readable(self) -> None:
        await trio.sleep_forever()

    def interrupt(self) -> None:
        pass

    def seal(self, data: bytes) -> bytes:
        self.seals.append(data)
        return b"<%b>" % data

    def send_nowait(self, data: bytes | memoryview) -> int:
        if self.error is not None:
            raise self.error
        count = int(min(len(data), self._room, self._step))
        self.written += data[:count]
        self._room -= count
        return count

    async def send_some(self, data: memoryview) -> int:
        while not (sent := self.send_nowait(data)):
            await self._more.park()
        return sent

    def send_eof(self) -> None:
        self.ended += 1

    def close(self) -> None:
        self.closed = True
        self.fail(trio.ClosedResourceError("closed"))


class Stranger(trio.abc.HalfCloseableStream):
    """A stream that does what a test says, and counts what is asked of it.

    Args:
        receive: what each read does.
        send: what each write does.
        close: what its end does.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[bytes | bytearray]] = trio.sleep_forever,
        send: Callable[[bytes], Awaitable[None]] | None = None,
        close: Callable[[], Awaitable[object]] = trio.lowlevel.checkpoint,
    ) -> None:
        self.reads = self.ends = self.closes = 0
        self._receive, self._send, self._close = receive, send, close

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        self.reads += 1
        assert max_bytes == CHUNK
        return await self._receive()

    async def send_all(self, data: Any) -> None:
        assert self._send is not None
        await self._send(data)

    async def wait_send_all_might_not_block(self) -> None:
        raise AssertionError("nobody asks")

    async def send_eof(self) -> None:
        self.ends += 1
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self.closes += 1
        await self._close()


def fails_with(error: Exception) -> Callable[..., Awaitable[Any]]:
    async def fail(*_: object) -> None:
        await trio.lowlevel.checkpoint()
        raise error

    return fail


@cache
def contexts(version: ssl.TLSVersion) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context that agree on this version of TLS."""
    server, trusting = tls_contexts()
    client = ssl.create_default_context(cadata=b"".join(trusting.get_ca_certs(binary_form=True)))
    client.maximum_version = version
    return server, client


class TlsPeer:
    """The other side of a TLS connection: its records can be held, joined and bent."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server_side: bool) -> None:
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            server_hostname=None if server_side else HOST,
        )

    async def handshake(self, say: bytes = b"") -> None:
        """Shake hands; `say` goes into one packet with the last that has to be sent."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.sock.sendall(self._outgoing.read())
                await self._hear()
            except ssl.SSLError:
                self.sock.sendall(self._outgoing.read())
                raise
            else:
                flight = self._outgoing.read()
                self.sock.sendall(flight + (self.records(say) if say else b""))
                return

    def records(self, data: bytes) -> bytes:
        """What has to be sent so that the other side reads `data`."""
        self._tls.write(data)
        return self._outgoing.read()

    def goodbye(self) -> bytes:
        """What has to be sent so that the other side sees the end [RFC 8446 6.1]."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        return self._outgoing.read()

    async def read(self) -> bytes:
        """What the other side said since; b"" once it said goodbye."""
        while True:
            try:
                return self._tls.read(1 << 20)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                await self._hear()

    async def _hear(self) -> None:
        await trio.lowlevel.wait_readable(self.sock)
        if data := self.sock.recv(65536):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
