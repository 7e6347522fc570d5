"""What a protocol reports, in the order it happened.

A server sees a `Request` first; a client sees `Accepted` or `Rejected`. Then come messages,
pings and pongs, and at last one `Closed`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .close import Close
from .errors import RemoteProtocolError
from .http import Request, Response


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server agreed to the upgrade; the connection is open.

    Attributes:
        response: its 101.
        subprotocol: the one it chose of those offered, or `None`.
        extensions: what was agreed, as the header has it, "" for none.
    """

    response: Response
    subprotocol: str | None
    extensions: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server answered with something else than 101; nothing more will come."""

    response: Response


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: `str` for a text message, `bytes` for a binary one [5.6]."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class MessagePart:
    """A piece of a message that is taken as its bytes arrive.

    Attributes:
        data: text is cut between code points. May be empty.
        final: whether the message ends with it.
    """

    data: str | bytes
    final: bool


@dataclass(frozen=True, slots=True)
class Ping:
    """A Ping came; its Pong is queued already [5.5.2]."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """A Pong came, asked for or not [5.5.3]."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing more can be received.

    Attributes:
        close: how it ended.
        error: the violation that ended it, if one did.
    """

    close: Close
    error: RemoteProtocolError | None = None


Event = Request | Accepted | Rejected | Message | MessagePart | Ping | Pong | Closed
