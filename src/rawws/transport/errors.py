"""Everything that rawws raises, and whose doing each of it is.

    RawwsError
    ├ LocalProtocolError                 you asked for what the protocol forbids; nothing was
    │  │                                 sent, the connection is still good
    │  └ InvalidMessage (TypeError)      what is to be sent is neither str nor bytes-like
    ├ RemoteProtocolError                the peer broke the protocol; `code` is what it is owed
    │  └ MessageTooBig                   `size` bytes at least, `limit` allowed
    ├ InvalidURL (ValueError)
    ├ HandshakeError                     there was no upgrade
    │  ├ HandshakeRejected               the server answered with another status: `response`
    │  └ HandshakeTimeout
    └ ConnectionClosed                   `received` and `sent`: the Close frames, or None
       ├ ConnectionEnded (trio.EndOfChannel)
       │                                 closed with 1000, 1001 or no code, by the peer or by
       │                                 this server's own `aclose`, and all was read
       └ ConnectionBroken (trio.BrokenResourceError)
                                         any other end: `__cause__` says which; and any send
                                         after a Close

Trio's own errors mean what they mean everywhere in Trio: `trio.ClosedResourceError` after
this side's `WebSocket.aclose`, `trio.BusyResourceError` for two tasks in one `receive`,
`trio.WouldBlock` from a `*_nowait`. What the operating system says of a connection that
could not be made is an `OSError`, as in `trio.open_tcp_stream`.
"""

from __future__ import annotations

import trio

from ..core.close import Close
from ..core.errors import HandshakeError, RawwsError


class HandshakeTimeout(HandshakeError):
    """There was no upgrade within `Timeouts.handshake` seconds."""


class ConnectionClosed(RawwsError):
    """The connection is over.

    Attributes:
        received: the peer's Close frame, `None` if there was none.
        sent: this side's Close frame, `None` if there was none.
    """

    def __init__(
        self, received: Close | None, sent: Close | None, message: str = "connection closed"
    ) -> None:
        super().__init__(received, sent, message)
        self.received = received
        self.sent = sent
        self._message = message

    def __str__(self) -> str:
        return self._message


class ConnectionEnded(ConnectionClosed, trio.EndOfChannel):
    """A good end: closed with 1000, 1001 or no code, and everything was read."""


class ConnectionBroken(ConnectionClosed, trio.BrokenResourceError):
    """Any other end, its `__cause__` says which; or a send after a Close."""


def describe(close: Close) -> str:
    """A line on how a connection ended."""
    whose = "this side" if close.by == "local" else "the peer"
    reason = f" ({close.reason})" if close.reason else ""
    return f"closed by {whose} with {close.code}{reason}"


def ending(
    close: Close,
    received: Close | None,
    sent: Close | None,
    good: bool,
    cause: Exception | None,
) -> ConnectionClosed:
    """The error for a connection that is over, `ConnectionEnded` if its end was good."""
    error = (ConnectionEnded if good else ConnectionBroken)(received, sent, describe(close))
    error.__cause__ = cause
    return error
