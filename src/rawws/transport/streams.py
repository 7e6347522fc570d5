"""The byte streams under a WebSocket, behind one small interface.

A plain socket is called directly, and never waited for before it was tried: on Trio, a
task switch costs more than the system call. A foreign `trio.abc.Stream` can only be
awaited, so one task reads it ahead by one chunk, and all writing is left to the outbox's
drain task. TLS over a plain socket is in module `tls`.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Any, Protocol

import trio

CHUNK = 65536  # bytes asked for in one read
SLICE = 16384  # bytes given to a foreign stream at a time
NOT_SENT = 262144  # bytes the kernel takes beyond what it can send; more is our outbox's

# glibc hands free memory back to the kernel, page by page, and asks for it again with the next
# large message, which then costs half as much again. Once a block of this size was freed it
# keeps up to twice as much at hand (mallopt(3), M_MMAP_THRESHOLD). Elsewhere this does nothing.
KEPT = 4 * 2**20
bytes(KEPT)

StartTask = Callable[[Callable[[], Awaitable[None]]], None]


class ByteStream(Protocol):
    """What a connection needs of the stream under it.

    Anything that ends a stream other than its end raises `trio.BrokenResourceError`; after
    `close` everything raises `trio.ClosedResourceError`.
    """

    @property
    def local_address(self) -> Any:
        """Of the socket; `None` where there is none."""
        ...

    @property
    def remote_address(self) -> Any:
        """Of the socket; `None` where there is none."""
        ...

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        ...

    @property
    def has_halves(self) -> bool:
        """Whether `send_eof` ends the writing side; else only `close` ends anything."""
        ...

    def receive_nowait(self) -> bytes | None:
        """What has arrived; `None` if nothing has, `b""` at the end."""
        ...

    def wait_readable(self) -> Awaitable[None]:
        """Wait until `receive_nowait` may have something; to be awaited at once.

        Raises:
            trio.ClosedResourceError: it is closed. By `interrupt` and `close` it may end
                in this way or as if there were something.

        Cancelled: nothing happened.
        """
        ...

    def interrupt(self) -> None:
        """Wake the task that waits in `wait_readable`."""
        ...

    def seal(self, data: bytes) -> bytes:
        """What has to be written so that the peer reads `data`; in order, each once."""
        ...

    def send_nowait(self, data: bytes | memoryview) -> int:
        """Write what can be written at once of sealed bytes, and say how many were."""
        ...

    async def send_some(self, data: memoryview) -> int:
        """Wait until at least one sealed byte is written, and say how many were."""
        ...

    def send_eof(self) -> None:
        """End the writing side, where that can be done by halves."""
        ...

    def close(self) -> None:
        """Close at once; who waits on it is woken."""
        ...


class DirectSocket:
    """A connected standard socket, non-blocking, called directly.

    Args:
        sock: taken over; nobody else may use it.

    Attributes:
        ready: whether there may be something to read of which no edge will tell; for
            `WatchedSocket`.
    """

    __slots__ = ("_fd", "_socket", "closed", "ready")

    has_halves = True

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._fd = sock.fileno()
        self.closed = self.ready = False
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            # The peer may be gone already; then reading will tell.
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                if sys.platform == "linux":
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT)

    @property
    def local_address(self) -> Any:
        return self._address(self._socket.getsockname)

    @property
    def remote_address(self) -> Any:
        return self._address(self._socket.getpeername)

    def receive_nowait(self) -> bytes | None:
        try:
            data = self._socket.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            raise self._gone(error) from error
        self.ready = len(data) == CHUNK
        return data

    def wait_readable(self) -> Awaitable[None]:
        self._check_open()
        return trio.lowlevel.wait_readable(self._fd)

    def interrupt(self) -> None:
        if not self.closed:  # or the number may be another's by now
            trio.lowlevel.notify_closing(self._fd)

    def seal(self, data: bytes) -> bytes:
        return data

    def send_nowait(self, data: bytes | memoryview) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise self._gone(error) from error

    async def send_some(self, data: memoryview) -> int:
        while True:
            self._check_open()
            try:
                await trio.lowlevel.wait_writable(self._fd)
            except trio.ClosedResourceError:  # or it was just an interrupt
                pass
            except OSError as error:
                raise self._gone(error) from error
            if sent := self.send_nowait(data):
                return sent

    def send_eof(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            trio.lowlevel.notify_closing(self._fd)
            self._socket.close()

    def _check_open(self) -> None:
        if self.closed:
            raise trio.ClosedResourceError("this socket is closed")

    def _gone(self, error: OSError) -> Exception:
        if self.closed:
            return trio.ClosedResourceError("this socket is closed")
        return trio.BrokenResourceError(f"connection lost: {error}")

    @staticmethod
    def _address(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except OSError:  # closed, or the peer is gone
            return None


class ForeignStream:
    """Any `trio.abc.Stream`: memory, SSH channel, somebody's `SSLStream`.

    Args:
        stream: taken over; nobody else may use it.
        start_task: starts a task that outlives the connection's users: the one reader, and
            what has to be awaited for an end.
    """

    __slots__ = ("_chunk", "_error", "_readable", "_start_task", "_stream", "_taken", "closed")

    def __init__(self, stream: trio.abc.Stream, start_task: StartTask) -> None:
        self._stream = stream
        self._start_task = start_task
        self._chunk: bytes | None = None
        self._error: Exception | None = None
        self._readable = trio.Event()
        self._taken = trio.Event()
        self.closed = False
        start_task(self._read)

    @property
    def has_halves(self) -> bool:
        return isinstance(self._stream, trio.abc.HalfCloseableStream)

    @property
    def local_address(self) -> Any:
        return None

    @property
    def remote_address(self) -> Any:
        return None

    def receive_nowait(self) -> bytes | None:
        if self.closed:
            raise trio.ClosedResourceError("this stream is closed")
        chunk = self._chunk
        if chunk:
            self._chunk = None
            self._readable = trio.Event()
            self._taken.set()
        elif chunk is None and self._error is not None:
            raise trio.BrokenResourceError(f"stream failed: {self._error}") from self._error
        return chunk

    async def wait_readable(self) -> None:
        await self._readable.wait()
        if self.closed:
            raise trio.ClosedResourceError("this stream is closed")
        if self._chunk is None and self._error is None:
            self._readable = trio.Event()
            raise trio.ClosedResourceError("interrupted")

    def interrupt(self) -> None:
        self._readable.set()

    def seal(self, data: bytes) -> bytes:
        return data

    def send_nowait(self, data: bytes | memoryview) -> int:
        return 0

    async def send_some(self, data: memoryview) -> int:
        piece = bytes(data[:SLICE])
        try:
            await self._stream.send_all(piece)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise
        except Exception as error:  # whatever a foreign stream raises, it is gone
            raise trio.BrokenResourceError(f"stream failed: {error}") from error
        return len(piece)

    def send_eof(self) -> None:
        if isinstance(self._stream, trio.abc.HalfCloseableStream) and not self.closed:
            self._start_task(self._send_eof)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._readable.set()
            self._taken.set()
            self._start_task(self._close)

    async def _read(self) -> None:
        try:
            while not self.closed:
                self._chunk = bytes(await self._stream.receive_some(CHUNK))
                self._readable.set()
                if not self._chunk:
                    return
                await self._taken.wait()
                self._taken = trio.Event()
        except Exception as error:
            self._error = error
            self._readable.set()

    async def _send_eof(self) -> None:
        with suppress(Exception):
            assert isinstance(self._stream, trio.abc.HalfCloseableStream)
            await self._stream.send_eof()

    async def _close(self) -> None:
        # A polite end, such as TLS's, may wait for the peer; not for long.
        with suppress(Exception), trio.move_on_after(1):
            await self._stream.aclose()


def adopt(stream: trio.abc.Stream, start_task: StartTask) -> ByteStream:
    """The fastest way to `stream`: a plain `trio.SocketStream` gives up its socket."""
    if type(stream) is trio.SocketStream:
        return DirectSocket(give_up_socket(stream))
    return ForeignStream(stream, start_task)


def give_up_socket(stream: trio.SocketStream) -> socket.socket:
    """The standard socket under `stream`, which is good for nothing afterwards.

    Raises:
        trio.ClosedResourceError: it was closed already.
    """
    if stream.socket.fileno() < 0:
        raise trio.ClosedResourceError("this stream is closed")
    return socket.socket(fileno=stream.socket.detach())


def give_up_listener(
    listener: trio.abc.Listener[trio.abc.Stream],
) -> socket.socket | trio.abc.Listener[trio.abc.Stream]:
    """The standard socket under a plain `trio.SocketListener`; any other is left as it is."""
    if type(listener) is not trio.SocketListener:
        return listener
    sock = socket.socket(fileno=listener.socket.detach())
    sock.setblocking(False)
    return sock


async def send_all(stream: ByteStream, data: bytes, patience: float | None = None) -> None:
    """Write all of `data`; for what goes out before a connection has an outbox.

    Args:
        stream: what to write to.
        data: what the peer is to read.
        patience: seconds that the peer may take nothing, `None` for any time.

    Raises:
        trio.BrokenResourceError: the connection is lost, or patience.

    Cancelled: some of it may be written; the stream is good for nothing but closing.
    """
    rest = memoryview(stream.seal(data))
    rest = rest[stream.send_nowait(rest) :]
    while rest:
        with trio.move_on_after(inf if patience is None else patience) as scope:
            rest = rest[await stream.send_some(rest) :]
        if scope.cancelled_caught:
            raise trio.BrokenResourceError(f"peer took nothing for {patience} s")


async def linger(stream: ByteStream) -> None:
    """Let the peer read the last that was sent: end writing, drop input until its end.

    Closing at once would reset the connection if input is unread, and lose what is on its
    way. The caller sets the deadline.
    """
    stream.send_eof()
    with suppress(trio.BrokenResourceError, OSError):
        while stream.receive_nowait() != b"":
            await stream.wait_readable()
