"""Frames out: what the application sends becomes bytes, whole frame by whole frame.

All that can be wrong with a message is found before a byte is made of it, so that a refused
message leaves no trace: not in the stream, and not in a compressor's window.
"""

from __future__ import annotations

from collections.abc import Callable

from .deflate import PerMessageDeflate
from .errors import InvalidMessage, LocalProtocolError
from .masking import apply_mask
from .opcodes import BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT

MASKS = 64  # fetched at a time: each system call costs more than masking a small message
MAX_CONTROL = 125  # bytes of payload of a Ping, Pong or Close [5.5]

Data = str | bytes | bytearray | memoryview

# A server's header for most of what it sends, ready made: first byte -> length -> header.
_SHORT = {FIN | opcode: [bytes((FIN | opcode, n)) for n in range(126)] for opcode in (TEXT, BINARY)}


def encode_frame(first: int, payload: bytes, mask: bytes | None = None) -> bytes:
    """A frame [5.2].

    Args:
        first: FIN, RSV bits and opcode.
        payload: already compressed, not yet masked.
        mask: four unpredictable bytes from a client, `None` from a server [5.3].
    """
    length = len(payload)
    if mask is None and length < 126:
        return bytes((first, length)) + payload
    masked = 0 if mask is None else 0x80
    if length < 126:
        header = bytes((first, masked | length))
    elif length < 65536:
        header = bytes((first, masked | 126)) + length.to_bytes(2)
    else:
        header = bytes((first, masked | 127)) + length.to_bytes(8)
    if mask is None:
        return header + payload
    return header + mask + apply_mask(payload, mask)


def encode_payload(data: Data, text: bool | None = None) -> tuple[int, bytes]:
    """Opcode and bytes of a message: `str` is text, bytes-like is binary, `text` overrides.

    Raises:
        InvalidMessage: it is neither `str` nor bytes-like.
        LocalProtocolError: it is to be text and cannot be UTF-8 [5.6].
    """
    if isinstance(data, str):
        try:
            payload = data.encode()
        except UnicodeEncodeError as error:
            raise LocalProtocolError(
                f"text message with a lone surrogate at index {error.start}; UTF-8 has none"
            ) from None
        return (BINARY if text is False else TEXT), payload
    if not isinstance(data, bytes):
        if not isinstance(data, bytearray | memoryview):
            raise InvalidMessage(
                "message must be str, bytes, bytearray or memoryview, "
                f"not {type(data).__name__}: {data!r:.60}"
            )
        data = bytes(data)
    if not text:
        return BINARY, data
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise LocalProtocolError(f"text message is not UTF-8 from byte {error.start} on") from None
    return TEXT, data


class Encoder:
    """Encodes what one side sends, after the handshake.

    Args:
        random: gives that many unpredictable bytes, for masks [5.3]; `None` in the server's
            role. It is asked for many masks at a time.
        deflate: permessage-deflate, if it was agreed upon.
    """

    __slots__ = ("_deflate", "_masks", "_message", "_next_mask", "_random")

    def __init__(
        self, random: Callable[[int], bytes] | None, deflate: PerMessageDeflate | None = None
    ) -> None:
        self._random = random
        self._masks = b""
        self._next_mask = 0
        self._deflate = deflate
        self._message: int | None = None  # opcode of the fragmented message that has begun

    @property
    def in_message(self) -> bool:
        """Whether a fragmented message has begun and not ended."""
        return self._message is not None

    def message(self, data: Data, text: bool | None, compress: bool | None) -> bytes:
        """A message in one frame.

        Args:
            data: the message.
            text: overrides what the type of `data` says.
            compress: overrides the threshold of `Deflate`; where no compression was agreed
                upon, the message goes out as it is.

        Raises:
            LocalProtocolError: it may not be sent, or not now.
        """
        if self._message is not None:
            raise LocalProtocolError("a fragmented message has not ended yet [5.4]")
        if type(data) is bytes and not text:
            first, payload = FIN | BINARY, data
        else:
            opcode, payload = encode_payload(data, text)
            first = FIN | opcode
        deflate = self._deflate
        if deflate is not None:
            if compress is None:
                compress = len(payload) >= deflate.config.threshold
            if compress:
                payload = deflate.compress(payload)
                first |= RSV1
        if self._random is None and len(payload) < 126 and first in _SHORT:
            return _SHORT[first][len(payload)] + payload
        return self._frame(first, payload)

    def part(self, data: Data, *, final: bool, text: bool | None = None) -> bytes:
        """The next fragment of a message, not compressed; bytes of text in whole characters.

        An empty one is of any kind.

        Raises:
            LocalProtocolError: it may not be sent, or is not of the message's kind.
        """
        opcode, payload = encode_payload(data, text)
        first = opcode if self._message is None else CONTINUATION
        if payload and self._message not in (None, opcode):
            raise LocalProtocolError("text and binary pieces in one message [5.4]")
        self._message = None if final else self._message or opcode
        return self._frame((FIN if final else 0) | first, payload)

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """A whole message that `encode_payload` has looked at, uncompressed."""
        return self._frame(FIN | opcode, payload)

    def ping(self, payload: bytes) -> bytes:
        """A Ping [5.5.2].

        Raises:
            InvalidMessage: the payload is not bytes.
            LocalProtocolError: it has more than 125 bytes.
        """
        if not isinstance(payload, bytes):
            raise InvalidMessage(f"ping payload must be bytes, not {payload!r:.60}")
        if len(payload) > MAX_CONTROL:
            raise LocalProtocolError(
                f"ping payload of {len(payload)} bytes, {MAX_CONTROL} allowed [5.5]"
            )
        return self._frame(FIN | PING, payload)

    def pong(self, payload: bytes) -> bytes:
        """A Pong [5.5.3]."""
        return self._frame(FIN | PONG, payload)

    def close(self, payload: bytes) -> bytes:
        """A Close with a payload of `encode_close` [5.5.1]."""
        return self._frame(FIN | CLOSE, payload)

    def _frame(self, first: int, payload: bytes) -> bytes:
        if self._random is None:
            return encode_frame(first, payload)
        start = self._next_mask
        if start == len(self._masks):
            self._masks = self._random(4 * MASKS)
            start = 0
        self._next_mask = start + 4
        return encode_frame(first, payload, self._masks[start : start + 4])
