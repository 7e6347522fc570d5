"""Conversations that end without a Close of the peer: violation, end of file, loss [7.1.7]."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rawws.core.close import Close
from rawws.core.conversation import Conversation, State
from rawws.core.errors import LocalProtocolError, RemoteProtocolError
from rawws.core.events import Closed, Message, MessagePart, Ping
from rawws.core.limits import Limits
from tests.core.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    LOST,
    PING,
    PONG,
    TEXT,
    Side,
    Way,
    byte_by_byte,
    converse,
    either_side,
    every_way,
    memory,
)


def owed(side: Side, talk: Conversation) -> tuple[int, str]:
    """Code and reason of the one Close that is queued."""
    (frame,) = side.sent(talk)
    assert frame.first == FIN | CLOSE
    return int.from_bytes(frame.payload[:2]), frame.payload[2:].decode()


# By violation

VIOLATIONS: list[tuple[Callable[[Side], bytes], int]] = [
    (lambda side: b"\xff\xff", 1002),
    (lambda side: side.frame(FIN | CONTINUATION), 1002),
    (lambda side: side.frame(FIN | CLOSE, b"\x03"), 1002),
    (lambda side: side.frame(FIN | CLOSE, b"\x03\xe8\xff"), 1007),
    (lambda side: side.frame(FIN | TEXT, b"\xff"), 1007),
    (lambda side: side.frame(BINARY) + side.frame(CONTINUATION) * 3, 1008),
    (lambda side: side.header(FIN | BINARY, 2**62), 1009),
]
LIMITS = Limits(max_fragments=3)
every_violation = pytest.mark.parametrize(("bad", "code"), VIOLATIONS)


@either_side
@every_way
@every_violation
def test_violation_is_owed_one_close_with_its_code(
    side: Side, way: Way, bad: Callable[[Side], bytes], code: int
) -> None:
    talk = side.talk(LIMITS)
    message, closed = converse(talk, way(side.frame(FIN | TEXT, "a") + bad(side)))
    assert message == Message("a")
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, RemoteProtocolError)
    reason = str(closed.error)
    assert closed.error.code == code
    assert closed.close == Close(code, reason, "local")
    assert owed(side, talk) == (code, reason)
    assert talk.state is State.CLOSED
    assert (talk.closed, talk.error) == (closed.close, closed.error)
    assert (talk.close_sent, talk.close_received) == (closed.close, None)


@either_side
@every_violation
def test_hazard_16_after_a_violation_nothing_is_parsed_sent_or_kept(
    side: Side, bad: Callable[[Side], bytes], code: int
) -> None:
    late = side.frame(FIN | TEXT, "late") + side.frame(FIN | PING) + side.close()
    talk = side.talk(LIMITS)
    (closed,) = converse(talk, [bad(side) + late])
    assert owed(side, talk)[0] == code
    flood = late * 2000
    with memory() as used:
        for _ in range(100):
            assert converse(talk, [flood, b"\xff\xff"]) == []
        assert used.held < 1000
    assert (talk.buffered, talk.data_to_send()) == (0, b"")
    assert converse(talk, [b""]) == []
    assert closed == Closed(talk.closed, talk.error)


@either_side
@every_way
def test_violation_after_own_close_ends_it_without_another(side: Side, way: Way) -> None:
    talk = side.talk(LIMITS)
    talk.close(1001)
    talk.data_to_send()
    message, closed = converse(talk, way(side.frame(FIN | TEXT, "a") + b"\xff\xff"))
    assert message == Message("a")
    assert isinstance(closed, Closed)
    assert closed.error is not None
    assert (closed.close.code, closed.close.by) == (1002, "local")
    assert talk.data_to_send() == b""
    assert talk.close_sent == Close(1001, "", "local")


# By end of file


@either_side
@every_way
def test_hazard_18_frames_before_the_end_of_file_come_before_its_1006(side: Side, way: Way) -> None:
    talk = side.talk()
    talk.receive_data(side.frame(FIN | TEXT, "a") + side.frame(FIN | PING, b"?"))
    assert converse(talk, [*way(side.frame(FIN | TEXT, "b")), b""]) == [
        Message("a"),
        Ping(b"?"),
        Message("b"),
        Closed(LOST),
    ]
    assert (talk.state, talk.closed) == (State.CLOSED, LOST)


@either_side
def test_hazard_18_end_of_file_after_a_close_is_not_reported_again(side: Side) -> None:
    for code in (1000, None, 1003):
        talk = side.talk()
        assert len(converse(talk, [side.close(code), b"", b""])) == 1
        assert talk.closed == talk.close_received
    talk = side.talk()
    talk.receive_data(side.close())
    talk.receive_data(b"")
    assert list(talk.events()) == [Closed(Close(1000, "", "remote"))]
    assert list(talk.events()) == []


@either_side
@pytest.mark.parametrize(
    "begun",
    [
        lambda side: b"",
        lambda side: side.header(FIN | BINARY, 70_000)[:-1],
        lambda side: side.frame(FIN | BINARY, b"x" * 200)[:-1],
        lambda side: side.frame(FIN | PING, b"x")[:-1],
        lambda side: side.frame(TEXT, "a"),
    ],
)
def test_end_of_file_wherever_it_comes_is_1006(side: Side, begun: Callable[[Side], bytes]) -> None:
    talk = side.talk()
    assert converse(talk, [*byte_by_byte(begun(side)), b""]) == [Closed(LOST)]
    assert talk.data_to_send() == b""
    assert (talk.close_sent, talk.close_received, talk.error) == (None, None, None)


@either_side
def test_end_of_file_after_own_close_is_1006(side: Side) -> None:
    talk = side.talk()
    talk.close()
    assert converse(talk, [side.frame(FIN | TEXT, "a"), b""]) == [Message("a"), Closed(LOST)]
    assert talk.close_sent == Close(1000, "", "local")


@either_side
def test_bytes_after_the_end_of_file_are_a_local_error(side: Side) -> None:
    talk = side.talk()
    talk.receive_data(b"")
    talk.receive_data(b"")
    with pytest.raises(LocalProtocolError, match="1 bytes after the end of the stream"):
        talk.receive_data(b"x")
    assert list(talk.events()) == [Closed(LOST)]


@either_side
def test_hazard_19_bytes_after_the_end_are_ignored(side: Side) -> None:
    for last in (side.close(), b""):
        talk = side.talk()
        assert len(converse(talk, [last])) == 1
        talk.data_to_send()
        assert converse(talk, [side.frame(FIN | TEXT, "late"), b"\xff\xff", b"", b"x"]) == []
        assert (talk.buffered, talk.data_to_send()) == (0, b"")


# By loss


@either_side
@pytest.mark.parametrize("local", [False, True])
def test_lost_connection_is_1006_and_says_why(side: Side, local: bool) -> None:
    talk = side.talk()
    talk.lost("too slow", local=local)
    assert talk.state is State.CLOSED
    assert talk.closed == Close(1006, "too slow", "local" if local else "remote")
    assert list(talk.events()) == []
    assert talk.data_to_send() == b""


@either_side
def test_messages_that_are_here_can_be_taken_after_a_loss(side: Side) -> None:
    talk = side.talk()
    frames = [
        side.frame(FIN | PING),
        side.frame(FIN | TEXT, "a"),
        side.frame(FIN | PONG),
        *side.fragments(TEXT, [b"b", b"c"]),
        side.frame(FIN | PING),
        side.frame(FIN | TEXT, "never whole")[:-1],
    ]
    talk.receive_data(b"".join(frames))
    talk.lost()
    talk.receive_data(frames[1])
    assert list(talk.events()) == [Message("a"), Message("bc")]
    assert (talk.buffered, talk.data_to_send()) == (0, b"")
    assert (talk.closed, talk.state) == (LOST, State.CLOSED)


@either_side
def test_parts_that_are_here_can_be_taken_after_a_loss(side: Side) -> None:
    talk = side.talk()
    first, last = side.fragments(TEXT, [b"a", b"b"])
    ping = side.frame(FIN | PING)
    talk.receive_data(first + ping + last + ping + first[:-1])
    assert talk.next_event(parts=True) == MessagePart("a", final=False)
    talk.lost()
    assert talk.next_event(parts=True) == MessagePart("b", final=True)
    assert talk.next_event(parts=True) is None


@either_side
@pytest.mark.parametrize("last", [lambda side: b"\xff\xff", lambda side: side.close(1001)])
def test_nothing_behind_a_violation_or_close_is_taken_after_a_loss(
    side: Side, last: Callable[[Side], bytes]
) -> None:
    talk = side.talk()
    message = side.frame(FIN | TEXT, "a")
    talk.receive_data(message + last(side) + message)
    talk.lost()
    assert list(talk.events()) == [Message("a")]
    assert talk.next_event() is None
    assert (talk.closed, talk.error, talk.data_to_send()) == (LOST, None, b"")


@either_side
def test_loss_after_the_end_changes_nothing(side: Side) -> None:
    talk = side.talk()
    converse(talk, [side.close(1001)])
    talk.lost("too late")
    assert talk.closed == Close(1001, "", "remote")
    talk = side.talk()
    talk.close()
    talk.lost("no answer")
    talk.lost("again")
    assert talk.closed == Close(1006, "no answer", "remote")
