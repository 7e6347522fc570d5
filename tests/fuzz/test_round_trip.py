"""Any message comes back from a server as it was sent, whatever was agreed on and cut."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from rawws.core.close import Close
from rawws.core.conversation import Conversation
from rawws.core.deflate import Deflate
from rawws.core.events import Accepted, Closed, Event, Message, Ping
from rawws.core.limits import Limits
from rawws.core.protocol import ClientProtocol, ServerProtocol
from tests.core.wire import cut
from tests.fuzz.strategies import CODES, DATA, DEFLATES, often

UNLIMITED = Limits(max_message_size=None, max_fragments=None)


@dataclass(frozen=True)
class Sent:
    """A message, and how it is sent."""

    data: str | bytes
    compress: bool | None
    pieces: int  # 0 for a frame of its own
    ping: bool


SENT = st.builds(
    Sent,
    data=DATA | st.sampled_from([b"ab" * 40_000, "ü" * 700, bytes(range(256)) * 3]),
    compress=st.none() | st.booleans(),
    pieces=st.integers(0, 4),
    ping=st.booleans(),
)


def send(talk: Conversation, sent: Sent) -> None:
    data = sent.data
    if not sent.pieces:
        talk.send_message(data, compress=sent.compress)
    size = len(data) // max(sent.pieces, 1) + 1
    for number in range(sent.pieces):
        piece = data[number * size : (number + 1) * size]
        talk.send_part(piece, final=number == sent.pieces - 1)
        if sent.ping:
            talk.send_ping(b"between")


def carry(sender: Conversation, receiver: Conversation, size: int) -> list[Event]:
    """Moves all that the sender has queued, so many bytes at a time."""
    events: list[Event] = []
    for piece in cut(sender.data_to_send(), size):
        receiver.receive_data(piece)
        events += receiver.events()
    return events


def shake_hands(client: ClientProtocol, server: ServerProtocol, size: int) -> None:
    carry(client, server, size)
    server.accept()
    (accepted,) = carry(server, client, size)
    assert isinstance(accepted, Accepted)
    assert accepted.extensions == server.extensions


def received(events: list[Event]) -> list[str | bytes]:
    return [event.data for event in events if isinstance(event, Message)]


@often
@given(
    st.none() | DEFLATES,
    st.none() | DEFLATES,
    st.lists(SENT, max_size=4),
    st.sampled_from([1, 2, 13, 16384, 10**6]),
    CODES,
    st.text(max_size=30),
)
def test_any_message_there_and_back(
    offered: Deflate | None,
    wanted: Deflate | None,
    messages: list[Sent],
    size: int,
    code: int,
    reason: str,
) -> None:
    client = ClientProtocol("ws://example.com/", compression=offered, limits=UNLIMITED)
    server = ServerProtocol(compression=wanted, limits=UNLIMITED)
    shake_hands(client, server, size)
    assert bool(server.extensions) == (offered is not None and wanted is not None)
    for message in messages:
        step = max(size, len(message.data) // 100)
        send(client, message)
        there = carry(client, server, step)
        assert received(there) == [message.data]
        assert there.count(Ping(b"between")) == message.pieces * message.ping
        server.send_message(message.data, compress=message.compress)
        assert received(carry(server, client, step)) == [message.data]
    client.close(code, reason)
    assert carry(client, server, size) == [Closed(Close(code, reason, "remote"))]
    assert carry(server, client, size) == [Closed(Close(code, reason, "local"))]
    assert client.error is None
    assert server.error is None
