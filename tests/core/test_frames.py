"""Frame headers, and messages and control frames that are whole in one frame [5.2, 5.5]."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rawws.core.close import Close
from rawws.core.errors import MessageTooBig
from rawws.core.events import Message, Ping, Pong
from rawws.core.frames import FrameEvent, FrameReader
from rawws.core.limits import Limits
from tests.core.wire import (
    BINARY,
    CLIENT,
    CLOSE,
    FIN,
    PING,
    PONG,
    RSV1,
    SERVER,
    TEXT,
    Side,
    Way,
    byte_by_byte,
    decode,
    deflate,
    deflated,
    either_lane,
    either_side,
    every_way,
    header,
    masked,
    memory,
    violation,
    whole,
)

TINY, UNLIMITED = Limits(max_message_size=10), Limits(max_message_size=None)

either_compression = pytest.mark.parametrize("compression", [False, True], ids=["", "deflate"])


def reader(side: Side, compression: bool) -> FrameReader:
    return side.reader(deflate=deflate() if compression else None)


# The first two bytes


def is_legal(first: int, second: int, side: Side, compression: bool) -> bool:
    """Whether a frame may begin so, told from the tables of [5.2] and [7692 6]."""
    opcode, length = first & 0x0F, second & 0x7F
    control = opcode in (0x8, 0x9, 0xA)
    if opcode not in (0x0, 0x1, 0x2) and not control:
        return False
    if control and (not first & 0x80 or length > 125):
        return False
    allowed_bits = 0x40 if compression and opcode in (0x1, 0x2) else 0
    return not first & 0x70 & ~allowed_bits and bool(second & 0x80) == (side is SERVER)


def completed(first: int, second: int, side: Side) -> bytes:
    """The shortest frame with such a header. What it carries is right for its opcode."""
    length = {126: 126, 127: 65536}.get(second & 0x7F, second & 0x7F)
    return side.frame(first, (b"\x03\xe8" + bytes(length))[:length] if first & 8 else bytes(length))


@either_side
@every_way
def test_all_65536_two_byte_headers_are_read_on_or_owed_1002(side: Side, way: Way) -> None:
    for first in range(256):
        for second in range(256):
            if not is_legal(first, second, side, False):
                violation(side.reader(), way(bytes((first, second))))
                continue
            frame = completed(first, second, side)
            if first & 0x0F == 0 or (first == FIN | CLOSE and second & 0x7F == 1):
                violation(side.reader(), way(frame))  # nothing to continue; half a code
            else:
                (event,) = decode(side.reader(), way(frame)) or [None]
                assert isinstance(event, Message | Ping | Pong | Close | None)
                assert (event is None) == (not first & FIN)


@either_side
@every_way
def test_rsv1_is_legal_on_the_first_frame_of_a_message_with_compression(
    side: Side, way: Way
) -> None:
    empty = deflated(b"")
    for first in range(256):
        for second in (len(empty), 126, 0x80 | len(empty), 0x80 | 126):
            if not is_legal(first, second, side, True):
                violation(reader(side, True), way(bytes((first, second))))
            elif first & RSV1:
                frame = side.frame(first, empty)
                assert len(decode(reader(side, True), way(frame))) == (first >= FIN)


@either_side
@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (0xC1, "reserved bits set in frame 0xc1 [5.2]"),
        (0x93, "reserved bits set in frame 0x93 [5.2]"),
        (0x83, "reserved opcode 0x3 [5.2]"),
        (0x0F, "reserved opcode 0xf [5.2]"),
        (0x09, "fragmented control frame [5.5]"),
    ],
)
def test_violation_of_a_header_is_named(side: Side, first: int, reason: str) -> None:
    assert str(violation(side.reader(), [side.frame(first, b"x")])) == reason


@every_way
def test_server_fails_with_1002_when_frame_is_unmasked(way: Way) -> None:
    error = violation(SERVER.reader(), way(CLIENT.frame(FIN | TEXT, b"hello")))
    assert "frame from a client is not masked [5.1]" in str(error)


@every_way
def test_client_fails_with_1002_when_frame_is_masked(way: Way) -> None:
    error = violation(CLIENT.reader(), way(SERVER.frame(FIN | TEXT, b"hello")))
    assert "frame from a server is masked [5.1]" in str(error)


# Lengths


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 599, 600, 65535, 65536, 70001])
def test_message_of_any_length_is_received(
    side: Side, way: Way, fast_lane: bool, size: int
) -> None:
    payload = bytes(range(251)) * (size // 251 + 1)
    frame = side.frame(FIN | BINARY, payload[:size])
    assert decode(side.reader(fast_lane=fast_lane), way(frame)) == [Message(payload[:size])]


@either_side
@every_way
@pytest.mark.parametrize(
    ("width", "lengths"), [(2, range(126)), (8, [*range(300), 32767, 32768, 65534, 65535])]
)
def test_length_that_is_not_in_its_shortest_form_is_owed_1002(
    side: Side, way: Way, width: int, lengths: Iterable[int]
) -> None:
    for length in lengths:
        error = violation(side.reader(), way(side.header(FIN | TEXT, length, width)))
        assert "not in its shortest form [5.2]" in str(error)


@either_side
@every_way
@pytest.mark.parametrize("length", [2**63, 2**63 + 1, 2**64 - 1])
def test_length_with_its_top_bit_set_is_owed_1002(side: Side, way: Way, length: int) -> None:
    error = violation(side.reader(UNLIMITED), way(side.header(FIN | BINARY, length)))
    assert "top bit set [5.2]" in str(error)


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("first", [BINARY, FIN | BINARY, FIN | TEXT])
@pytest.mark.parametrize("length", [11, 126, 65536, 2**31, 2**63 - 1])
def test_hazard_15_length_over_the_limit_is_owed_1009_from_the_header_alone(
    side: Side, way: Way, fast_lane: bool, first: int, length: int
) -> None:
    error = violation(side.reader(TINY, fast_lane=fast_lane), way(side.header(first, length)), 1009)
    assert isinstance(error, MessageTooBig)
    assert (error.size, error.limit) == (length, 10)


@either_side
@pytest.mark.parametrize("limits", [Limits(), UNLIMITED])
def test_longest_length_there_is_costs_no_memory(side: Side, limits: Limits) -> None:
    frame = side.header(FIN | BINARY, 2**63 - 1)
    begun = side.reader(limits)
    with memory() as used:
        assert len(decode(begun, [frame])) == (limits is not UNLIMITED)
        assert used.peak < 50_000


@either_side
def test_header_that_is_not_whole_is_waited_for(side: Side) -> None:
    frame = side.header(FIN | BINARY, 70_000)
    assert decode(side.reader(), byte_by_byte(frame)) == []
    for size in range(len(frame)):
        begun = side.reader()
        assert decode(begun, [frame[:size]]) == []
        assert begun.buffered == size


# Messages in one frame


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("text", ["", "x", "grüß 😀", "a\0b", "ü" * 400])
def test_text_frame_is_a_text_message(side: Side, way: Way, fast_lane: bool, text: str) -> None:
    frame = side.frame(FIN | TEXT, text)
    assert decode(side.reader(fast_lane=fast_lane), way(frame)) == [Message(text)]


@either_side
@every_way
@either_lane
def test_binary_frame_is_a_message_of_bytes(side: Side, way: Way, fast_lane: bool) -> None:
    frame = side.frame(FIN | BINARY, b"\xff\x00\xc3")
    assert decode(side.reader(fast_lane=fast_lane), way(frame)) == [Message(b"\xff\x00\xc3")]


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("bad", [b"\xff", b"ok\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0"])
def test_text_frame_that_is_not_utf8_is_owed_1007(
    side: Side, way: Way, fast_lane: bool, bad: bytes
) -> None:
    error = violation(side.reader(fast_lane=fast_lane), way(side.frame(FIN | TEXT, bad)), 1007)
    assert str(error) == "text message is not UTF-8 [8.1]"


@pytest.mark.parametrize("mask", [b"\x00\x00\x00\x00", b"\xff\x00\xff\x00", b"\x01\x02\x03\x04"])
@every_way
def test_any_mask_is_taken_off(way: Way, mask: bytes) -> None:
    payload = bytes(range(256)) * 3
    for size in (1, 2, 3, 4, 5, 700):
        data = header(FIN | BINARY, size, mask=mask) + masked(payload[:size], mask)
        assert decode(SERVER.reader(), way(data)) == [Message(payload[:size])]


@either_side
@either_lane
def test_frames_of_one_packet_are_decoded_one_by_one(side: Side, fast_lane: bool) -> None:
    sent: list[FrameEvent] = [
        Message("a"),
        Ping(b"b"),
        Message(b""),
        Pong(b""),
        Message(b"c" * 200),
    ]
    frames = [
        side.frame(FIN | TEXT, "a"),
        side.frame(FIN | PING, b"b"),
        side.frame(FIN | BINARY),
        side.frame(FIN | PONG),
        side.frame(FIN | BINARY, b"c" * 200),
    ]
    packet = side.reader(fast_lane=fast_lane)
    packet.feed(b"".join(frames))
    for number, event in enumerate(sent):
        assert packet.buffered == len(b"".join(frames[number:]))
        assert packet.next() == event
    assert packet.buffered == 0
    assert packet.next() is None
    assert decode(side.reader(fast_lane=fast_lane), byte_by_byte(b"".join(frames))) == sent


@either_side
def test_tiny_frames_of_one_packet_cost_only_their_bytes_until_asked_for(side: Side) -> None:
    packet = side.frame(FIN | TEXT) * 100_000
    waiting = side.reader()
    with memory() as used:
        waiting.feed(packet)
        assert waiting.next() == Message("")
        assert used.peak < 50_000
    assert waiting.buffered == len(packet) - len(side.frame(FIN | TEXT))


# Control frames


@either_side
@every_way
@either_compression
@pytest.mark.parametrize("size", [0, 1, 3, 124, 125])
def test_ping_and_pong_carry_up_to_125_bytes(
    side: Side, way: Way, compression: bool, size: int
) -> None:
    payload = bytes(range(130, 130 + size))
    assert decode(reader(side, compression), way(side.frame(FIN | PING, payload))) == [
        Ping(payload)
    ]
    assert decode(reader(side, compression), way(side.frame(FIN | PONG, payload))) == [
        Pong(payload)
    ]


@either_side
@every_way
@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize("size", [126, 65536])
def test_control_frame_of_more_than_125_bytes_is_owed_1002_from_its_length(
    side: Side, way: Way, opcode: int, size: int
) -> None:
    error = violation(side.reader(), way(side.header(FIN | opcode, size)[:2]))
    assert "more than 125 bytes [5.5]" in str(error)


@either_side
@every_way
@pytest.mark.parametrize(
    ("payload", "close"),
    [
        (b"", Close(1005, "", "remote")),
        (b"\x03\xe8", Close(1000, "", "remote")),
        (b"\x03\xf6", Close(1014, "", "remote")),
        (b"\x13\x87" + "grüß".encode(), Close(4999, "grüß", "remote")),
        (b"\x03\xe9" + b"x" * 123, Close(1001, "x" * 123, "remote")),
    ],
)
def test_close_frame_is_a_close(side: Side, way: Way, payload: bytes, close: Close) -> None:
    assert decode(side.reader(), way(side.frame(FIN | CLOSE, payload))) == [close]


@either_side
@every_way
@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"\x03", 1002), (b"\x03\xed", 1002), (b"\xff\xff", 1002), (b"\x03\xe8\xff", 1007)],
)
def test_bad_close_frame_is_owed_its_code(side: Side, way: Way, payload: bytes, code: int) -> None:
    violation(side.reader(), way(side.frame(FIN | CLOSE, payload)), code)


@either_side
@pytest.mark.parametrize("first", [FIN | CLOSE, FIN | PING, FIN | PONG])
def test_rsv1_on_a_control_frame_is_owed_1002_even_with_compression(side: Side, first: int) -> None:
    violation(reader(side, True), whole(side.frame(first | RSV1, b"\x03\xe8")))
