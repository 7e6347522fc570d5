"""What users hold: one open WebSocket."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Coroutine, Iterable
from typing import Any

import trio

from ..core.close import Close, encode_close
from ..core.conversation import State
from ..core.encoder import Data
from ..core.errors import LocalProtocolError
from ..core.http import Request, Response
from .connection import Connection
from .errors import ConnectionEnded
from .message_stream import MessageStream, as_pieces


class WebSocket(trio.abc.Channel["str | bytes"]):
    """One open WebSocket, of a client or a server; text messages are `str`, binary `bytes`.

    `serve` and `connect` make these. Iterating receives messages: it ends at a good close
    and raises `ConnectionBroken` at any other. One task may receive while others send.

    Attributes:
        request: the request of the handshake; on a server with the `state` that
            `on_request` left there.
        response: the answer to it; on a server `None`.
        subprotocol: what both sides agreed on, or `None`.
        extensions: likewise, as the header has it, "" for none.
        local_address, remote_address: of the socket, as its `getsockname` and
            `getpeername` had it when the connection was made; `None` where there is none.
    """

    __slots__ = (
        "_connection",
        "_receiving",
        "_stream",
        "extensions",
        "local_address",
        "remote_address",
        "request",
        "response",
        "subprotocol",
    )

    def __init__(
        self,
        connection: Connection,
        *,
        request: Request,
        response: Response | None,
        subprotocol: str | None,
        extensions: str,
        local_address: Any,
        remote_address: Any,
    ) -> None:
        self._connection = connection
        self._receiving = False
        self._stream: MessageStream | None = None
        self.request = request
        self.response = response
        self.subprotocol = subprotocol
        self.extensions = extensions
        self.local_address = local_address
        self.remote_address = remote_address

    def __repr__(self) -> str:
        state = self._connection.protocol.state.name.lower()
        return f"<{type(self).__name__} {self.request.target} {self.remote_address} {state}>"

    @property
    def closed(self) -> Close | None:
        """`None` while the connection is open, then how it ended; 1006 after a loss."""
        return self._connection.protocol.closed

    @property
    def latency(self) -> float | None:
        """Seconds that the last answered ping took, `None` before there was one."""
        return self._connection.pings.latency

    # -- receiving

    async def receive(self) -> str | bytes:
        """Wait for the next message and return it.

        Raises:
            ConnectionEnded: closed with 1000, 1001 or no code, and all was received.
            ConnectionBroken: any other end; what came before it was received first.
            trio.ClosedResourceError: this WebSocket was closed here.
            trio.BusyResourceError: another task is receiving.

        Cancellation: nothing is lost; the next `receive` gets the message.
        """
        return await self._receive(iterating=False)

    # Iteration goes here directly: every coroutine between a task and what it waits for is
    # entered and left with each message.
    def __anext__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
    ) -> Coroutine[Any, Any, str | bytes]:
        return self._receive(iterating=True)

    async def _receive(self, iterating: bool) -> str | bytes:
        if self._receiving or self._stream is not None:
            self._check_receiving()
        self._receiving = True
        connection = self._connection
        try:
            if not connection.quiet:  # or `read` will be the checkpoint
                await connection.home.pause()
            while connection.quiet or (message := connection.poll_data()) is None:
                await connection.read()
            return message
        except ConnectionEnded:
            if iterating:
                raise StopAsyncIteration from None
            raise
        finally:
            self._receiving = False

    def receive_nowait(self) -> str | bytes:
        """The next message, if it has arrived already.

        Raises:
            trio.WouldBlock: it has not.
            ConnectionEnded, ConnectionBroken, trio.ClosedResourceError,
            trio.BusyResourceError: as `receive`.
        """
        self._check_receiving()
        connection = self._connection
        message = connection.poll_data()
        if message is None:
            connection.pull_if_free()
            message = connection.poll_data()
        if message is None:
            raise trio.WouldBlock
        return message

    def receive_stream(self) -> MessageStream:
        """The next message piece by piece, as its bytes arrive; see `MessageStream`.

        What is left of the message when something else is received is skipped.
        """
        self._check_receiving()
        self._stream = MessageStream(self._connection)
        return self._stream

    def _check_receiving(self) -> None:
        """One task receives at a time; a message that was begun in pieces is left."""
        if self._receiving or (self._stream is not None and self._stream.busy):
            raise trio.BusyResourceError("another task is receiving from this WebSocket")
        if self._stream is not None:
            self._stream.abandon()
            self._stream = None

    # -- sending

    async def send(
        self, value: Data, *, text: bool | None = None, compress: bool | None = None
    ) -> None:
        """Send a message: `str` as text, bytes-like as binary.

        Waits while the outbox is full (`Limits.send_buffer`), first come, first served.
        When it returns, the message is on its way or in the outbox, which goes on writing.

        Args:
            value: the message.
            text: True sends bytes as a text message, False a `str` as a binary one.
            compress: True or False overrides `Deflate.threshold`.

        Raises:
            LocalProtocolError: `value` cannot be sent; the connection is still good.
            ConnectionBroken: the connection is over, or its end has begun.
            trio.ClosedResourceError: this WebSocket was closed here.

        Cancellation: nothing was sent. A message is sent whole or not at all.
        """
        connection = self._connection
        await connection.home.pause()
        outbox = connection.outbox
        if not outbox.free or outbox.size >= outbox.limit:  # `has_room` would be a call more
            await self._wait_room()
        try:
            frame = connection.protocol.message(value, text, compress)
        except BaseException:
            outbox.pass_on()
            raise
        if connection.quiet or not connection.protocol.buffered:
            outbox.put(frame)
        else:  # the next to be received may have an answer, too
            outbox.put_soon(frame)
        if outbox.failure is not None:
            raise connection.end(sending=True)

    def send_nowait(
        self, value: Data, *, text: bool | None = None, compress: bool | None = None
    ) -> None:
        """Send a message if the outbox has room for it now.

        Raises:
            trio.WouldBlock: it has none; nothing was sent.
            LocalProtocolError, ConnectionBroken, trio.ClosedResourceError: as `send`.
        """
        connection = self._connection
        connection.check_open()
        if not connection.outbox.has_room:
            raise trio.WouldBlock
        connection.outbox.put(connection.protocol.message(value, text, compress))
        if connection.outbox.failure is not None:
            raise connection.end(sending=True)

    async def send_stream(
        self,
        pieces: Iterable[Data] | AsyncIterable[Data],
        *,
        text: bool | None = None,
    ) -> None:
        """Send one message in fragments, a piece at a time; other senders wait meanwhile.

        Args:
            pieces: all `str`, or all bytes-like. Bytes that are sent as text are to be cut
                between characters.
            text: as in `send`.

        Raises:
            As `send`, and whatever `pieces` raises.

        Cancellation: as any failure once the first piece is sent, it leaves half a message,
        so the connection is closed with 1011. Before that nothing was sent.
        """
        connection = self._connection
        source = as_pieces(pieces)
        await connection.home.pause()
        if not connection.outbox.has_room:
            await self._wait_room()
        outbox = connection.outbox
        outbox.reserve()
        try:
            connection.check_open()
            async for piece in source:
                await self._send_part(piece, final=False, text=text)
            await self._send_part(b"", final=True, text=text)  # it may be long after the last
        except BaseException:
            if connection.protocol.sending_parts:
                connection.fail(1011, "a message was not finished")
            raise
        finally:
            outbox.release(keep=connection.protocol.state is State.OPEN)

    async def _send_part(self, piece: Data, *, final: bool, text: bool | None) -> None:
        connection = self._connection
        await connection.home.pause()
        await connection.outbox.wait_space()
        connection.check_open()
        connection.protocol.send_part(piece, final=final, text=text)
        connection.flush()
        if connection.outbox.failure is not None:
            raise connection.end(sending=True)

    async def _wait_room(self) -> None:
        connection = self._connection
        connection.check_open()
        await connection.outbox.wait_room()
        try:
            connection.check_open()
        except BaseException:
            connection.outbox.pass_on()
            raise

    # -- liveness and the end

    async def ping(self, payload: bytes | None = None) -> float:
        """Send a Ping and wait for its Pong [5.5.2].

        Args:
            payload: at most 125 bytes; by default 4 random ones.

        Returns:
            Seconds there and back.

        Raises:
            LocalProtocolError: the payload is too long, or waits for its Pong already.
            ConnectionEnded, ConnectionBroken, trio.ClosedResourceError: as `receive`; a
                peer that does not answer breaks the connection after `Timeouts.ping`.

        Cancellation: the Ping may have been sent; its Pong will be ignored.
        """
        connection = self._connection
        if payload is None:
            payload = os.urandom(4)
        await connection.home.pause()
        connection.check_open()
        if isinstance(payload, bytes) and payload in connection.pings:
            raise LocalProtocolError(f"a ping with payload {payload!r} waits for its pong")
        start = trio.current_time()
        connection.ping(payload)
        try:
            while True:
                connection.gather()
                if payload not in connection.pings:
                    return trio.current_time() - start
                connection.check_open(sending=False)
                await connection.read()
        finally:
            connection.pings.forget(payload)

    async def wait_closed(self) -> Close:
        """Wait until the connection is closed, and return how; for who only sends.

        Messages that nobody receives meanwhile are kept up to `Limits.receive_buffer`;
        beyond that the peer is held back, and its Close is not seen.

        Cancellation: nothing happened.
        """
        connection = self._connection
        await connection.home.pause()
        while True:
            connection.gather()
            if (close := connection.protocol.closed) is not None:
                return close
            await connection.read()

    async def aclose(self, code: int | None = 1000, reason: str = "") -> None:
        """Close: send a Close, wait for the peer's, and close the socket [7.1.2].

        Takes `Timeouts.close` seconds at most, then closes all the same. Messages that
        were not received are dropped. After this every method raises
        `trio.ClosedResourceError`; calling it again does no harm.

        Args:
            code: 1000 to 1014 without 1004, 1005 and 1006, or 3000 to 4999; `None` for none.
            reason: at most 123 bytes of UTF-8.

        Raises:
            LocalProtocolError: code or reason may not be sent; the connection is still good.

        Cancellation: the socket is closed at once; the Close may be lost.
        """
        encode_close(code, reason)
        connection = self._connection
        connection.give_up(code, reason)
        try:
            connection.gather()
            if connection.closed:  # or `read` will be the checkpoint
                await trio.lowlevel.checkpoint()
            while not connection.closed:
                await connection.read()
                connection.gather()
        except BaseException:
            connection.leave(1000)
            raise
