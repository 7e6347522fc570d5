"""ClientProtocol, what both roles have in common, and the two together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rawws.core.close import Close
from rawws.core.deflate import Deflate
from rawws.core.errors import InvalidURL, LocalProtocolError, RemoteProtocolError
from rawws.core.events import Accepted, Closed, Message, Ping, Rejected
from rawws.core.limits import Limits
from rawws.core.protocol import ClientProtocol, ServerProtocol, State
from tests.core.handshakes import NONCE, switching, upgrade
from tests.core.wire import (
    CLIENT,
    FIN,
    LOST,
    TEXT,
    Frame,
    Way,
    byte_by_byte,
    converse,
    cut,
    every_way,
    frames_in,
    whole,
)

URL = "ws://example.com/chat"


def client(**options: Any) -> ClientProtocol:
    """A client to which `switching()` is the right answer, its request sent."""
    protocol = ClientProtocol(URL, **({"random": lambda size: NONCE[:size]} | options))
    protocol.data_to_send()
    return protocol


# A client


def test_client_has_its_request_queued_at_once() -> None:
    protocol = ClientProtocol(
        URL,
        subprotocols=["a", "b"],
        headers={"X": "y"},
        origin="http://example.com",
        compression=Deflate(window_bits=15),
        random=lambda size: NONCE[:size],
    )
    data = protocol.data_to_send()
    assert data.startswith(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n")
    for line in (
        b"Sec-WebSocket-Protocol: a, b",
        b"X: y",
        b"Origin: http://example.com",
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ):
        assert b"\r\n" + line + b"\r\n" in data
    assert protocol.request.target == "/chat"
    assert (protocol.state, protocol.masks) == (State.CONNECTING, True)
    assert protocol.data_to_send() == b""
    assert list(protocol.events()) == []


def test_key_of_a_client_is_not_to_be_foretold() -> None:
    keys = {ClientProtocol(URL).request.headers["Sec-WebSocket-Key"] for _ in range(100)}
    assert len(keys) == 100


@pytest.mark.parametrize(
    ("url", "options", "error"),
    [
        ("http://example.com/", {}, InvalidURL),
        (URL, {"subprotocols": ["a b"]}, LocalProtocolError),
        (URL, {"headers": {"X": "y\r\nz"}}, LocalProtocolError),
        (URL, {"origin": "\r\n"}, LocalProtocolError),
    ],
)
def test_client_refuses_what_may_not_be_sent(
    url: str, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ClientProtocol(url, **options)


@every_way
def test_client_is_accepted_and_frames_behind_the_answer_are_the_first(way: Way) -> None:
    protocol = client(subprotocols=["a", "b"])
    frames = CLIENT.frame(FIN | TEXT, "hello") * 2
    events = converse(protocol, way(switching("Sec-WebSocket-Protocol: b") + frames))
    accepted, *messages = events
    assert isinstance(accepted, Accepted)
    assert (accepted.response.status, accepted.subprotocol, accepted.extensions) == (101, "b", "")
    assert messages == [Message("hello")] * 2
    assert protocol.state is State.OPEN
    protocol.send_message("x")
    assert frames_in(protocol.data_to_send(), masks=True) == [Frame(FIN | TEXT, b"x")]


@every_way
def test_client_is_rejected(way: Way) -> None:
    protocol = client()
    page = b"HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\npage"
    (rejected,) = converse(protocol, way(page))
    assert isinstance(rejected, Rejected)
    assert (rejected.response.status, rejected.response.body) == (403, b"page")
    assert protocol.state is State.CLOSED
    assert protocol.closed == Close(1006, "answered with 403", "remote")
    assert converse(protocol, [page, b""]) == []
    assert protocol.data_to_send() == b""


@every_way
@pytest.mark.parametrize(
    "data",
    [
        switching(Sec_WebSocket_Accept="x" * 28),
        switching("Sec-WebSocket-Protocol: a"),
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
    ],
)
def test_client_ends_on_an_answer_that_is_none_and_sends_nothing(way: Way, data: bytes) -> None:
    protocol = client()
    (closed,) = converse(protocol, way(data))
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, RemoteProtocolError)
    assert closed.close == Close(1006, closed.close.reason, "local")
    assert str(closed.error).startswith(closed.close.reason)
    assert closed.close.reason
    assert (protocol.closed, protocol.error) == (closed.close, closed.error)
    assert (protocol.state, protocol.close_sent) == (State.CLOSED, None)
    assert converse(protocol, [switching(), b""]) == []
    assert protocol.data_to_send() == b""


def test_what_is_told_of_a_bad_answer_fits_a_close_frame() -> None:
    protocol = client(subprotocols=["a" * 200])
    (closed,) = converse(protocol, [switching("Sec-WebSocket-Protocol: b")])
    assert isinstance(closed, Closed)
    assert len(closed.close.reason) == 123
    assert str(closed.error).startswith(closed.close.reason)


@pytest.mark.parametrize("begun", [b"", switching()[:-1]])
def test_end_of_file_instead_of_an_answer(begun: bytes) -> None:
    protocol = client()
    (closed,) = converse(protocol, [*byte_by_byte(begun), b""])
    assert isinstance(closed, Closed)
    assert closed.close.code == 1006
    assert closed.error is not None
    assert (protocol.state, protocol.data_to_send()) == (State.CLOSED, b"")


def test_end_of_file_right_behind_the_answer_comes_after_its_frames() -> None:
    protocol = client()
    protocol.receive_data(switching() + CLIENT.frame(FIN | TEXT, "hello"))
    protocol.receive_data(b"")
    accepted, *rest = protocol.events()
    assert isinstance(accepted, Accepted)
    assert rest == [Message("hello"), Closed(LOST)]


# Either


@pytest.mark.parametrize("make", [ServerProtocol, client])
def test_nothing_is_sent_before_the_handshake_is_done(make: Callable[[], Any]) -> None:
    protocol = make()
    verbs: list[Callable[[], object]] = [
        lambda: protocol.send_message("a"),
        lambda: protocol.message("a"),
        lambda: protocol.send_part("a", final=False),
        protocol.send_ping,
        protocol.close,
        lambda: protocol.frame(TEXT, b""),
    ]
    for verb in verbs:
        with pytest.raises(LocalProtocolError, match="not open but CONNECTING"):
            verb()
    protocol.skip_message()
    assert (protocol.data_to_send(), protocol.buffered) == (b"", 0)
    assert not protocol.sending_parts


@pytest.mark.parametrize("make", [ServerProtocol, client])
def test_connection_lost_in_the_handshake_is_over(make: Callable[[], Any]) -> None:
    protocol = make()
    protocol.lost("gone", local=True)
    assert converse(protocol, [upgrade(), switching(), b""]) == []
    assert (protocol.state, protocol.closed) == (State.CLOSED, Close(1006, "gone", "local"))


def pair(way: Way, **options: Any) -> tuple[ClientProtocol, ServerProtocol, Accepted]:
    """A client and a server that have shaken hands."""
    one, other = ClientProtocol(URL, **options), ServerProtocol(**options)
    converse(other, way(one.data_to_send()))
    other.accept()
    (accepted,) = converse(one, way(other.data_to_send()))
    assert isinstance(accepted, Accepted)
    return one, other, accepted


def test_limits_given_hold_for_messages() -> None:
    for by_client in (True, False):
        one, other, _ = pair(whole, limits=Limits(max_message_size=3))
        sender, receiver = (one, other) if by_client else (other, one)
        sender.send_message("abcd")
        (closed,) = converse(receiver, [sender.data_to_send()])
        assert isinstance(closed, Closed)
        assert closed.close.code == 1009


def by_sevens(data: bytes) -> list[bytes]:
    return cut(data, 7)


@pytest.mark.parametrize("way", [byte_by_byte, by_sevens])
@pytest.mark.parametrize("compression", [None, Deflate(threshold=0), Deflate(window_bits=15)])
def test_client_and_server_talk_and_close(way: Way, compression: Deflate | None) -> None:
    one, other, accepted = pair(way, compression=compression)
    assert accepted.extensions == other.extensions
    assert bool(accepted.extensions) == (compression is not None)
    for sender, receiver in ((one, other), (other, one)):
        for _ in range(2):
            sender.send_message("grüß " * 100)
        sender.send_part(b"in ", final=False)
        sender.send_ping(b"?")
        sender.send_part(b"parts", final=True)
        sent = sender.data_to_send()
        assert (len(sent) < 1000) == (compression is not None)
        events = converse(receiver, way(sent))
        receiver.data_to_send()
        assert events == [
            *[Message("grüß " * 100)] * 2,
            Ping(b"?"),
            Message(b"in parts"),
        ]
    one.close(4000, "bye")
    assert converse(other, way(one.data_to_send())) == [Closed(Close(4000, "bye", "remote"))]
    assert converse(one, way(other.data_to_send())) == [Closed(Close(4000, "bye", "local"))]
    assert one.state is other.state is State.CLOSED
