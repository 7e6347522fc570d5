"""Messages in fragments, compressed or not, and control frames between them [5.4; 7692 6]."""

from __future__ import annotations

import zlib

import pytest

from rawws.core.errors import RemoteProtocolError
from rawws.core.events import Message, Ping, Pong
from rawws.core.frames import FrameEvent
from rawws.core.limits import Limits
from tests.core.wire import (
    BINARY,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    RSV1,
    TEXT,
    Deflater,
    Side,
    Way,
    byte_by_byte,
    cut,
    decode,
    deflate,
    deflated,
    either_lane,
    either_side,
    every_way,
    memory,
    violation,
)

SENTENCE = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich 😀"


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_fragments_are_joined_to_one_message(
    side: Side, way: Way, fast_lane: bool, size: int
) -> None:
    data = SENTENCE.encode()
    for opcode, message in ((TEXT, Message(SENTENCE)), (BINARY, Message(data))):
        frames = b"".join(side.fragments(opcode, cut(data, size)))
        assert decode(side.reader(fast_lane=fast_lane), way(frames)) == [message]


@either_side
@every_way
@pytest.mark.parametrize("pieces", [[b"", b""], [b"", b"ab", b""], [b"a", b"", b"b"], [b"ab", b""]])
def test_fragments_may_be_empty(side: Side, way: Way, pieces: list[bytes]) -> None:
    frames = b"".join(side.fragments(BINARY, pieces))
    assert decode(side.reader(), way(frames)) == [Message(b"".join(pieces))]


@either_side
@every_way
@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_compressed_message_may_be_in_fragments(side: Side, way: Way, size: int) -> None:
    message = SENTENCE * 20
    frames = side.fragments(TEXT, cut(deflated(message.encode()), size), rsv=RSV1)
    assert decode(side.reader(deflate=deflate()), way(b"".join(frames))) == [Message(message)]


@either_side
@every_way
def test_compressed_and_plain_messages_take_turns(side: Side, way: Way) -> None:
    peer = Deflater()
    one = [peer.fragment(b"one " * 50), peer.message(b"more " * 50)]
    frames = [
        *side.fragments(BINARY, one, rsv=RSV1),
        side.frame(FIN | TEXT, "plain"),
        side.frame(FIN | RSV1 | TEXT, peer.message(b"one more " * 50)),
        *side.fragments(TEXT, [b"in ", b"pieces"]),
        side.frame(FIN | RSV1 | BINARY, peer.message(b"")),
    ]
    assert decode(side.reader(deflate=deflate()), way(b"".join(frames))) == [
        Message(b"one " * 50 + b"more " * 50),
        Message("plain"),
        Message("one more " * 50),
        Message("in pieces"),
        Message(b""),
    ]


# Control frames in between


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("rsv", [0, RSV1], ids=["plain", "compressed"])
def test_hazard_12_control_frame_at_any_position_leaves_the_message_intact(
    side: Side, way: Way, fast_lane: bool, rsv: int
) -> None:
    data = SENTENCE.encode()
    pieces = [*cut(deflated(data) if rsv else data, 17), b""]
    for position in range(len(pieces) + 1):
        for first, control in ((FIN | PING, Ping(b"?")), (FIN | PONG, Pong(b"?"))):
            frames = side.fragments(TEXT, pieces, rsv=rsv)
            frames.insert(position, side.frame(first, control.payload))
            events: list[FrameEvent] = [Message(SENTENCE)]
            events.insert(position == len(pieces), control)
            got = side.reader(deflate=deflate(), fast_lane=fast_lane)
            assert decode(got, way(b"".join(frames))) == events


@either_side
@every_way
def test_control_frame_between_compressed_messages_leaves_the_window_intact(
    side: Side, way: Way
) -> None:
    peer = Deflater()
    frames = [
        side.frame(FIN | RSV1 | TEXT, peer.message(SENTENCE.encode())),
        side.frame(FIN | PING),
        side.frame(FIN | RSV1 | TEXT, peer.message(SENTENCE.encode())),
    ]
    assert decode(side.reader(deflate=deflate()), way(b"".join(frames))) == [
        Message(SENTENCE),
        Ping(b""),
        Message(SENTENCE),
    ]


# What is out of order


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("fin", [0, FIN])
def test_continuation_without_a_message_is_owed_1002(
    side: Side, way: Way, fast_lane: bool, fin: int
) -> None:
    orphan = side.frame(fin | CONTINUATION, b"x")
    error = violation(side.reader(fast_lane=fast_lane), way(orphan))
    assert str(error) == "continuation frame without a message [5.4]"
    ended = b"".join([*side.fragments(TEXT, [b"a", b"b"]), side.frame(FIN | TEXT, b"c"), orphan])
    *messages, last = decode(side.reader(fast_lane=fast_lane), way(ended))
    assert messages == [Message("ab"), Message("c")]
    assert str(last) == str(error)


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("first", [TEXT, BINARY, FIN | TEXT, FIN | BINARY])
@pytest.mark.parametrize("pieces", [1, 2])
def test_message_before_the_last_one_ended_is_owed_1002(
    side: Side, way: Way, fast_lane: bool, first: int, pieces: int
) -> None:
    begun = side.fragments(TEXT, [b"a", b"b", b"c"])[:pieces]
    frames = b"".join([*begun, side.frame(FIN | PING), side.frame(first)])
    ping, error = decode(side.reader(fast_lane=fast_lane), way(frames))
    assert ping == Ping(b"")
    assert isinstance(error, RemoteProtocolError)
    assert (str(error), error.code) == ("message begins before the last one ended [5.4]", 1002)


@either_side
@every_way
@pytest.mark.parametrize("rsv", [0, RSV1])
def test_rsv1_on_a_continuation_is_owed_1002(side: Side, way: Way, rsv: int) -> None:
    frames = side.frame(TEXT | rsv, deflated(b"a")) + side.frame(FIN | RSV1 | CONTINUATION, b"b")
    error = violation(side.reader(deflate=deflate()), way(frames))
    assert "reserved bits set in frame 0xc0 [5.2]" in str(error)


# Text that is not UTF-8

BAD = [
    (b"\xff", 1),
    (b"\xc0\x80", 1),
    (b"\xc3\x28", 2),
    (b"\xe0\x80\x80", 2),
    (b"\xed\xa0\x80", 2),
    (b"\xe2\x82\x28", 3),
    (b"\xf4\x90\x80\x80", 2),
    (b"\xf0\x9f\x98\x28", 4),
]


@either_side
@pytest.mark.parametrize(("bad", "certain"), BAD)
@pytest.mark.parametrize("before", [b"", "grüß".encode()])
def test_bad_utf8_within_a_frame_is_owed_1007_as_soon_as_it_is_certain(
    side: Side, bad: bytes, certain: int, before: bytes
) -> None:
    frame = side.frame(FIN | TEXT, before + bad + b" and much more" * 20)
    head = len(side.header(FIN | TEXT, 200)) + len(before)
    begun = side.reader()
    assert decode(begun, byte_by_byte(frame[: head + certain - 1])) == []
    violation(begun, [frame[head + certain - 1 : head + certain]], 1007)


@either_side
@either_lane
@pytest.mark.parametrize(("bad", "certain"), BAD)
@pytest.mark.parametrize("rsv", [0, RSV1], ids=["plain", "compressed"])
def test_bad_utf8_across_fragments_is_owed_1007_as_soon_as_it_is_certain(
    side: Side, fast_lane: bool, bad: bytes, certain: int, rsv: int
) -> None:
    pieces = [b"ok", *byte_by_byte(bad), b"more"]
    if rsv:
        peer = Deflater()
        pieces = [peer.fragment(piece) for piece in pieces]
    frames = side.fragments(TEXT, pieces, rsv=rsv)
    begun = side.reader(deflate=deflate(), fast_lane=fast_lane)
    assert decode(begun, frames[:certain]) == []
    violation(begun, [frames[certain]], 1007)


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("rsv", [0, RSV1], ids=["plain", "compressed"])
def test_text_that_ends_within_a_character_is_owed_1007(
    side: Side, way: Way, fast_lane: bool, rsv: int
) -> None:
    data = b"caf\xc3"
    frames = b"".join(side.fragments(TEXT, cut(deflated(data) if rsv else data, 2), rsv=rsv))
    error = violation(side.reader(deflate=deflate(), fast_lane=fast_lane), way(frames), 1007)
    assert str(error) == "text message is not UTF-8 [8.1]"


@either_side
@every_way
@pytest.mark.parametrize("payload", [b"", b"\x07", b"\xff\xff", b"\x00\x01\x02\x03\x04"])
def test_what_does_not_inflate_is_owed_1007(side: Side, way: Way, payload: bytes) -> None:
    frame = side.frame(FIN | RSV1 | BINARY, payload)
    error = violation(side.reader(deflate=deflate()), way(frame), 1007)
    assert "[RFC 7692 7.2.2]" in str(error)


@either_side
@every_way
def test_hazard_13_message_after_one_that_ended_with_a_bfinal_block_is_inflated(
    side: Side, way: Way
) -> None:
    compressor = zlib.compressobj(wbits=-15)
    finished = compressor.compress(b"one") + compressor.flush() + b"\x00"
    frames = [*side.fragments(TEXT, cut(finished, 2), rsv=RSV1)]
    frames.append(side.frame(FIN | RSV1 | TEXT, deflated(b"two")))
    got = decode(side.reader(deflate=deflate()), way(b"".join(frames)))
    assert got == [Message("one"), Message("two")]


@either_side
@every_way
def test_what_does_not_inflate_does_not_hide_what_was_wrong_before(side: Side, way: Way) -> None:
    limits = Limits(max_message_size=100)
    for data, code, words in (
        (b"x" * 100, 1007, "[RFC 7692 7.2.2]"),
        (b"x" * 101, 1009, "message of at least 101 bytes"),
        (b"ok \xff", 1007, "not UTF-8"),
    ):
        frame = side.frame(FIN | RSV1 | TEXT, deflated(data) + b"\xff\xff\xff" + bytes(9))
        error = violation(side.reader(limits, deflate=deflate()), way(frame), code)
        assert words in str(error)


# How many

EMPTY_AND_TINY = pytest.mark.parametrize("piece", [b"", b"x"], ids=["empty", "tiny"])


@either_side
@EMPTY_AND_TINY
def test_hazard_15_more_than_65536_fragments_are_owed_1008(side: Side, piece: bytes) -> None:
    more = side.frame(CONTINUATION, piece)
    begun = side.reader()
    assert decode(begun, [side.frame(BINARY, piece) + more * 65_535]) == []
    error = violation(begun, [side.frame(FIN | CONTINUATION)], 1008)
    assert str(error) == "message of more than 65536 fragments"


@either_side
@every_way
@either_lane
def test_limit_of_fragments_is_exact(side: Side, way: Way, fast_lane: bool) -> None:
    limits = Limits(max_fragments=3)
    options = {"deflate": deflate(), "fast_lane": fast_lane}
    frames = b"".join(side.fragments(TEXT, [b"a", b"b", b"c"]) * 2)
    assert decode(side.reader(limits, **options), way(frames)) == [Message("abc")] * 2
    frames = b"".join(side.fragments(TEXT, [b"a", b"b", b"c", b"d"]))
    violation(side.reader(limits, **options), way(frames), 1008)
    frames = side.frame(FIN | TEXT, "abcd")
    one = Limits(max_fragments=1)
    assert decode(side.reader(one, **options), way(frames)) == [Message("abcd")]


@either_side
@EMPTY_AND_TINY
def test_hazard_15_fragments_without_limit_cost_no_more_than_their_bytes(
    side: Side, piece: bytes
) -> None:
    count = 10_000
    more = side.frame(CONTINUATION, piece)
    begun = side.reader(Limits(max_fragments=None))
    begun.feed(side.frame(BINARY, piece))
    assert begun.next() is None
    with memory() as used:
        for _ in range(count):
            begun.feed(more)
            assert begun.next() is None
        # As objects they would have cost 100 bytes each.
        assert used.peak < 3 * count
    assert decode(begun, [side.frame(FIN | CONTINUATION)]) == [Message(piece * (count + 1))]
