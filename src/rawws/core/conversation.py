"""What both roles of the protocol share: all that comes after the handshake.

The state is one of four, and only moves on:

    CONNECTING --accepted--> OPEN --our Close--> CLOSING --peer's Close--> CLOSED

and from anywhere straight to CLOSED: by the peer's Close (which is answered), by its
violation (which gets one Close with the code it is owed [7.1.7]), by the end of the stream.
In CLOSED there is no reader any more, so late bytes cannot be parsed [7.1.1].

`receive_data` only keeps the bytes. Events are decoded one at a time, as they are asked
for; what nobody asks for costs no more memory than its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto

from .close import Close, clip_reason, encode_close
from .deflate import PerMessageDeflate
from .encoder import Data, Encoder
from .errors import LocalProtocolError, RemoteProtocolError
from .events import Closed, Event, Message, MessagePart, Ping, Pong
from .frames import FrameEvent, FrameReader
from .limits import Limits


class State(Enum):
    """Where a connection is in its life."""

    CONNECTING = auto()
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


# Looking a member up in its class takes five times as long, and there are a few on the way
# of every message.
CONNECTING, OPEN, CLOSING, CLOSED = State


class Conversation:
    """A WebSocket connection without IO, of either role.

    Attributes:
        state: where the connection is in its life.
        closed: how it ended, `None` before that.
        close_received: the peer's Close frame, once there was one.
        close_sent: our Close frame, once it is queued.
        error: the violation that ended it, if one did.
        reader: what decodes the peer's frames; `None` before the first and after the last.
            Who asks its `next_message` first saves `next_event` the common case.
    """

    __slots__ = (
        "_encoder",
        "_ended",
        "_fast_lane",
        "_limits",
        "_out",
        "_pong",
        "_random",
        "close_received",
        "close_sent",
        "closed",
        "error",
        "reader",
        "state",
    )

    def __init__(
        self, limits: Limits, random: Callable[[int], bytes] | None, fast_lane: bool
    ) -> None:
        self.state = CONNECTING
        self.closed: Close | None = None
        self.close_received: Close | None = None
        self.close_sent: Close | None = None
        self.error: RemoteProtocolError | None = None
        self._limits = limits
        self._random = random
        self._fast_lane = fast_lane
        self._encoder: Encoder | None = None
        self.reader: FrameReader | None = None
        self._out: list[bytes] = []
        self._pong: bytes | None = None  # one slot, the newest wins [5.5.3]
        self._ended = False  # the peer's stream is at its end

    # -- in

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take what the peer sent; `b""` is the end of its stream.

        Raises:
            LocalProtocolError: data after the end.
        """
        if self.state is CLOSED:
            return
        if type(data) is not bytes:
            data = bytes(data)
        if self._ended and data:
            raise LocalProtocolError(f"{len(data)} bytes after the end of the stream")
        if not data:
            self._ended = True
        if self.reader is not None:
            self.reader.feed(data)
        else:
            self._feed_handshake(data)

    def events(self) -> Iterator[Event]:
        """All that has happened, up to where more bytes are needed."""
        while (event := self.next_event()) is not None:
            yield event

    def next_event(self, parts: bool = False) -> Event | None:
        """What happened next, `None` if more bytes are needed.

        Args:
            parts: whether a message is wanted in pieces (`MessagePart`), as they arrive.
        """
        reader = self.reader
        if reader is None:
            return self._handshake_event() if self.state is CONNECTING else None
        try:
            event = reader.next(parts)
            if type(event) is Message:
                return event
            if self.state is CLOSED:
                event = self._leftover(reader, event, parts)
        except RemoteProtocolError as error:
            return self._fail(error)
        if event is None:
            ended = self._ended and self.state is not CLOSED
            return self._lost() if ended else None
        if isinstance(event, Close):
            return self._answer_close(event)
        if isinstance(event, Ping):
            self._pong = event.payload
        return event

    @property
    def buffered(self) -> int:
        """Bytes received and not decoded yet."""
        return 0 if self.reader is None else self.reader.buffered

    def skip_message(self) -> None:
        """Drop what is still to come of the message of which parts were taken."""
        if self.reader is not None:
            self.reader.skip_message()

    # -- out

    def data_to_send(self) -> bytes:
        """All that is queued, taken from the queue: whole frames, in order."""
        self._queue_pong()
        if len(self._out) == 1:
            return self._out.pop()
        data = b"".join(self._out)
        self._out.clear()
        return data

    def send_message(
        self, data: Data, *, text: bool | None = None, compress: bool | None = None
    ) -> None:
        """Queue a message in one frame.

        Args:
            data: `str` goes out as text, bytes-like as binary.
            text: True sends bytes as a text message, False a `str` as a binary one.
            compress: True or False overrides the threshold of `Deflate`.

        Raises:
            LocalProtocolError: the connection is not open, a fragmented message has not
                ended, or `data` is not what a message can be. Nothing is queued.
        """
        self._out.append(self.message(data, text, compress))

    def message(self, data: Data, text: bool | None = None, compress: bool | None = None) -> bytes:
        """What `send_message` would queue, for who has a queue of their own.

        Once made it has to be sent, before what is made after it: a compressor counts on it.
        """
        if self.state is not OPEN or self._encoder is None:
            raise self._not_open()
        return self._encoder.message(data, text, compress)

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """A whole message as this side's frame, not queued and not compressed.

        On the server's side the frame is the same for every connection.
        """
        return self._open().frame(opcode, payload)

    @property
    def masks(self) -> bool:
        """Whether this side's frames are masked: the client's role [5.1]."""
        return self._random is not None

    def send_part(self, data: Data, *, final: bool, text: bool | None = None) -> None:
        """Queue the next fragment of a message, uncompressed.

        Raises:
            LocalProtocolError: as `send_message`; and for text and binary in one message.
        """
        self._out.append(self._open().part(data, final=final, text=text))

    @property
    def sending_parts(self) -> bool:
        """Whether a message of `send_part` has begun and not ended."""
        return self._encoder is not None and self._encoder.in_message

    def send_ping(self, payload: bytes = b"") -> None:
        """Queue a Ping of at most 125 bytes [5.5.2].

        Raises:
            LocalProtocolError: the connection is not open, or the payload is too long.
        """
        self._out.append(self._open().ping(payload))

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Queue a Close frame [7.1.2]. What the peer sent before its own still comes.

        Args:
            code: `None` sends a Close without one.
            reason: at most 123 bytes of UTF-8.

        Raises:
            LocalProtocolError: the connection is not open, or code or reason may not be
                sent. Nothing is queued.
        """
        encoder = self._open()
        self._send_close(encoder, code, reason)
        self.state = CLOSING

    def lost(self, reason: str = "", *, local: bool = False) -> None:
        """The connection is gone without the peer's Close: 1006 [7.1.5].

        Messages that are here already can still be taken.

        Args:
            reason: why, for `closed`.
            local: whether it was given up on this side.
        """
        reader = self.reader
        self._end(Close(1006, reason, "local" if local else "remote"))
        self.reader = reader

    # -- the roles fill in

    def _feed_handshake(self, data: bytes) -> None:
        raise NotImplementedError

    def _handshake_event(self) -> Event | None:
        raise NotImplementedError

    # -- between the two

    def _start(self, deflate: PerMessageDeflate | None, trailing: bytes) -> None:
        """The handshake is done; `trailing` are the first bytes after it."""
        self.state = OPEN
        self._encoder = Encoder(self._random, deflate)
        self.reader = FrameReader(
            client=self._random is not None,
            limits=self._limits,
            deflate=deflate,
            fast_lane=self._fast_lane,
        )
        self.reader.feed(trailing)

    def _leftover(
        self, reader: FrameReader, event: FrameEvent | None, parts: bool
    ) -> Message | MessagePart | None:
        """After a loss only messages count, of what was here already ahead of a Close."""
        while isinstance(event, Ping | Pong):
            event = reader.next(parts)
        if isinstance(event, Message | MessagePart):
            return event
        self.reader = None
        return None

    def _open(self) -> Encoder:
        if self.state is not OPEN or self._encoder is None:
            raise self._not_open()
        return self._encoder

    def _not_open(self) -> LocalProtocolError:
        return LocalProtocolError(f"connection is not open but {self.state.name}")

    def _send_close(self, encoder: Encoder, code: int | None, reason: str) -> None:
        payload = encode_close(code, reason)
        self._queue_pong()
        self._out.append(encoder.close(payload))
        self.close_sent = Close(1005 if code is None else code, reason, "local")

    def _queue_pong(self) -> None:
        if self._pong is not None and self._encoder is not None:
            if self.close_sent is None:
                self._out.append(self._encoder.pong(self._pong))
            self._pong = None

    def _answer_close(self, close: Close) -> Closed:
        self.close_received = close
        if self.close_sent is None and self._encoder is not None:
            self._send_close(self._encoder, None if close.code == 1005 else close.code, "")
            return self._end(close)
        return self._end(self.close_sent or close)

    def _fail(self, error: RemoteProtocolError) -> Closed | None:
        """_Fail the WebSocket Connection_ [7.1.7]."""
        if self.state is CLOSED:  # lost before
            self.reader = None
            return None
        # Its frames and its context would hold what was refused for as long as it is known.
        self.error = error.with_traceback(None)
        error.__context__ = None
        reason = clip_reason(str(error))
        if self.close_sent is None and self._encoder is not None:
            self._send_close(self._encoder, error.code, reason)
        # Before the upgrade there is no Close frame to have a code.
        code = 1006 if self._encoder is None else error.code
        return self._end(Close(code, reason, "local"))

    def _lost(self) -> Closed:
        return self._end(Close(1006, "", "remote"))

    def _end(self, close: Close) -> Closed:
        self.state = CLOSED
        self.reader = self._encoder = None
        if self.closed is None:
            self.closed = close
        return Closed(self.closed, self.error)
