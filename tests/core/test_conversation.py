"""An open conversation: what comes in as events, what goes out, pings and their pongs."""

from __future__ import annotations

from typing import Any

import pytest

from rawws.core.conversation import Conversation, State
from rawws.core.deflate import Deflate
from rawws.core.errors import InvalidMessage, LocalProtocolError
from rawws.core.events import Closed, Event, Message, MessagePart, Ping, Pong
from rawws.core.limits import Limits
from tests.core.wire import (
    BINARY,
    CLIENT,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    RSV1,
    SERVER,
    TEXT,
    Frame,
    Side,
    Way,
    converse,
    deflate,
    deflated,
    either_lane,
    either_side,
    every_way,
    frames_in,
    whole,
)

# In


@either_side
@every_way
def test_frames_are_events_in_their_order(side: Side, way: Way) -> None:
    talk = side.talk(deflate=deflate())
    frames = [
        side.frame(FIN | TEXT, "grüß"),
        side.frame(FIN | PONG, b"unasked"),
        side.frame(TEXT, "in "),
        side.frame(FIN | PING, b"?"),
        side.frame(FIN | CONTINUATION, "pieces"),
        side.frame(FIN | RSV1 | BINARY, deflated(b"x" * 500)),
    ]
    expected: list[Event] = [
        Message("grüß"),
        Pong(b"unasked"),
        Ping(b"?"),
        Message("in pieces"),
        Message(b"x" * 500),
    ]
    assert converse(talk, way(b"".join(frames))) == expected
    assert talk.state is State.OPEN
    assert side.sent(talk) == [Frame(FIN | PONG, b"?")]


@either_side
@every_way
def test_frames_that_came_with_the_handshake_are_the_first(side: Side, way: Way) -> None:
    data = side.frame(FIN | TEXT, "a") + side.frame(FIN | TEXT, "b")
    for length in range(len(data)):
        talk = side.talk(trailing=data[:length])
        assert converse(talk, way(data[length:])) == [Message("a"), Message("b")]


@either_side
def test_events_are_decoded_when_they_are_asked_for(side: Side) -> None:
    talk = side.talk()
    packet = side.frame(FIN | TEXT, "a") + side.frame(FIN | PING)
    talk.receive_data(packet)
    assert talk.buffered == len(packet)
    assert next(talk.events()) == Message("a")
    assert talk.buffered == len(side.frame(FIN | PING))
    assert talk.data_to_send() == b""
    assert list(talk.events()) == [Ping(b"")]
    assert talk.buffered == 0


@either_side
@every_way
@either_lane
def test_asking_for_messages_first_changes_nothing(side: Side, way: Way, fast_lane: bool) -> None:
    data = way(
        b"".join(
            [
                side.frame(FIN | TEXT, "grüß"),
                side.frame(FIN | BINARY, bytes(125)) + side.frame(FIN | BINARY, bytes(126)),
                side.frame(FIN | PING, b"?") + side.frame(FIN | TEXT),
                *side.fragments(TEXT, [b"in ", b"", b"pieces"]),
                side.frame(FIN | RSV1 | BINARY, deflated(b"x" * 500)),
                side.frame(FIN | TEXT, "a") + side.frame(FIN | TEXT, b"\xff") + side.close(),
            ]
        )
    )
    expected = converse(side.talk(deflate=deflate(), fast_lane=fast_lane), data)
    talk = side.talk(deflate=deflate(), fast_lane=fast_lane)
    found: list[Event] = []
    for piece in data:
        talk.receive_data(piece)
        while talk.reader is not None:
            message = talk.reader.next_message()
            event = talk.next_event() if message is None else Message(message)
            if event is None:
                break
            found.append(event)
    assert repr(found) == repr(expected)  # errors are equal to themselves only


@either_side
@pytest.mark.parametrize("limit", [1, 3, 124])
def test_message_over_the_limit_is_none_that_is_simply_there(side: Side, limit: int) -> None:
    talk = side.talk(Limits(max_message_size=limit))
    talk.receive_data(side.frame(FIN | BINARY, bytes(limit + 1)))
    assert talk.reader is not None
    assert talk.reader.next_message() is None
    assert isinstance(talk.next_event(), Closed)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_taken_as_it_is_then(kind: Any) -> None:
    data = bytearray(SERVER.frame(FIN | BINARY, b"abc"))
    given = data if kind is bytearray else kind(data)
    talk = SERVER.talk()
    talk.receive_data(given)
    data[-3:] = b"!!!"
    assert list(talk.events()) == [Message(b"abc")]


@either_side
@pytest.mark.parametrize("fast_lane", [True, False])
def test_limits_hold_for_what_is_received(side: Side, fast_lane: bool) -> None:
    talk = side.talk(Limits(max_message_size=3), fast_lane=fast_lane)
    (closed,) = converse(talk, [side.frame(FIN | TEXT, "abcd")])
    assert isinstance(closed, Closed)
    assert closed.close.code == 1009


@either_side
def test_message_is_taken_in_parts_or_whole_as_asked(side: Side) -> None:
    talk = side.talk()
    frame = side.frame(FIN | TEXT, "abc")
    assert converse(talk, [frame[:-1], frame[-1:]], parts=True) == [
        MessagePart("ab", final=False),
        MessagePart("c", final=True),
    ]
    assert converse(talk, [frame[:-1], frame[-1:]]) == [Message("abc")]


@either_side
def test_rest_of_an_abandoned_message_is_dropped(side: Side) -> None:
    talk = side.talk()
    frame = side.frame(FIN | TEXT, "abc")
    assert converse(talk, [frame[:-1]], parts=True) == [MessagePart("ab", final=False)]
    talk.skip_message()
    assert converse(talk, [frame[-1:] + frame]) == [Message("abc")]


# Out


@either_side
def test_what_is_sent_goes_out_in_order_and_once(side: Side) -> None:
    talk = side.talk()
    assert talk.data_to_send() == b""
    talk.send_message("grüß")
    talk.send_part(b"a", final=False)
    talk.send_ping(b"?")
    talk.send_part(b"b", final=True)
    talk.send_message(b"text", text=True)
    talk.send_ping()
    assert side.sent(talk) == [
        Frame(FIN | TEXT, "grüß".encode()),
        Frame(BINARY, b"a"),
        Frame(FIN | PING, b"?"),
        Frame(FIN | CONTINUATION, b"b"),
        Frame(FIN | TEXT, b"text"),
        Frame(FIN | PING, b""),
    ]
    assert talk.data_to_send() == b""
    talk.send_message("more")
    assert side.sent(talk) == [Frame(FIN | TEXT, b"more")]


@either_side
def test_message_is_compressed_as_agreed_and_asked(side: Side) -> None:
    talk = side.talk(deflate=deflate(Deflate(threshold=100)))
    for data, compress in (("x" * 99, None), ("x" * 100, None), ("x", True), ("x" * 100, False)):
        talk.send_message(data, compress=compress)
    assert [frame.first for frame in side.sent(talk)] == [
        FIN | TEXT,
        FIN | RSV1 | TEXT,
        FIN | RSV1 | TEXT,
        FIN | TEXT,
    ]


@either_side
def test_frame_is_encoded_and_not_queued(side: Side) -> None:
    talk = side.talk(deflate=deflate(Deflate(threshold=0)))
    frame = talk.frame(TEXT, b"to many")
    assert talk.data_to_send() == b""
    assert len(frame) == 9 + 4 * side.client
    assert talk.masks == side.client
    if side is SERVER:
        assert talk.frame(TEXT, b"to many") == frame == b"\x81\x07to many"


@either_side
def test_message_is_encoded_as_it_would_be_sent_and_not_queued(side: Side) -> None:
    talk, sender = (side.talk(deflate=deflate(Deflate(threshold=100))) for _ in range(2))
    for data in ("short", "long " * 50, "long " * 50):
        frame = talk.message(data)
        assert talk.data_to_send() == b""
        sender.send_message(data)
        assert frames_in(frame, masks=side.client) == side.sent(sender)
    with pytest.raises(LocalProtocolError, match="lone surrogate"):
        talk.message("\ud800")


@either_side
def test_message_in_parts_is_known_to_be_going_out(side: Side) -> None:
    talk = side.talk()
    assert not talk.sending_parts
    talk.send_part("a", final=False)
    assert talk.sending_parts
    with pytest.raises(LocalProtocolError, match="has not ended yet"):
        talk.send_message("b")
    talk.send_part("", final=True)
    assert not talk.sending_parts


@either_side
@pytest.mark.parametrize("value", [None, 5, ["text"], object()])
def test_what_is_no_message_is_refused_and_nothing_is_sent(side: Side, value: Any) -> None:
    talk = side.talk()
    with pytest.raises(InvalidMessage, match="must be str, bytes, bytearray or memoryview"):
        talk.send_message(value)
    with pytest.raises(InvalidMessage, match="must be str, bytes, bytearray or memoryview"):
        talk.send_part(value, final=False)
    with pytest.raises(InvalidMessage, match="ping payload must be bytes"):
        talk.send_ping(value)
    assert talk.data_to_send() == b""


@either_side
def test_hazard_20_local_errors_leave_the_connection_as_good_as_before(side: Side) -> None:
    talk = side.talk()
    with pytest.raises(LocalProtocolError, match="lone surrogate"):
        talk.send_message("\ud800")
    with pytest.raises(LocalProtocolError, match="lone surrogate"):
        talk.send_part("\ud800", final=True)
    with pytest.raises(LocalProtocolError, match="126 bytes, 125 allowed"):
        talk.send_ping(b"x" * 126)
    assert talk.data_to_send() == b""
    talk.send_message("fine")
    assert side.sent(talk) == [Frame(FIN | TEXT, b"fine")]
    assert converse(talk, [side.frame(FIN | TEXT, "too")]) == [Message("too")]


# Ping and pong


@either_side
@every_way
@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))])
def test_ping_is_answered_with_its_payload(side: Side, way: Way, payload: bytes) -> None:
    talk = side.talk()
    assert converse(talk, way(side.frame(FIN | PING, payload))) == [Ping(payload)]
    assert side.sent(talk) == [Frame(FIN | PONG, payload)]
    assert talk.data_to_send() == b""


@either_side
def test_of_many_pings_the_newest_is_answered(side: Side) -> None:
    talk = side.talk()
    pings = [side.frame(FIN | PING, str(number).encode()) for number in range(1000)]
    assert len(converse(talk, [b"".join(pings)])) == 1000
    assert side.sent(talk) == [Frame(FIN | PONG, b"999")]
    assert converse(talk, [pings[0]]) == [Ping(b"0")]
    assert side.sent(talk) == [Frame(FIN | PONG, b"0")]


@either_side
def test_pong_goes_out_between_the_parts_of_a_message(side: Side) -> None:
    talk = side.talk()
    talk.send_part("a", final=False)
    converse(talk, [side.frame(FIN | PING)])
    first = side.sent(talk)
    talk.send_part("b", final=True)
    assert first + side.sent(talk) == [
        Frame(TEXT, b"a"),
        Frame(FIN | PONG, b""),
        Frame(FIN | CONTINUATION, b"b"),
    ]


@either_side
def test_pong_is_an_event_whether_asked_for_or_not(side: Side) -> None:
    talk = side.talk()
    talk.send_ping(b"1")
    talk.data_to_send()
    pongs = side.frame(FIN | PONG, b"1") + side.frame(FIN | PONG, b"2")
    assert converse(talk, whole(pongs)) == [Pong(b"1"), Pong(b"2")]
    assert talk.data_to_send() == b""


def test_conversation_needs_a_role_for_its_handshake() -> None:
    nobody = Conversation(Limits(), None, True)
    assert nobody.state is State.CONNECTING
    assert nobody.buffered == 0
    with pytest.raises(NotImplementedError):
        nobody.receive_data(b"x")
    with pytest.raises(NotImplementedError):
        nobody.next_event()


def test_client_masks_every_frame_anew() -> None:
    talk = CLIENT.talk()
    masks = set()
    for _ in range(100):
        talk.send_message("x")
        masks.add(talk.data_to_send()[2:6])
    assert len(masks) > 98
