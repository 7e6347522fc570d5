"""Frames out: exact bytes, and nothing of what was refused [5.2, 5.4, 5.6]."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from rawws.core.deflate import Deflate
from rawws.core.encoder import Encoder, encode_frame, encode_payload
from rawws.core.errors import InvalidMessage, LocalProtocolError
from tests.core.wire import (
    BINARY,
    CLIENT,
    CLOSE,
    CONTINUATION,
    FIN,
    MASK,
    PING,
    PONG,
    RSV1,
    SERVER,
    TEXT,
    Frame,
    Side,
    deflate,
    either_side,
    frames_in,
    header,
    masked,
    memory,
)

NOT_MESSAGES: list[Any] = [None, 5, 1.5, ["a"], {"a": 1}, object(), array("B", b"x"), (b"a",)]
BAD_TEXT: list[Any] = [None, "x" * 500 + "\ud800", b"x" * 500 + b"\xff"]


def masks() -> Iterator[bytes]:
    for number in range(2**16):
        yield number.to_bytes(4)


def encoder(side: Side, config: Deflate | None = None) -> Encoder:
    """Its masks are 0, 1, 2 and so on."""
    mask = masks()

    def random(size: int) -> bytes:
        assert size % 4 == 0
        return b"".join(islice(mask, size // 4))

    return Encoder(random if side.client else None, deflate(config) if config else None)


def one_frame(side: Side, data: bytes) -> Frame:
    (frame,) = frames_in(data, masks=side.client)
    return frame


def message(side: Side, data: Any, text: bool | None = None) -> Frame:
    return one_frame(side, encoder(side).message(data, text=text, compress=None))


# Frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 599, 600, 65535, 65536, 70001])
@pytest.mark.parametrize("mask", [None, MASK], ids=["server", "client"])
def test_frame_has_the_shortest_header_and_its_payload(size: int, mask: bytes | None) -> None:
    payload = (bytes(range(251)) * (size // 251 + 1))[:size]
    for first in (FIN | BINARY, TEXT, FIN | RSV1 | TEXT):
        expected = header(first, size, mask=mask) + (masked(payload, mask) if mask else payload)
        assert encode_frame(first, payload, mask) == expected


def test_masks_are_fetched_many_at_a_time() -> None:
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    client = Encoder(random)
    for _ in range(1000):
        client.ping(b"")
    assert len(asked) < 50


def test_every_frame_of_a_client_has_a_mask_of_its_own() -> None:
    client = encoder(CLIENT)
    frames = [
        client.message("a", text=None, compress=None),
        client.part(b"b", final=False),
        client.ping(b"c"),
        client.part(b"d", final=True),
        client.pong(b""),
        client.frame(TEXT, b"e"),
        client.close(b""),
    ]
    assert [frame[2:6] for frame in frames] == [number.to_bytes(4) for number in range(7)]
    frames = [client.ping(b"") for _ in range(1000)]
    assert [frame[2:6] for frame in frames] == [number.to_bytes(4) for number in range(7, 1007)]


# Messages


@either_side
@pytest.mark.parametrize(
    ("data", "text", "frame"),
    [
        ("grüß", None, Frame(FIN | TEXT, "grüß".encode())),
        ("", None, Frame(FIN | TEXT, b"")),
        ("grüß", True, Frame(FIN | TEXT, "grüß".encode())),
        ("grüß", False, Frame(FIN | BINARY, "grüß".encode())),
        (b"\xff", None, Frame(FIN | BINARY, b"\xff")),
        (b"", None, Frame(FIN | BINARY, b"")),
        (b"\xff", False, Frame(FIN | BINARY, b"\xff")),
        (bytearray(b"ab"), None, Frame(FIN | BINARY, b"ab")),
        (memoryview(b"abcdef")[1::2], None, Frame(FIN | BINARY, b"bdf")),
        (memoryview(array("H", [1, 1])), None, Frame(FIN | BINARY, bytes(array("H", [1, 1])))),
        ("grüß".encode(), True, Frame(FIN | TEXT, "grüß".encode())),
        (bytearray(b"ab"), True, Frame(FIN | TEXT, b"ab")),
    ],
)
def test_message_is_text_or_binary_by_its_type_unless_told(
    side: Side, data: str | bytes, text: bool | None, frame: Frame
) -> None:
    assert message(side, data, text) == frame


@either_side
@pytest.mark.parametrize("data", NOT_MESSAGES)
@pytest.mark.parametrize("text", [None, True, False])
def test_message_of_another_type_is_refused(side: Side, data: Any, text: bool | None) -> None:
    with pytest.raises(InvalidMessage, match="must be str, bytes, bytearray or memoryview"):
        message(side, data, text)
    with pytest.raises(TypeError):
        encoder(side).part(data, final=True, text=text)


@pytest.mark.parametrize(("data", "index"), [("\ud800", 0), ("ab\udfffc", 2), ("😀\ud83d", 1)])
@pytest.mark.parametrize("text", [None, True, False])
def test_hazard_20_lone_surrogate_is_a_local_error(
    data: str, index: int, text: bool | None
) -> None:
    with pytest.raises(LocalProtocolError, match=f"lone surrogate at index {index};"):
        encode_payload(data, text)


@pytest.mark.parametrize(("data", "at"), [(b"\xff", 0), (b"ok\xc3", 2), (b"a\xed\xa0\x80", 1)])
def test_bytes_of_text_that_are_not_utf8_are_refused(data: bytes, at: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"not UTF-8 from byte {at} on"):
        encode_payload(data, text=True)


def test_message_is_taken_as_it_is_when_it_is_sent() -> None:
    data = bytearray(b"before")
    frame = encoder(SERVER).message(data, text=None, compress=None)
    data[:] = b"after!"
    assert one_frame(SERVER, frame).payload == b"before"


@either_side
def test_whole_frame_is_not_compressed(side: Side) -> None:
    frame = encoder(side, Deflate(threshold=0)).frame(TEXT, b"x" * 500)
    assert one_frame(side, frame) == Frame(FIN | TEXT, b"x" * 500)


# Compression


@either_side
@pytest.mark.parametrize(
    ("size", "compress", "compressed"),
    [
        *((99, None, False), (100, None, True)),
        *((99, True, True), (100, True, True), (0, True, True)),
        *((99, False, False), (100, False, False)),
    ],
)
def test_message_is_compressed_from_the_threshold_on_unless_told(
    side: Side, size: int, compress: bool | None, compressed: bool
) -> None:
    data = b"x" * size
    sent = encoder(side, Deflate(threshold=100)).message(data, text=None, compress=compress)
    frame = one_frame(side, sent)
    assert frame.first == FIN | BINARY | (RSV1 if compressed else 0)
    assert frame.payload == (deflate().compress(data) if compressed else data)


@either_side
def test_nothing_is_compressed_where_that_was_not_agreed(side: Side) -> None:
    sent = encoder(side).message(b"x" * 1000, text=None, compress=True)
    assert one_frame(side, sent) == Frame(FIN | BINARY, b"x" * 1000)


@either_side
def test_parts_and_control_frames_are_not_compressed(side: Side) -> None:
    out = encoder(side, Deflate(threshold=0))
    sent = [
        out.part(b"x" * 200, final=False),
        out.ping(b"x" * 125),
        out.part(b"x" * 200, final=True),
        out.pong(b"x" * 125),
        out.close(b"\x03\xe8" + b"x" * 123),
    ]
    assert [one_frame(side, frame).first for frame in sent] == [
        BINARY,
        FIN | PING,
        FIN | CONTINUATION,
        FIN | PONG,
        FIN | CLOSE,
    ]


@either_side
def test_hazard_22_refused_message_leaves_nothing_in_the_compressor(side: Side) -> None:
    out, undisturbed = encoder(side, Deflate()), encoder(side, Deflate())
    for data in ("first " * 50, "second " * 50):
        for bad in BAD_TEXT:
            with pytest.raises(LocalProtocolError):
                out.message(bad, text=True, compress=True)
        sent = out.message(data, text=None, compress=True)
        assert sent == undisturbed.message(data, text=None, compress=True)


# Parts


@either_side
@pytest.mark.parametrize(("piece", "opcode"), [("ü", TEXT), (b"\xff", BINARY)])
def test_parts_are_the_fragments_of_one_message(
    side: Side, piece: str | bytes, opcode: int
) -> None:
    out = encoder(side)
    data = piece.encode() if isinstance(piece, str) else piece
    for _ in range(2):
        sent = [out.part(piece, final=False), out.part(piece, final=False)]
        assert out.in_message
        sent.append(out.part(piece, final=True))
        assert not out.in_message
        assert [one_frame(side, frame) for frame in sent] == [
            Frame(opcode, data),
            Frame(CONTINUATION, data),
            Frame(FIN | CONTINUATION, data),
        ]


@either_side
def test_single_part_is_a_whole_message(side: Side) -> None:
    assert one_frame(side, encoder(side).part("", final=True)) == Frame(FIN | TEXT, b"")


@either_side
def test_parts_of_one_message_are_of_one_kind(side: Side) -> None:
    out = encoder(side)
    out.part("a", final=False)
    for data, text in ((b"b", None), ("b", False)):
        with pytest.raises(LocalProtocolError, match=r"text and binary pieces in one message"):
            out.part(data, final=True, text=text)
    assert out.in_message
    assert one_frame(side, out.part(b"b", final=True, text=True)).first == FIN | CONTINUATION


@either_side
def test_refused_part_begins_and_ends_nothing(side: Side) -> None:
    out = encoder(side)
    with pytest.raises(LocalProtocolError):
        out.part("\ud800", final=False)
    assert not out.in_message
    out.part("a", final=False)
    with pytest.raises(LocalProtocolError):
        out.part(b"\xc3", final=True, text=True)
    assert out.in_message


@either_side
def test_message_is_refused_before_a_fragmented_one_has_ended(side: Side) -> None:
    out = encoder(side)
    out.part("a", final=False)
    with pytest.raises(LocalProtocolError, match="has not ended yet"):
        out.message("b", text=None, compress=None)
    out.part("", final=True)
    assert out.message("b", text=None, compress=None)


# Control frames


@either_side
@pytest.mark.parametrize("size", [0, 1, 125])
def test_ping_carries_up_to_125_bytes(side: Side, size: int) -> None:
    frame = one_frame(side, encoder(side).ping(b"p" * size))
    assert frame == Frame(FIN | PING, b"p" * size)


@either_side
def test_hazard_20_ping_of_126_bytes_is_a_local_error(side: Side) -> None:
    with pytest.raises(LocalProtocolError, match=r"ping payload of 126 bytes, 125 allowed"):
        encoder(side).ping(b"p" * 126)


@either_side
@pytest.mark.parametrize("payload", [None, "text", 5, bytearray(b"x"), [1]])
def test_ping_payload_of_another_type_is_refused(side: Side, payload: Any) -> None:
    with pytest.raises(InvalidMessage, match="ping payload must be bytes"):
        encoder(side).ping(payload)


# Memory


def test_hazard_21_client_makes_fewer_than_three_copies_of_what_it_sends() -> None:
    data = bytes(1 << 20)
    client = encoder(CLIENT)
    with memory() as used:
        frame = client.message(data, text=None, compress=None)
        assert used.peak < 3 * len(data)
    assert len(frame) == len(data) + 14


def test_server_makes_one_copy_of_what_it_sends() -> None:
    data = bytes(1 << 20)
    server = encoder(SERVER)
    with memory() as used:
        frame = server.message(data, text=None, compress=None)
        assert used.peak < 1.1 * len(data)
    assert len(frame) == len(data) + 10
