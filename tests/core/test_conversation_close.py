"""Close from either side, what goes out before it, and nothing after it [5.5.1, 7.1]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rawws.core.close import Close
from rawws.core.conversation import Conversation, State
from rawws.core.errors import LocalProtocolError
from rawws.core.events import Closed, Message, Ping, Pong
from tests.core.wire import (
    CONTINUATION,
    FIN,
    PING,
    PONG,
    TEXT,
    Frame,
    Side,
    Way,
    close_frame,
    converse,
    either_side,
    every_way,
)

# Written out, for the module's own arithmetic must not prove itself.
ON_THE_WIRE = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})


# By Close of the peer


@either_side
@every_way
@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (1014, ""), (4999, "grüß")])
def test_close_of_the_peer_is_answered_with_its_code(
    side: Side, way: Way, code: int, reason: str
) -> None:
    talk = side.talk()
    close = Close(code, reason, "remote")
    assert converse(talk, way(side.close(code, reason))) == [Closed(close)]
    assert side.sent(talk) == [close_frame(code)]
    assert talk.state is State.CLOSED
    assert (talk.closed, talk.close_received, talk.error) == (close, close, None)
    assert talk.close_sent == Close(code, "", "local")


@either_side
@every_way
def test_close_without_code_is_answered_without_one(side: Side, way: Way) -> None:
    talk = side.talk()
    close = Close(1005, "", "remote")
    assert converse(talk, way(side.close(None))) == [Closed(close)]
    assert side.sent(talk) == [close_frame(None)]
    assert talk.close_sent == Close(1005, "", "local")


@either_side
def test_all_65536_close_codes_are_answered_or_owed_1002(side: Side) -> None:
    for code in range(65536):
        talk = side.talk()
        (closed,) = converse(talk, [side.close(code)])
        assert isinstance(closed, Closed)
        if code in ON_THE_WIRE:
            assert closed == Closed(Close(code, "", "remote"))
            assert side.sent(talk) == [close_frame(code)]
        else:
            assert closed.close.code == 1002
            (frame,) = side.sent(talk)
            assert frame.payload[:2] == (1002).to_bytes(2)


@either_side
@every_way
def test_messages_before_a_close_are_received_and_those_behind_it_are_not(
    side: Side, way: Way
) -> None:
    talk = side.talk()
    message = side.frame(FIN | TEXT, "a")
    events = converse(talk, way(message + side.close() + message))
    assert events == [Message("a"), Closed(Close(1000, "", "remote"))]


@either_side
def test_close_within_a_fragmented_message_ends_it(side: Side) -> None:
    talk = side.talk()
    frames = [side.frame(TEXT, "a"), side.close()]
    assert converse(talk, frames) == [Closed(Close(1000, "", "remote"))]


# By our Close


@either_side
@every_way
def test_own_close_waits_for_the_peers_which_ends_it(side: Side, way: Way) -> None:
    talk = side.talk()
    talk.close(3000, "grüß")
    own = Close(3000, "grüß", "local")
    assert (talk.state, talk.close_sent, talk.closed) == (State.CLOSING, own, None)
    assert side.sent(talk) == [close_frame(3000, "grüß")]
    assert converse(talk, way(side.close(3000))) == [Closed(own)]
    assert (talk.state, talk.closed) == (State.CLOSED, own)
    assert talk.close_received == Close(3000, "", "remote")
    assert talk.data_to_send() == b""


@either_side
def test_both_may_close_at_once(side: Side) -> None:
    talk = side.talk()
    talk.close(1001, "going")
    talk.data_to_send()
    assert converse(talk, [side.close(4000, "bye")]) == [Closed(Close(1001, "going", "local"))]
    assert talk.close_received == Close(4000, "bye", "remote")
    assert talk.data_to_send() == b""


@either_side
@pytest.mark.parametrize(
    ("arguments", "frame"),
    [
        ((), close_frame(1000)),
        ((None,), close_frame(None)),
        ((1014, "x" * 123), close_frame(1014, "x" * 123)),
    ],
)
def test_close_has_the_code_and_reason_given(
    side: Side, arguments: tuple[Any, ...], frame: Frame
) -> None:
    talk = side.talk()
    talk.close(*arguments)
    assert side.sent(talk) == [frame]


@either_side
def test_hazard_17_all_65536_close_codes_are_sent_or_refused(side: Side) -> None:
    unmoved = side.talk()
    for code in [*range(65536), -1, 70_000, 10**9]:
        if code in ON_THE_WIRE:
            talk = side.talk()
            talk.close(code)
            assert side.sent(talk) == [close_frame(code)]
        else:
            with pytest.raises(LocalProtocolError, match="may not be sent"):
                unmoved.close(code)
    assert unmoved.state is State.OPEN
    assert unmoved.data_to_send() == b""


@either_side
@pytest.mark.parametrize(
    ("code", "reason"), [(None, "why"), (1000, "x" * 124), (1000, "\ud800"), ("1000", ""), (5, "")]
)
def test_close_that_may_not_be_sent_closes_nothing(side: Side, code: Any, reason: str) -> None:
    talk = side.talk()
    with pytest.raises(LocalProtocolError):
        talk.close(code, reason)
    assert (talk.state, talk.close_sent) == (State.OPEN, None)
    talk.send_message("still here")
    assert side.sent(talk) == [Frame(FIN | TEXT, b"still here")]


@either_side
@every_way
def test_what_the_peer_sent_before_its_own_close_still_comes(side: Side, way: Way) -> None:
    talk = side.talk()
    converse(talk, [side.frame(TEXT, "a")])
    talk.close()
    frames = [side.frame(FIN | CONTINUATION, "b"), side.frame(FIN | TEXT, "c"), side.close()]
    assert converse(talk, way(b"".join(frames))) == [
        Message("ab"),
        Message("c"),
        Closed(Close(1000, "", "local")),
    ]


@either_side
@every_way
def test_hazard_19_ping_and_pong_after_own_close_are_events_and_not_answered(
    side: Side, way: Way
) -> None:
    talk = side.talk()
    talk.close()
    talk.data_to_send()
    frames = side.frame(FIN | PONG, b"1") + side.frame(FIN | PING, b"2")
    assert converse(talk, way(frames)) == [Pong(b"1"), Ping(b"2")]
    assert talk.data_to_send() == b""
    assert talk.state is State.CLOSING


# Pongs and Close


@either_side
def test_pong_that_is_owed_goes_out_before_own_close_and_none_after_it(side: Side) -> None:
    talk = side.talk()
    converse(talk, [side.frame(FIN | PING, b"1")])
    talk.close()
    converse(talk, [side.frame(FIN | PING, b"2")])
    assert side.sent(talk) == [Frame(FIN | PONG, b"1"), close_frame(1000)]
    assert talk.data_to_send() == b""


@either_side
@every_way
def test_pong_that_is_owed_goes_out_before_the_answer_to_a_close(side: Side, way: Way) -> None:
    talk = side.talk()
    converse(talk, way(side.frame(FIN | PING, b"1") + side.close()))
    assert side.sent(talk) == [Frame(FIN | PONG, b"1"), close_frame(1000)]


@either_side
@every_way
def test_pong_that_is_owed_goes_out_before_the_close_for_a_violation(side: Side, way: Way) -> None:
    talk = side.talk()
    talk.send_message("first")
    converse(talk, way(side.frame(FIN | PING, b"1") + side.frame(FIN | TEXT, b"\xff")))
    message, pong, close = side.sent(talk)
    assert (message.payload, pong) == (b"first", Frame(FIN | PONG, b"1"))
    assert close.payload[:2] == (1007).to_bytes(2)


# Sending at the end


def after_own_close(side: Side, talk: Conversation) -> None:
    talk.close()


def after_peers_close(side: Side, talk: Conversation) -> None:
    converse(talk, [side.close()])


def after_violation(side: Side, talk: Conversation) -> None:
    converse(talk, [b"\xff\xff"])


def after_end_of_file(side: Side, talk: Conversation) -> None:
    converse(talk, [b""])


def after_loss(side: Side, talk: Conversation) -> None:
    talk.lost()


@either_side
@pytest.mark.parametrize(
    ("end", "state"),
    [
        (after_own_close, "CLOSING"),
        (after_peers_close, "CLOSED"),
        (after_violation, "CLOSED"),
        (after_end_of_file, "CLOSED"),
        (after_loss, "CLOSED"),
    ],
)
def test_nothing_can_be_sent_at_the_end(
    side: Side, end: Callable[[Side, Conversation], None], state: str
) -> None:
    talk = side.talk()
    talk.send_part("begun", final=False)
    end(side, talk)
    talk.data_to_send()
    verbs: list[Callable[[], object]] = [
        lambda: talk.send_message("a"),
        lambda: talk.message("a"),
        lambda: talk.send_part("a", final=True),
        talk.send_ping,
        lambda: talk.frame(TEXT, b"a"),
        talk.close,
    ]
    for verb in verbs:
        with pytest.raises(LocalProtocolError, match=f"connection is not open but {state}"):
            verb()
    assert talk.data_to_send() == b""
    talk.skip_message()
