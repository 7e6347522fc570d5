"""WebSockets (RFC 6455) for Trio.

`serve` and `connect` are the two ways in; both hand out `WebSocket`s. `ServerProtocol` and
`ClientProtocol` are the protocol without IO.
"""

from .core.close import Close, CloseCode
from .core.conversation import State
from .core.deflate import Deflate
from .core.errors import (
    HandshakeError,
    InvalidMessage,
    InvalidURL,
    LocalProtocolError,
    MessageTooBig,
    RawwsError,
    RemoteProtocolError,
)
from .core.events import (
    Accepted,
    Closed,
    Event,
    Message,
    MessagePart,
    Ping,
    Pong,
    Rejected,
)
from .core.handshake_client import HandshakeRejected
from .core.http import Headers, Request, Response
from .core.limits import Limits
from .core.origin import SAME_ORIGIN
from .core.protocol import ClientProtocol, ServerProtocol
from .transport.broadcast import broadcast
from .transport.client import connect
from .transport.errors import (
    ConnectionBroken,
    ConnectionClosed,
    ConnectionEnded,
    HandshakeTimeout,
)
from .transport.message_stream import MessageStream
from .transport.serve import serve
from .transport.server import Server
from .transport.timeouts import Timeouts
from .transport.websocket import WebSocket

__version__ = "0.1.0"

__all__ = [
    "SAME_ORIGIN",
    "Accepted",
    "ClientProtocol",
    "Close",
    "CloseCode",
    "Closed",
    "ConnectionBroken",
    "ConnectionClosed",
    "ConnectionEnded",
    "Deflate",
    "Event",
    "HandshakeError",
    "HandshakeRejected",
    "HandshakeTimeout",
    "Headers",
    "InvalidMessage",
    "InvalidURL",
    "Limits",
    "LocalProtocolError",
    "Message",
    "MessagePart",
    "MessageStream",
    "MessageTooBig",
    "Ping",
    "Pong",
    "RawwsError",
    "Rejected",
    "RemoteProtocolError",
    "Request",
    "Response",
    "Server",
    "ServerProtocol",
    "State",
    "Timeouts",
    "WebSocket",
    "__version__",
    "broadcast",
    "connect",
    "serve",
]
