"""Frames in: bytes become messages and control frames, one for each that is asked for [5].

Every header is parsed here, once, and every limit that a header can tell is applied before
a byte of payload is held. From there a frame goes one of two ways:

- The *fast lane* takes control frames, and data frames that are a message by themselves
  and not compressed.
- Everything else, fragments and compressed messages, goes through wsproto's frame decoder,
  which gets the bytes of exactly one frame at a time, never beyond. It gets them unmasked,
  in the client's role, so that unmasking is done once and in one way.

Either way the payload goes on as it arrives, into an `Assembly`. A compressed payload takes
the way round through `PerMessageDeflate`, which inflates it in steps.

Buffering and decoding are apart: `feed` only keeps the bytes, `next` and `next_message` decode
what one event needs. A packet of 100,000 tiny frames costs no more memory than its bytes.
"""

from __future__ import annotations

from wsproto.extensions import Extension
from wsproto.frame_protocol import FrameDecoder, ParseFailed

from .assembly import Assembly, as_text
from .close import Close, decode_close
from .deflate import STEP, PerMessageDeflate
from .errors import RemoteProtocolError
from .events import Message, MessagePart, Ping, Pong
from .limits import Limits
from .masking import apply_mask
from .opcodes import BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT

_LANE = {FIN | TEXT, FIN | BINARY}
_DATA = {fin | opcode for fin in (0, FIN) for opcode in (CONTINUATION, TEXT, BINARY)}
_PLAIN = frozenset(_DATA | {FIN | CLOSE, FIN | PING, FIN | PONG})
_WITH_DEFLATE = _PLAIN | {fin | RSV1 | opcode for fin in (0, FIN) for opcode in (TEXT, BINARY)}

# The headers that most messages have, by the mask bit: first two bytes -> where the payload
# begins, where it ends, and whether it is text. One look-up saves taking them apart.
_SHORT = {
    masked: {
        bytes((FIN | opcode, masked | length)): (start, start + length, opcode == TEXT)
        for opcode in (TEXT, BINARY)
        for length in range(126)
    }
    for masked, start in ((0, 2), (0x80, 6))
}
_NONE_SHORT: dict[bytes, tuple[int, int, bool]] = {}

FrameEvent = Message | MessagePart | Ping | Pong | Close


class FrameReader:
    """Decodes what one peer sends, after the handshake.

    Args:
        client: our role: a client refuses masked frames, a server unmasked ones [5.1].
        limits: `max_message_size` and `max_fragments` are applied here.
        deflate: permessage-deflate, if it was agreed upon.
        fast_lane: without it every data frame goes through wsproto. The events are the same.

    Attributes:
        buffered: bytes fed and not decoded yet; the last of `_data`.
    """

    __slots__ = (
        "_data",
        "_decoder",
        "_deflate",
        "_fast_lane",
        "_final",
        "_first_bytes",
        "_lane_limit",
        "_left",
        "_limits",
        "_mask",
        "_masked",
        "_message",
        "_short",
        "_through_decoder",
        "buffered",
    )

    def __init__(
        self,
        *,
        client: bool,
        limits: Limits,
        deflate: PerMessageDeflate | None = None,
        fast_lane: bool = True,
    ) -> None:
        self._masked = 0 if client else 0x80
        self._limits = limits
        self._deflate = deflate
        self._fast_lane = fast_lane
        limit = limits.max_message_size
        self._lane_limit = -1 if not fast_lane else 1 << 63 if limit is None else limit
        self._open_lane()
        self._first_bytes = _PLAIN if deflate is None else _WITH_DEFLATE
        self._data = b""
        self.buffered = 0
        self._decoder: FrameDecoder | None = None  # 0.6 KB, made when first needed
        self._message: Assembly | None = None  # the message that has begun
        self._left: int | None = None  # payload still to come of the data frame that has begun
        self._mask = b""  # turned to the next byte of that payload
        self._final = False
        self._through_decoder = False

    def feed(self, data: bytes) -> None:
        """Keep `data` for `next`."""
        if self.buffered:
            data = self._data[-self.buffered :] + data
        self._data = data
        self.buffered = len(data)

    def _advance(self, end: int) -> None:
        """All before `end` is decoded. What nobody needs any more is not held."""
        self.buffered = len(self._data) - end
        if not self.buffered:
            self._data = b""

    def skip_message(self) -> None:
        """Drop the message that has begun, and what is still to come of it."""
        if self._message is not None:
            self._message.discard()

    def next_message(self) -> str | bytes | None:
        """The next message, if it comes next, is short, and is here in one frame.

        `None` means that `next` has to look, and nothing else. This is what most calls are
        for, so nothing is done here that can be done there.
        """
        data = self._data
        size = len(data)
        pos = size - self.buffered
        found = self._short.get(data[pos : pos + 2])
        if found is None:
            return None
        start, end, is_text = found
        start += pos
        end += pos
        if end > size:
            return None
        payload = data[start:end]
        if self._masked:
            payload = apply_mask(payload, data[start - 4 : start])
        message: str | bytes = payload
        if is_text:
            try:
                message = payload.decode()
            except UnicodeDecodeError:
                return None
        self.buffered = size - end
        if end == size:
            self._data = b""
        return message

    def next(self, parts: bool = False) -> FrameEvent | None:
        """The next event, `None` if more bytes are needed.

        Args:
            parts: whether a data message is wanted piece by piece, as its bytes arrive.

        Raises:
            RemoteProtocolError: the peer broke the protocol or a limit. Nothing may be
                asked of this reader afterwards.
        """
        while True:
            if self._left is None:
                if not parts and (message := self.next_message()) is not None:
                    return Message(message)
                header = self._parse_header()
                if header is None:
                    return None
                length, overhead = header
                data = self._data
                pos = len(data) - self.buffered
                first, start = data[pos], pos + overhead
                end = start + length
                if (
                    first in _LANE
                    and end <= len(data)
                    and length <= self._lane_limit
                    and self._message is None
                    and not parts
                ):
                    payload = data[start:end]
                    if self._masked:
                        payload = apply_mask(payload, data[start - 4 : start])
                    self._advance(end)
                    return Message(payload if first == FIN | BINARY else as_text(payload))
                if first & 0x08:
                    return self._control_frame(first, start, end)
                if start > len(data):
                    return None
                self._begin_frame(first, length, start)
            event = self._read_payload(parts)
            if event is not None or self._left is not None:
                return event

    def _parse_header(self) -> tuple[int, int] | None:
        """Length of the payload and of the header before it, `None` if bytes are missing [5.2]."""
        data = self._data
        pos = len(data) - self.buffered
        if self.buffered < 2:
            return None
        first, second = data[pos], data[pos + 1]
        if first not in self._first_bytes or second & 0x80 != self._masked:
            raise self._broken(first, second)
        length, overhead = second & 0x7F, 6 if self._masked else 2
        if length <= 125:
            return length, overhead
        if first & 0x08:
            raise RemoteProtocolError("control frame of more than 125 bytes [5.5]")
        width = 2 if length == 126 else 8
        if pos + 2 + width > len(data):
            return None
        length = int.from_bytes(data[pos + 2 : pos + 2 + width])
        if length <= (125 if width == 2 else 0xFFFF):
            raise RemoteProtocolError(f"length {length} is not in its shortest form [5.2]")
        if length >> 63:
            raise RemoteProtocolError("length has its top bit set [5.2]")
        return length, overhead + width

    def _control_frame(self, first: int, start: int, end: int) -> Ping | Pong | Close | None:
        data = self._data
        if end > len(data):
            return None
        payload = data[start:end]
        if self._masked:
            payload = apply_mask(payload, data[start - 4 : start])
        self._advance(end)
        if first == FIN | PING:
            return Ping(payload)
        if first == FIN | PONG:
            return Pong(payload)
        return Close(*decode_close(payload), "remote")

    def _begin_frame(self, first: int, length: int, start: int) -> None:
        """Take note of a data frame whose payload is to be read as it comes."""
        message = self._message
        if first & 0x0F == CONTINUATION:
            if message is None:
                raise RemoteProtocolError("continuation frame without a message [5.4]")
        else:
            if message is not None:
                raise RemoteProtocolError("message begins before the last one ended [5.4]")
            message = self._message = Assembly(
                text=first & 0x0F == TEXT,
                limit=self._limits.max_message_size,
                compressed=bool(first & RSV1),
            )
            self._short = _NONE_SHORT
            # A message stays on the way on which it began.
            self._through_decoder = first not in _LANE or not self._fast_lane
        message.fragments += 1
        most = self._limits.max_fragments
        if most is not None and message.fragments > most:
            raise RemoteProtocolError(f"message of more than {most} fragments", 1008)
        message.expect(length)
        if self._through_decoder:
            self._begin_decoding(start)
        self._left = length
        self._final = bool(first & FIN)
        self._mask = self._data[start - 4 : start] if self._masked else b""
        self._advance(start)

    def _read_payload(self, parts: bool) -> Message | MessagePart | None:
        """Move on what there is of the frame's payload. At its end `_left` is unset."""
        message, left = self._message, self._left
        assert message is not None and left is not None
        pos = len(self._data) - self.buffered
        piece = self._data[pos : pos + left]
        self._advance(pos + len(piece))
        self._left = left - len(piece)
        if self._mask:
            turn = len(piece) % 4
            piece = apply_mask(piece, self._mask)
            self._mask = self._mask[turn:] + self._mask[:turn]
        if self._through_decoder:
            self._decode(piece)
        else:
            message.add(piece)
        if not self._left:
            self._left = None
        if self._left or not self._final:
            return self._part(message) if parts and piece else None
        self._message = None
        self._open_lane()
        if self._deflate is not None:
            self._deflate.sink = _nowhere  # or it would hold the message until the next one
        if message.discarded:
            return None
        data = message.finish()
        return MessagePart(data, final=True) if parts else Message(data)

    def _open_lane(self) -> None:
        """Let `next_message` look; while a message is in pieces it finds nothing."""
        longest = 125
        self._short = _SHORT[self._masked] if self._lane_limit >= longest else _NONE_SHORT

    def _part(self, message: Assembly) -> MessagePart | None:
        if message.discarded:
            return None
        return MessagePart(message.take(), final=False)

    def _begin_decoding(self, start: int) -> None:
        decoder = self._decoder
        if decoder is None:
            extensions: list[Extension] = [] if self._deflate is None else [self._deflate]
            decoder = self._decoder = FrameDecoder(client=True, extensions=extensions)
        if self._deflate is not None and self._message is not None:
            self._deflate.sink = self._message.add
        pos, end = len(self._data) - self.buffered, start - 4 if self._masked else start
        unmasked = self._data[pos + 1] & 0x7F
        decoder.receive_bytes(bytes((self._data[pos], unmasked)) + self._data[pos + 2 : end])

    def _decode(self, piece: bytes) -> None:
        assert self._decoder is not None and self._message is not None
        try:
            for start in range(0, len(piece) or 1, STEP):  # it copies each several times over
                self._decoder.receive_bytes(piece[start : start + STEP])
                while (frame := self._decoder.process_buffer()) is not None:
                    assert isinstance(frame.payload, bytes)
                    self._message.add(frame.payload)
        except ParseFailed as error:
            raise RemoteProtocolError(f"{error} [RFC 7692 7.2.2]", int(error.code)) from None

    def _broken(self, first: int, second: int) -> RemoteProtocolError:
        """What is wrong with a header's first two bytes [5.1, 5.2, 5.5]."""
        opcode = first & 0x0F
        if first & 0x70 and first not in self._first_bytes:
            return RemoteProtocolError(f"reserved bits set in frame {first:#04x} [5.2]")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            return RemoteProtocolError(f"reserved opcode {opcode:#x} [5.2]")
        if first not in self._first_bytes:
            return RemoteProtocolError("fragmented control frame [5.5]")
        if self._masked:
            return RemoteProtocolError("frame from a client is not masked [5.1]")
        return RemoteProtocolError("frame from a server is masked [5.1]")


def _nowhere(_: bytes) -> None:
    """No message has begun."""
