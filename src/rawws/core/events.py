"""What a protocol reports, in the order it happened.

A server sees a `Request` first; a client sees `Accepted` or `Rejected`. Then come messages,
pings and pongs, and at last one `Closed`.
"""

from __future__ import annotations

from .close import Close
from .errors import RemoteProtocolError
from .http import Request, Response
from .record import Record


class Accepted(Record):
    """The server agreed to the upgrade; the connection is open.

    Attributes:
        response: its 101.
        subprotocol: the one it chose of those offered, or `None`.
        extensions: what was agreed, as the header has it, "" for none.
    """

    __slots__ = __match_args__ = ("response", "subprotocol", "extensions")

    response: Response
    subprotocol: str | None
    extensions: str

    def __init__(self, response: Response, subprotocol: str | None, extensions: str) -> None:
        object.__setattr__(self, "response", response)
        object.__setattr__(self, "subprotocol", subprotocol)
        object.__setattr__(self, "extensions", extensions)


class Rejected(Record):
    """The server answered with something else than 101; nothing more will come."""

    __slots__ = __match_args__ = ("response",)

    response: Response

    def __init__(self, response: Response) -> None:
        object.__setattr__(self, "response", response)


class Message(Record):
    """A whole message: `str` for a text message, `bytes` for a binary one [5.6]."""

    __slots__ = __match_args__ = ("data",)

    data: str | bytes

    def __init__(self, data: str | bytes) -> None:
        object.__setattr__(self, "data", data)


class MessagePart(Record):
    """A piece of a message that is taken as its bytes arrive.

    Attributes:
        data: text is cut between code points. May be empty.
        final: whether the message ends with it.
    """

    __slots__ = __match_args__ = ("data", "final")

    data: str | bytes
    final: bool

    def __init__(self, data: str | bytes, final: bool) -> None:
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "final", final)


class Ping(Record):
    """A Ping came; its Pong is queued already [5.5.2]."""

    __slots__ = __match_args__ = ("payload",)

    payload: bytes

    def __init__(self, payload: bytes) -> None:
        object.__setattr__(self, "payload", payload)


class Pong(Record):
    """A Pong came, asked for or not [5.5.3]."""

    __slots__ = __match_args__ = ("payload",)

    payload: bytes

    def __init__(self, payload: bytes) -> None:
        object.__setattr__(self, "payload", payload)


class Closed(Record):
    """Nothing more can be received.

    Attributes:
        close: how it ended.
        error: the violation that ended it, if one did.
    """

    __slots__ = __match_args__ = ("close", "error")

    close: Close
    error: RemoteProtocolError | None

    def __init__(self, close: Close, error: RemoteProtocolError | None = None) -> None:
        object.__setattr__(self, "close", close)
        object.__setattr__(self, "error", error)


Event = Request | Accepted | Rejected | Message | MessagePart | Ping | Pong | Closed
