"""Protocol errors: whose doing it was, and what is owed for it.

A `LocalProtocolError` is the caller's: nothing was sent and the connection is as good as
before. A `RemoteProtocolError` is the peer's: its `code` is what it is owed, a close code
[RFC 6455 7.4.1] once the connection is open, an HTTP status before that.
"""

from __future__ import annotations


class RawwsError(Exception):
    """Everything that rawws raises of its own."""


class LocalProtocolError(RawwsError):
    """You asked for what the protocol forbids; nothing was sent, the connection is still good."""


class InvalidMessage(LocalProtocolError, TypeError):
    """What was given to be sent is neither `str` nor bytes-like; nothing was sent."""


class RemoteProtocolError(RawwsError):
    """The peer broke the protocol.

    Attributes:
        code: the close code owed to the peer, or, before the upgrade, the HTTP status.
    """

    def __init__(self, message: str, code: int = 1002) -> None:
        super().__init__(message)
        self.code = code


class MessageTooBig(RemoteProtocolError):
    """A message is larger than `Limits.max_message_size` [10.4].

    Attributes:
        size: bytes known to be in the message when it was refused.
        limit: bytes allowed.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"message of at least {size} bytes, {limit} allowed", 1009)
        self.size = size
        self.limit = limit


class InvalidURL(RawwsError, ValueError):
    """A URL that is no WebSocket URL [3]."""


class HandshakeError(RawwsError):
    """The upgrade to WebSocket did not happen."""
