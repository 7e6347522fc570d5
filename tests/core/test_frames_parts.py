"""Messages taken in parts, as their bytes arrive, and what is abandoned."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rawws.core.errors import RemoteProtocolError
from rawws.core.events import Message, MessagePart, Ping
from rawws.core.frames import FrameEvent, FrameReader
from rawws.core.limits import Limits
from tests.core.wire import (
    BINARY,
    CONTINUATION,
    FIN,
    PING,
    RSV1,
    TEXT,
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
    violation,
)

SENTENCE = "Zwölf Boxkämpfer jagen 😀 quer über den großen Sylter Deich"


def messages(events: Iterable[FrameEvent | RemoteProtocolError]) -> list[str | bytes]:
    """What the parts make when they are joined; each message has one final part, its last."""
    found: list[str | bytes] = []
    parts: list[str | bytes] = []
    for event in events:
        assert isinstance(event, MessagePart)
        parts.append(event.data)
        if event.final:
            found.append(type(parts[0])().join(parts))
            parts = []
    assert not parts
    return found


def parts_of(reader: FrameReader, pieces: Iterable[bytes]) -> list[str | bytes]:
    return messages(decode(reader, pieces, parts=True))


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("rsv", [0, RSV1], ids=["plain", "compressed"])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_parts_are_the_message(side: Side, way: Way, fast_lane: bool, rsv: int, size: int) -> None:
    data = SENTENCE.encode()
    for opcode, message in ((TEXT, SENTENCE), (BINARY, data)):
        frames = side.fragments(opcode, cut(deflated(data) if rsv else data, size), rsv=rsv)
        reader = side.reader(deflate=deflate(), fast_lane=fast_lane)
        assert parts_of(reader, way(b"".join(frames))) == [message]


@either_side
@every_way
@either_lane
@pytest.mark.parametrize("empty", [["a", "", "b"], [""], ["", "", ""]])
def test_every_message_has_a_final_part(
    side: Side, way: Way, fast_lane: bool, empty: list[str]
) -> None:
    frames = side.fragments(TEXT, [piece.encode() for piece in empty])
    reader = side.reader(fast_lane=fast_lane)
    assert parts_of(reader, way(b"".join(frames))) == ["".join(empty)]


@either_side
@either_lane
def test_part_is_there_as_soon_as_its_bytes_are(side: Side, fast_lane: bool) -> None:
    frame = side.frame(FIN | TEXT, "aüz")
    reader = side.reader(fast_lane=fast_lane)
    assert decode(reader, [frame[:-3]], parts=True) == [MessagePart("a", final=False)]
    # Half a character waits for its other half.
    assert decode(reader, [frame[-3:-2]], parts=True) == [MessagePart("", final=False)]
    assert decode(reader, [frame[-2:-1]], parts=True) == [MessagePart("ü", final=False)]
    assert decode(reader, [b""], parts=True) == []
    assert decode(reader, [frame[-1:]], parts=True) == [MessagePart("z", final=True)]


@either_side
@either_lane
def test_message_that_is_whole_is_one_final_part(side: Side, fast_lane: bool) -> None:
    reader = side.reader(fast_lane=fast_lane)
    reader.feed(side.frame(FIN | BINARY, b"all"))
    assert reader.next(parts=True) == MessagePart(b"all", final=True)


@either_side
def test_control_frame_between_parts_is_an_event_of_its_own(side: Side) -> None:
    first, last = side.fragments(TEXT, [b"a", b"b"])
    frames = [first, side.frame(FIN | PING, b"?"), last]
    assert decode(side.reader(), frames, parts=True) == [
        MessagePart("a", final=False),
        Ping(b"?"),
        MessagePart("b", final=True),
    ]


@either_side
def test_rest_of_a_message_that_began_in_parts_can_be_taken_whole(side: Side) -> None:
    reader = side.reader()
    first, last = side.fragments(TEXT, [b"a", b"b"])
    assert decode(reader, [first], parts=True) == [MessagePart("a", final=False)]
    assert decode(reader, [last, side.frame(FIN | TEXT, "c")]) == [Message("b"), Message("c")]


@either_side
@pytest.mark.parametrize("rsv", [0, RSV1], ids=["plain", "compressed"])
def test_limit_holds_for_all_parts_together(side: Side, rsv: int) -> None:
    data = b"x" * 1001
    frames = side.fragments(BINARY, cut(deflated(data) if rsv else data, 600), rsv=rsv)
    reader = side.reader(Limits(max_message_size=1000), deflate=deflate())
    *parts, error = decode(reader, byte_by_byte(b"".join(frames)), parts=True)
    assert all(isinstance(part, MessagePart) and not part.final for part in parts)
    assert isinstance(error, RemoteProtocolError)
    assert error.code == 1009


@either_side
@either_lane
def test_text_of_parts_that_ends_within_a_character_is_owed_1007(
    side: Side, fast_lane: bool
) -> None:
    frames = side.fragments(TEXT, [b"caf\xc3", b""])
    reader = side.reader(fast_lane=fast_lane)
    part, error = decode(reader, frames, parts=True)
    assert part == MessagePart("caf", final=False)
    assert isinstance(error, RemoteProtocolError)
    assert error.code == 1007


# Abandoned


@either_side
@either_lane
@pytest.mark.parametrize("rsv", [0, RSV1], ids=["plain", "compressed"])
@pytest.mark.parametrize("parts", [True, False], ids=["in parts", "whole"])
def test_rest_of_an_abandoned_message_is_skipped(
    side: Side, fast_lane: bool, rsv: int, parts: bool
) -> None:
    data = SENTENCE.encode()
    pieces = cut(deflated(data) if rsv else data, 9)
    begun, *rest = side.fragments(TEXT, pieces, rsv=rsv)
    rest.insert(1, side.frame(FIN | PING))
    reader = side.reader(deflate=deflate(), fast_lane=fast_lane)
    (first,) = decode(reader, [begun], parts=True)
    assert isinstance(first, MessagePart)
    reader.skip_message()
    assert decode(reader, byte_by_byte(b"".join(rest)), parts=parts) == [Ping(b"")]
    following = MessagePart("next", final=True) if parts else Message("next")
    assert decode(reader, [side.frame(FIN | TEXT, "next")], parts=parts) == [following]


@either_side
def test_message_abandoned_within_a_frame_is_skipped_to_its_end(side: Side) -> None:
    frame = side.frame(FIN | BINARY, b"x" * 500)
    reader = side.reader()
    assert len(decode(reader, [frame[:200]], parts=True)) == 1
    reader.skip_message()
    rest = frame[200:] + side.frame(FIN | TEXT, "next")
    assert parts_of(reader, byte_by_byte(rest)) == ["next"]


@either_side
def test_compressed_message_that_follows_an_abandoned_one_is_inflated(side: Side) -> None:
    from_peer = deflate()
    first, second = from_peer.compress(b"same " * 99), from_peer.compress(b"same " * 99)
    frames = side.frame(FIN | RSV1 | BINARY, first)
    reader = side.reader(deflate=deflate())
    assert len(decode(reader, [frames[:-3]], parts=True)) == 1
    reader.skip_message()
    more = [frames[-3:], side.frame(FIN | RSV1 | BINARY, second)]
    assert decode(reader, more) == [Message(b"same " * 99)]


@either_side
def test_abandoned_message_still_has_to_keep_to_protocol_and_limits(side: Side) -> None:
    def abandoned() -> FrameReader:
        reader = side.reader(Limits(max_message_size=100, max_fragments=3))
        assert len(decode(reader, [side.frame(BINARY, b"x" * 60)], parts=True)) == 1
        reader.skip_message()
        return reader

    violation(abandoned(), [side.frame(CONTINUATION, b"x" * 41)], 1009)
    violation(abandoned(), [side.frame(CONTINUATION)] * 3, 1008)
    violation(abandoned(), [side.frame(FIN | BINARY, b"x")], 1002)


@either_side
def test_skipping_where_no_message_has_begun_skips_nothing(side: Side) -> None:
    reader = side.reader()
    reader.skip_message()
    assert decode(reader, [side.frame(FIN | TEXT, "a")]) == [Message("a")]
    reader.skip_message()
    assert decode(reader, [side.frame(FIN | TEXT, "b")]) == [Message("b")]
