"""Whatever comes and whatever is asked, in any order: documented errors, and a sound output."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rawws.core.conversation import Conversation
from rawws.core.deflate import Deflate
from rawws.core.errors import LocalProtocolError
from rawws.core.events import Closed
from rawws.core.http import Response
from rawws.core.protocol import ClientProtocol, ServerProtocol, State
from tests.core.handshakes import NONCE, plain, switching, upgrade
from tests.core.wire import CLIENT, CLOSE, FIN, SERVER, Side, frames_in
from tests.fuzz.strategies import DATA, LIMITS, SIDES, often, streams

ANSWER = "Sec-WebSocket-Extensions: permessage-deflate"
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
ANYTHING: st.SearchStrategy[Any] = st.sampled_from([None, 5, "\ud800", b"\xff", ["x"], 70_000])
MAYBE = st.none() | st.booleans()

Step = Callable[[Any], object]


def take_part(talk: Conversation) -> None:
    talk.next_event(parts=True)


def take_all(talk: Conversation) -> None:
    for event in talk.events():
        assert talk.state is State.CLOSED or not isinstance(event, Closed)


EITHER_ROLE = [
    st.just(take_all),
    st.just(take_part),
    st.just(Conversation.skip_message),
    st.builds(
        lambda data, text, compress: (
            lambda talk: talk.send_message(data, text=text, compress=compress)
        ),
        *(DATA | ANYTHING, MAYBE, MAYBE),
    ),
    st.builds(
        lambda data, final, text: lambda talk: talk.send_part(data, final=final, text=text),
        *(DATA | ANYTHING, st.booleans(), MAYBE),
    ),
    st.builds(lambda data: lambda talk: talk.send_ping(data), st.binary(max_size=130) | ANYTHING),
    st.builds(
        lambda code, reason: lambda talk: talk.close(code, reason),
        *(st.integers(990, 5001) | ANYTHING, st.text(max_size=130) | ANYTHING),
    ),
    st.builds(lambda local: lambda talk: talk.lost("gone", local=local), st.booleans()),
]
SERVER_ONLY = [
    st.builds(
        lambda response: lambda talk: talk.reject(response),
        st.builds(Response, st.integers(100, 700)) | ANYTHING,
    ),
    st.builds(
        lambda name, headers: lambda talk: talk.accept(name, headers),
        *(st.sampled_from([None, "a", "b", 5]), st.sampled_from([(), {"X": "y"}, {"X": "\n"}])),
    ),
]


@st.composite
def inputs(draw: st.DrawFn, side: Side) -> Step:
    """Bytes that make sense at some stage, or at none; none at all are the end of file."""
    heads = [upgrade(OFFER), upgrade("Sec-WebSocket-Protocol: a"), plain(), plain()[:-9]]
    if side is CLIENT:
        heads = [switching(), switching(ANSWER), b"HTTP/1.1 200 OK\r\n\r\n", switching()[:-9]]
    frames = streams(side, compression=True)
    data = draw(frames | frames | st.sampled_from(heads) | st.binary(max_size=40))
    return lambda talk: talk.receive_data(data)


def begin(side: Side, opened: bool) -> tuple[ClientProtocol | ServerProtocol, bytes]:
    """A role, as it is or with its handshake behind it, and what it has sent."""
    talk: ClientProtocol | ServerProtocol
    if side is SERVER:
        talk = ServerProtocol(limits=LIMITS, compression=Deflate(threshold=0))
    else:
        talk = ClientProtocol(
            "ws://example.com/",
            limits=LIMITS,
            compression=Deflate(threshold=0),
            random=lambda size: NONCE[:size],
        )
    if opened:
        talk.receive_data(upgrade(OFFER) if side is SERVER else switching(ANSWER))
        take_all(talk)
        if isinstance(talk, ServerProtocol):
            talk.accept()
        assert talk.state is State.OPEN
    return talk, talk.data_to_send()


def frames_sent(side: Side, sent: bytes) -> list[int]:
    """The first bytes of the frames behind the upgrade; they are whole."""
    upgraded = sent.partition(b"HTTP/1.1 101 " if side is SERVER else b"GET ")[2]
    frames = frames_in(upgraded.partition(b"\r\n\r\n")[2], masks=side.client)
    return [frame.first for frame in frames]


@often
@given(st.data(), SIDES, st.booleans())
def test_only_local_protocol_errors_escape_and_the_output_is_sound(
    data: st.DataObject, side: Side, opened: bool
) -> None:
    talk, sent = begin(side, opened)
    steps = st.one_of(inputs(side), *EITHER_ROLE, *(SERVER_ONLY if side is SERVER else []))
    for step in data.draw(st.lists(steps, max_size=12)):
        with suppress(LocalProtocolError):
            step(talk)
        sent += talk.data_to_send()
    take_all(talk)
    firsts = frames_sent(side, sent + talk.data_to_send())
    assert (FIN | CLOSE) not in firsts[:-1]
    assert (talk.close_sent is not None) == (firsts[-1:] == [FIN | CLOSE])
    assert (talk.state is State.CLOSED) == (talk.closed is not None)
    assert talk.error is None or talk.state is State.CLOSED
    assert talk.buffered == 0 or talk.state is not State.CLOSED
