"""TLS over a plain socket: `ssl.MemoryBIO` between the records and the direct calls.

Records are made by `seal` when their turn to be written has come, because a record that was
made must be sent: the next one counts on it.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import trio

from .streams import CHUNK, DirectSocket


class TlsSocket:
    """TLS on a `DirectSocket`; `handshake` comes first.

    Args:
        sock: taken over.
        context: of the side that is meant.
        server_side: which side this is.
        server_hostname: for SNI and the certificate's check, on the client's side.
    """

    __slots__ = ("_ended", "_failure", "_incoming", "_outgoing", "_socket", "_tls")

    has_halves = True

    def __init__(
        self,
        sock: DirectSocket,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
    ) -> None:
        self._socket = sock
        self._ended = False  # the peer said goodbye in TLS's way, or TLS failed:
        self._failure: ssl.SSLError | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        try:
            self._tls = context.wrap_bio(
                self._incoming,
                self._outgoing,
                server_side=server_side,
                server_hostname=server_hostname,
            )
        except BaseException:  # a context for the other side, or a name that is none
            sock.close()
            raise

    async def handshake(self) -> None:
        """Shake hands.

        Raises:
            ssl.SSLError: the peer is refused, or refuses, or speaks no TLS.
            trio.BrokenResourceError: the connection is lost.

        Cancellation: the socket is good for nothing but closing.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._socket.wait_readable()
                self._feed()
            except ssl.SSLEOFError as error:
                raise trio.BrokenResourceError("connection lost in the TLS handshake") from error
            except ssl.SSLError:
                with suppress(trio.BrokenResourceError):
                    await self._flush()  # the alert that says why
                raise
            else:
                await self._flush()
                return

    @property
    def closed(self) -> bool:
        return self._socket.closed

    @property
    def local_address(self) -> Any:
        return self._socket.local_address

    @property
    def remote_address(self) -> Any:
        return self._socket.remote_address

    def receive_nowait(self) -> bytes | None:
        """All that a read of the socket completes, so that nothing waits unseen in here."""
        pieces = [] if self._ended else self._read()
        if pieces:
            return b"".join(pieces)
        if self._failure is not None:
            raise trio.BrokenResourceError(f"TLS failed: {self._failure}") from self._failure
        return b"" if self._ended else None

    def wait_readable(self) -> Awaitable[None]:
        if self._ended and not self.closed:  # TCP's end may never come
            return trio.lowlevel.checkpoint()
        return self._socket.wait_readable()

    def interrupt(self) -> None:
        self._socket.interrupt()

    def seal(self, data: bytes) -> bytes:
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS failed: {error}") from error
        return self._outgoing.read()

    def send_nowait(self, data: bytes | memoryview) -> int:
        return self._socket.send_nowait(data)

    async def send_some(self, data: memoryview) -> int:
        return await self._socket.send_some(data)

    def send_eof(self) -> None:
        """Say goodbye in TLS's way [RFC 8446 6.1], then in TCP's."""
        with suppress(ssl.SSLError):  # it wants the peer's goodbye, which may come or not
            self._tls.unwrap()
        try:
            self._socket.send_nowait(self._outgoing.read())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        self._socket.send_eof()

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> list[bytes]:
        pieces: list[bytes] = []
        at_end = not self._feed()
        try:
            while self._incoming.pending or self._tls.pending() or at_end:
                piece = self._tls.read(CHUNK)
                if not piece:
                    raise ssl.SSLZeroReturnError
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._ended = True
        except ssl.SSLError as error:
            self._ended = True
            self._failure = error
        return pieces

    def _feed(self) -> bool:
        """Move what has arrived into TLS; False if the socket is at its end."""
        data = self._socket.receive_nowait()
        if data:
            self._incoming.write(data)
        elif data is not None:
            self._incoming.write_eof()
            return False
        return True

    async def _flush(self) -> None:
        rest = memoryview(self._outgoing.read())
        while rest:
            rest = rest[self._socket.send_nowait(rest) :]
            if rest:
                rest = rest[await self._socket.send_some(rest) :]
