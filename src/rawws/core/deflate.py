"""permessage-deflate: what goes on in the compressed messages of a connection [RFC 7692 7.2].

A compressed message is a DEFLATE stream cut behind a flush, without the four octets that
the flush ends in. RSV1 on the message's first frame says that it is compressed [6]; its
frames cut the stream wherever they like. With context takeover the window lives on from
message to message [7.1.1], so both sides must have seen every compressed message.

`PerMessageDeflate` stands behind wsproto's `Extension` interface and is made by
`deflate_negotiation` once both sides agree. It departs from wsproto's own in this:

- Inflation is bounded. 16 KB on the wire can be 16 MiB, so what is inflated goes to `sink`
  in steps of at most 16 KiB and wsproto is handed b"", which it copies three times over.
  `sink` counts, and ends the matter by raising `MessageTooBig`. Input is taken in steps as
  well: zlib returns the input that it did not get to as a copy, once per step of output.
- Control frames between the fragments of a message change nothing [RFC 6455 5.4].
- A block with BFINAL set ends a stream, not the message: a fresh decompressor goes on with
  the octets behind it [7.2.3.4].
- What has been sent can be read: every fragment is flushed, so none waits for the last.

A peer that refers back further than the window agreed on is owed 1007 [7.1.2], but zlib
notices only where the reference leaves the step of output at hand. Such a message is read
as it was meant or refused, and how its bytes arrived in time can decide which.

A message that inflates to nothing, endlessly, is not seen here: the frame reader counts
frames and their lengths.

zlib's objects are made at first use; a direction that never carries a compressed message
costs nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields

from wsproto.extensions import Extension
from wsproto.frame_protocol import (
    CloseReason,
    FrameDecoder,
    FrameProtocol,
    Opcode,
    RsvBits,
)

NAME = "permessage-deflate"
STEP = 16384  # bytes of output, and of input, per call of zlib

_TAIL = b"\x00\x00\xff\xff"
_NO_BITS = RsvBits(False, False, False)
_RSV1 = RsvBits(True, False, False)
_ALLOWED = {
    "level": (-1, 9),
    "window_bits": (9, 15),
    "memory_level": (1, 9),
    "threshold": (0, None),
}


@dataclass(frozen=True, slots=True)
class Deflate:
    """How messages are compressed, where the peer agrees to permessage-deflate [RFC 7692].

    A connection that has carried compressed messages both ways holds, in bytes,
    2 ** (window_bits + 2) + 2 ** (memory_level + 9) + 6 KiB to compress and
    2 ** window_bits + 7 KiB to decompress: 32 KB as it stands, 309 KB with the 15 and 8
    that are usual elsewhere (measured).

    Attributes:
        level: effort, 0 (none) to 9 (most), or -1 for zlib's own choice, 6.
        window_bits: how far back repetition is looked for, 2 ** window_bits bytes, 9 to
            15. The peer is asked for no more than that either; one that cannot be held to
            it takes a window of 32 KiB to decompress.
        memory_level: room for the compressor's tables, 1 to 9; more is faster and better.
        context_takeover: whether a message may refer to those before it. Without, each
            message is compressed for itself, worse, and the memory is free in between.
        threshold: messages of fewer bytes go out uncompressed.

    Raises:
        TypeError: a value of another type.
        ValueError: a value out of its range.
    """

    level: int = 6
    window_bits: int = 11
    memory_level: int = 4
    context_takeover: bool = True
    threshold: int = 128

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "context_takeover":
                if not isinstance(value, bool):
                    raise TypeError(f"Deflate.context_takeover must be a bool, not {value!r}")
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"Deflate.{field.name} must be an int, not {value!r}")
            low, high = _ALLOWED[field.name]
            if value < low or (high is not None and value > high):
                allowed = f"at least {low}" if high is None else f"{low} to {high}"
                raise ValueError(f"Deflate.{field.name} must be {allowed}, not {value!r}")


class PerMessageDeflate(Extension):
    """One connection's compression, as agreed on with the peer.

    Attributes:
        config: level and memory level of the compressor, threshold for the frame writer.
        inbound_bits: log2 of the window that the peer compresses with, 8 to 15.
        inbound_takeover: whether the peer's messages refer to earlier ones.
        outbound_bits: log2 of the window that the peer decompresses with, 8 to 15.
        outbound_takeover: whether our messages may refer to earlier ones.
        sink: takes what is inflated, in pieces of 1 to 16,384 bytes; set by the frame
            reader before the first compressed message. What it raises passes through.
    """

    name = NAME
    sink: Callable[[bytes], None]

    def __init__(
        self,
        config: Deflate,
        *,
        inbound_bits: int = 15,
        inbound_takeover: bool = True,
        outbound_bits: int = 15,
        outbound_takeover: bool = True,
    ) -> None:
        self.config = config
        self.inbound_bits = inbound_bits
        self.inbound_takeover = inbound_takeover
        self.outbound_bits = outbound_bits
        self.outbound_takeover = outbound_takeover
        self._compressor: zlib._Compress | None = None
        self._inflater: zlib._Decompress | None = None
        self._message_compressed = False
        self._frame_compressed = False
        self._tail_fits = False

    def enabled(self) -> bool:
        """True: there is one of these only where both sides agreed."""
        return True

    def offer(self) -> bool | str:
        """False: there is nothing left to negotiate."""
        return False

    def frame_inbound_header(
        self,
        proto: FrameDecoder | FrameProtocol,
        opcode: Opcode,
        rsv: RsvBits,
        payload_length: int,
    ) -> CloseReason | RsvBits:
        """Notes whether the frame is compressed; may be called repeatedly for one frame.

        Returns:
            The reserved bits that are ours, or 1002 for RSV1 where it means nothing [6.1].
        """
        if opcode.iscontrol():
            self._frame_compressed = False
            return CloseReason.PROTOCOL_ERROR if rsv.rsv1 else _NO_BITS
        if opcode is not Opcode.CONTINUATION:
            self._message_compressed = rsv.rsv1
            self._tail_fits = False
        elif rsv.rsv1:
            return CloseReason.PROTOCOL_ERROR
        self._frame_compressed = self._message_compressed
        return _RSV1

    def frame_inbound_payload_data(
        self, proto: FrameDecoder | FrameProtocol, data: bytes
    ) -> bytes | CloseReason:
        """Inflates to the sink, if the frame is compressed [7.2.2].

        Returns:
            `data` of an uncompressed frame, b"" for a compressed one, 1007 for one that is
            not DEFLATE.
        """
        if not self._frame_compressed:
            return data
        try:
            self._inflate(data)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return b""

    def frame_inbound_complete(
        self, proto: FrameDecoder | FrameProtocol, fin: bool
    ) -> CloseReason | None:
        """Ends a compressed message: what the flush was cut off by is put back [7.2.2].

        Returns:
            1007 for what is not DEFLATE. That is also a message of no octets, and one
            that ends with a BFINAL block: both lack the octet that the tail completes
            to a block [7.2.3.4, 7.2.3.6], and the next message would be misread.
        """
        if not (fin and self._frame_compressed):
            return None
        self._message_compressed = False
        if not self._tail_fits:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        try:
            self._inflate(_TAIL)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        if not self.inbound_takeover:
            self._inflater = None
        return None

    def frame_outbound(
        self,
        proto: FrameDecoder | FrameProtocol,
        opcode: Opcode,
        rsv: RsvBits,
        data: bytes | memoryview,
        fin: bool,
    ) -> tuple[RsvBits, bytes]:
        """Compresses a data frame; to be called for each frame of a message or for none.

        Returns:
            The reserved bits, RSV1 set on the first frame [6.1], and the payload [7.2.1].
        """
        if opcode.iscontrol():
            return rsv, bytes(data)
        if opcode is not Opcode.CONTINUATION:
            rsv = RsvBits(True, rsv.rsv2, rsv.rsv3)
        return rsv, self.compress(data, fin)

    def compress(self, data: bytes | memoryview, fin: bool = True) -> bytes:
        """The next frame's payload, which the peer can inflate to all of `data` [7.2.1]."""
        if self._compressor is None:
            # zlib has no raw window of 256 bytes. Its window of 512 will do: it leaves 262
            # bytes of it for look-ahead and so refers back by 250 bytes at the most.
            self._compressor = zlib.compressobj(
                self.config.level,
                zlib.DEFLATED,
                -max(self.outbound_bits, 9),
                self.config.memory_level,
            )
        # Without the compress(), a flush right after a flush yields nothing at all.
        data = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        if not fin:
            return data
        if not self.outbound_takeover:
            self._compressor = None
        return data[: -len(_TAIL)]

    def reset_compressor(self) -> None:
        """The next message starts with an empty window, and so refers to nothing earlier.

        For when a message was compressed elsewhere and the peer's window holds what this
        compressor has not seen. To be called between messages only.
        """
        self._compressor = None

    def _inflate(self, data: bytes) -> None:
        for start in range(0, len(data), STEP):
            rest = data[start : start + STEP]
            self._tail_fits = True
            while True:
                if self._inflater is None:
                    self._inflater = zlib.decompressobj(-self.inbound_bits)
                before = self._inflater.copy()
                try:
                    piece = self._inflater.decompress(rest, STEP)
                except zlib.error:
                    self._sink_until_error(before, rest)
                    raise
                if piece:
                    self.sink(piece)
                if self._inflater.eof:
                    rest = self._inflater.unused_data
                    self._inflater = None
                    if not rest:
                        self._tail_fits = False
                        break
                else:
                    rest = self._inflater.unconsumed_tail
                    # Output can be held back although no input is left.
                    if not rest and len(piece) < STEP:
                        break

    def _sink_until_error(self, inflater: zlib._Decompress, data: bytes) -> None:
        """Hand over what comes before the error in `data`, which zlib keeps to itself.

        That may be wrong in another way, and which is not to depend on how the input was cut.
        """
        with suppress(zlib.error):
            for octet in data:  # pragma: no branch: the error ends it
                if piece := inflater.decompress(bytes((octet,))):
                    self.sink(piece)
