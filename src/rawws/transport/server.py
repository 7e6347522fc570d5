"""The server: connections accepted, upgraded, and handed to a handler."""

from __future__ import annotations

import logging
import select
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import trio

from ..core.close import encode_close
from ..core.http import Request, Response
from ..core.protocol import ServerProtocol
from .connection import Connection
from .errors import ConnectionClosed
from .home import Home
from .listener import Trouble, accept_all
from .readiness import Readiness, WatchedSocket
from .streams import ByteStream, DirectSocket, adopt, give_up_socket
from .tls import TlsSocket
from .upgrade import Policy, passes, upgrade
from .websocket import WebSocket

logger = logging.getLogger("rawws.server")

Handler = Callable[[WebSocket], Awaitable[object]]
Listener = socket.socket | trio.abc.Listener[trio.abc.Stream]

RETRY_AFTER = "5"  # seconds, for who is turned away because of too many connections


class Server:
    """A running server; `await nursery.start(rawws.serve, handler, port)` gives it."""

    def __init__(
        self,
        handler: Handler,
        policy: Policy,
        listeners: Sequence[Listener],
        ssl_context: ssl.SSLContext | None,
        max_connections: int | None,
        max_connections_per_ip: int | None,
    ) -> None:
        self._handler = handler
        self._policy = policy
        self._listeners = listeners
        self._ssl_context = ssl_context
        self._max_connections = max_connections
        self._max_per_ip = max_connections_per_ip
        self._websockets: dict[Connection, WebSocket] = {}
        self._per_ip: Counter[str] = Counter()
        self._handshakes: set[trio.CancelScope] = set()
        self._accepting = trio.CancelScope()
        self._tasks = 0
        self._closing = False
        self._idle = trio.Event()
        self._make_socket: Callable[[socket.socket], DirectSocket] = DirectSocket

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What it listens on: sockets, and what was given as `listeners`."""
        return tuple(self._listeners)

    @property
    def port(self) -> int | None:
        """The TCP port of the first listener that has one."""
        for listener in self._listeners:
            if isinstance(listener, socket.socket) and listener.family != socket.AF_UNIX:
                with suppress(OSError):  # closed already
                    port: int = listener.getsockname()[1]
                    return port
        return None

    @property
    def connections(self) -> frozenset[WebSocket]:
        """The open WebSockets."""
        return frozenset(self._websockets.values())

    async def aclose(self, code: int = 1001, reason: str = "", grace: float = 10) -> None:
        """Stop: listen no more, say goodbye to everyone, and wait for the handlers.

        `receive` in handlers ends with `ConnectionEnded` once what had arrived is read.
        Then `serve` returns.

        Args:
            code: sent to every peer, as `reason`.
            grace: seconds that handlers and peers have; then they are cancelled.

        Raises:
            LocalProtocolError: code or reason may not be sent; nothing happened.

        Cancellation: listening has stopped, and the goodbyes are said.
        """
        encode_close(code, reason)
        self._closing = True
        self._accepting.cancel()
        self.stop_listening()
        for handshake in self._handshakes:
            handshake.cancel()
        for connection in tuple(self._websockets):
            connection.drain(code, reason)
        if self._tasks:
            with trio.move_on_after(grace) as scope:
                await self._idle.wait()
            if scope.cancelled_caught:
                self._handlers.cancel_scope.cancel()
                await self._idle.wait()
        await trio.lowlevel.checkpoint()

    def stop_listening(self) -> None:
        """Close the listening sockets."""
        for listener in self._listeners:
            if isinstance(listener, socket.socket) and listener.fileno() >= 0:
                trio.lowlevel.notify_closing(listener.fileno())
                listener.close()

    async def run(self, home: Home, task_status: trio.TaskStatus[Server]) -> None:
        """Serve until closed or cancelled."""
        self._home = home
        if hasattr(select, "epoll"):
            readiness = Readiness()
            home.start_task(readiness.run)
            self._make_socket = partial(WatchedSocket, readiness=readiness)
        try:
            async with trio.open_nursery() as self._handlers:
                with self._accepting:
                    async with trio.open_nursery() as accepting:
                        for listener in self._listeners:
                            accepting.start_soon(self._listen, listener)
                        task_status.started(self)
        finally:
            self.stop_listening()

    @property
    def live(self) -> dict[Connection, WebSocket]:
        """The open connections, for the heartbeat."""
        return self._websockets

    async def _listen(self, listener: Listener) -> None:
        with suppress(trio.ClosedResourceError):
            if isinstance(listener, socket.socket):
                await accept_all(listener, self._take)
            else:
                await self._accept_foreign(listener)

    async def _accept_foreign(self, listener: trio.abc.Listener[trio.abc.Stream]) -> None:
        trouble = Trouble()
        async with listener:
            while True:
                try:
                    self._take(await listener.accept())
                except OSError as error:
                    await trouble.wait_out(error)

    def _take(self, accepted: socket.socket | trio.abc.Stream) -> None:
        self._tasks += 1
        self._handlers.start_soon(self._serve, accepted)

    async def _serve(self, accepted: socket.socket | trio.abc.Stream) -> None:
        """One connection, from its first byte to its last.

        The handler is awaited right here: a coroutine in between would be gone through with
        every message, and take memory for as long as the connection lives.
        """
        stream: ByteStream | None = None
        try:
            stream = self._wrap(accepted)
            protocol = await self._upgrade(stream)
            if protocol is None:
                return
            connection, websocket = self._join(protocol, stream)
            try:
                try:
                    await self._handler(websocket)
                    code = 1000
                except BaseException as error:
                    code = self._judge(error, connection, websocket)
                await websocket.aclose(code)
            finally:
                self._part(connection)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as error:
            logger.debug("connection lost: %s", error)
        finally:
            if stream is not None:
                stream.close()
            self._tasks -= 1
            if self._closing and not self._tasks:
                self._idle.set()

    def _wrap(self, accepted: socket.socket | trio.abc.Stream) -> ByteStream:
        context = self._ssl_context
        if type(accepted) is trio.SocketStream:
            accepted = give_up_socket(accepted)
        if isinstance(accepted, socket.socket):
            sock = self._make_socket(accepted)
            return sock if context is None else TlsSocket(sock, context, server_side=True)
        if context is not None:
            accepted = trio.SSLStream(accepted, context, server_side=True, https_compatible=True)
        return adopt(accepted, self._home.start_task)

    async def _upgrade(self, stream: ByteStream) -> ServerProtocol | None:
        timeout = self._policy.timeouts.handshake
        with trio.CancelScope() as scope:
            self._handshakes.add(scope)
            if self._closing:  # accepted just before
                scope.cancel()
            try:
                if isinstance(stream, TlsSocket):
                    with trio.fail_after(float("inf") if timeout is None else timeout):
                        await stream.handshake()
                return await upgrade(stream, self._policy, self._busy, scope)
            except trio.TooSlowError:
                logger.debug("TLS handshake took too long")
            finally:
                self._handshakes.discard(scope)
        return None

    def _busy(self, request: Request) -> Response | None:
        """What to answer when there are too many connections."""
        full = self._closing or (
            self._max_connections is not None and len(self._websockets) >= self._max_connections
        )
        if not full and self._max_per_ip is not None and (ip := _ip(request.remote_address)):
            full = self._per_ip[ip] >= self._max_per_ip
        if full:
            return Response(503, {"Retry-After": RETRY_AFTER}, "too many connections\n")
        return None

    def _join(self, protocol: ServerProtocol, stream: ByteStream) -> tuple[Connection, WebSocket]:
        """The upgrade is done: one connection more."""
        policy = self._policy
        connection = Connection(protocol, stream, self._home, policy.limits, policy.timeouts)
        assert protocol.request is not None
        websocket = WebSocket(
            connection,
            request=protocol.request,
            response=None,
            subprotocol=protocol.subprotocol,
            extensions=protocol.extensions,
            local_address=stream.local_address,
            remote_address=protocol.request.remote_address,
        )
        self._websockets[connection] = websocket
        self._per_ip[_ip(websocket.remote_address)] += 1
        return connection, websocket

    def _part(self, connection: Connection) -> None:
        """One connection less. If it was cancelled, nothing may be waited for."""
        connection.leave(1001)
        ip = _ip(self._websockets.pop(connection).remote_address)
        self._per_ip[ip] -= 1
        if not self._per_ip[ip]:
            del self._per_ip[ip]

    @staticmethod
    def _judge(error: BaseException, connection: Connection, websocket: WebSocket) -> int:
        """The close code for a handler that ended in `error`; what is to pass is raised again."""

        def is_good_end(error: BaseException) -> bool:
            return isinstance(error, ConnectionClosed) or (
                isinstance(error, trio.ClosedResourceError) and connection.given_up
            )

        _, rest = BaseExceptionGroup("", [error]).split(is_good_end)
        passing, bugs = (None, None) if rest is None else rest.split(passes)
        try:
            if bugs is not None:
                logger.error("handler failed for %r", websocket, exc_info=error)
            if passing is not None:
                connection.leave(1001 if bugs is None else 1011)
                if passing.exceptions != (error,):
                    raise passing from None
                raise error
            return 1000 if bugs is None else 1011
        finally:
            del error, rest, passing, bugs  # or they would hold this frame, and the connection


def _ip(address: Any) -> str:
    """A peer's address without its port; "" for who has none, as over a Unix socket."""
    return str(address[0]) if isinstance(address, tuple) else ""
