"""The upgrade on the client's side: what is sent, and which answers are believed [4.1]."""

from __future__ import annotations

from typing import Any

import pytest

from rawws.core.deflate import Deflate
from rawws.core.errors import HandshakeError, LocalProtocolError, RemoteProtocolError
from rawws.core.events import Accepted
from rawws.core.handshake_client import ClientHandshake, HandshakeRejected
from rawws.core.http import Response
from rawws.core.limits import Limits
from rawws.core.url import URL

from .handshakes import (
    ACCEPT,
    NONCE,
    TRAILING,
    Feed,
    client,
    every_way,
    switching,
    with_trailing_bytes,
)

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def accepted(feed: Feed, data: bytes, handshake: ClientHandshake) -> Accepted:
    event = feed(handshake, data, handshake.next_event)
    assert isinstance(event, Accepted)
    assert handshake.next_event() is None
    return event


def refused(feed: Feed, data: bytes, handshake: ClientHandshake | None = None) -> str:
    """The message of the error that `data` is; checks that it is said once."""
    handshake = handshake or client()
    with pytest.raises(RemoteProtocolError) as caught:
        feed(handshake, data, handshake.next_event)
    handshake.receive_data(switching())
    handshake.receive_data(b"")
    assert handshake.next_event() is None
    assert handshake.trailing == b""
    assert handshake.at_eof
    return str(caught.value)


def test_request_is_an_upgrade() -> None:
    handshake = client("wss://example.com:8443/chat?x=1")
    assert handshake.request_bytes() == (
        b"GET /chat?x=1 HTTP/1.1\r\nHost: example.com:8443\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    assert (handshake.request.method, handshake.request.target) == ("GET", "/chat?x=1")


def test_request_has_what_the_application_asks_for() -> None:
    handshake = client(
        subprotocols=iter(["b", "a"]),
        headers=[("Cookie", "x=\xe9"), ("X", "1"), ("X", "2")],
        origin="https://example.com",
        compression=Deflate(),
    )
    assert handshake.request_bytes().endswith(b"\r\nCookie: x=\xe9\r\nX: 1\r\nX: 2\r\n\r\n")
    headers = handshake.request.headers
    assert headers["Sec-WebSocket-Protocol"] == "b, a"
    assert headers["Origin"] == "https://example.com"
    assert headers["Sec-WebSocket-Extensions"].startswith("permessage-deflate")
    assert headers.get_all("X") == ["1", "2"]


def test_each_handshake_asks_for_16_random_bytes() -> None:
    sizes = []
    client(random=lambda size: sizes.append(size) or NONCE)  # type: ignore[func-returns-value]
    assert sizes == [16]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"subprotocols": "chat"}, "subprotocols must be a list of names, not 'chat'"),
        ({"subprotocols": b"chat"}, "subprotocols must be a list of names, not b'chat'"),
        ({"subprotocols": 5}, "subprotocols must be a list of names, not 5"),
        ({"subprotocols": [5]}, "subprotocol 5 is not a token"),
        ({"subprotocols": [""]}, "subprotocol '' is not a token"),
        ({"subprotocols": ["a b"]}, "subprotocol 'a b' is not a token"),
        ({"subprotocols": ["a\r\nX: y"]}, "subprotocol 'a\\r\\nX: y' is not a token"),
        ({"subprotocols": ["\xe9"]}, "subprotocol '\xe9' is not a token"),
        ({"subprotocols": ["a", "b", "a"]}, "subprotocol 'a' is given twice"),
        ({"headers": {"a b": "x"}}, "header name 'a b' is not a token"),
        ({"headers": {"": "x"}}, "header name '' is not a token"),
        ({"headers": {"X": "a\nb"}}, "header 'X' has '\\n' in its value"),
        ({"headers": {"X": None}}, "header 'X' must be a str, not NoneType"),
        ({"headers": 5}, "headers must be a mapping or pairs"),
        ({"headers": ["abc"]}, "headers must be a mapping or pairs"),
        ({"headers": {"Host": "x"}}, "header 'Host' is the handshake's own"),
        ({"headers": {"origin": "x"}}, "header 'origin' is the handshake's own"),
        ({"headers": {"Sec-WebSocket-Key": "x"}}, "'Sec-WebSocket-Key' is the handshake's own"),
        ({"headers": {"CONNECTION": "x"}}, "'CONNECTION' is the handshake's own"),
        ({"headers": {"Content-Length": "0"}}, "'Content-Length' is the handshake's own"),
        ({"headers": {"Transfer-Encoding": "x"}}, "'Transfer-Encoding' is the handshake's own"),
        ({"headers": {"Upgrade": "x"}}, "'Upgrade' is the handshake's own"),
        ({"origin": "a\r\nb"}, "origin has '\\r' in its value"),
        ({"origin": 5}, "origin must be a str, not int"),
    ],
    ids=repr,
)
def test_argument_that_cannot_be_sent_is_a_local_error(
    options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        client(**options)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (URL(False, "h", 80, "/\r\nX: y"), "target '/\\r\\nX: y'"),
        (URL(False, "h", 80, "/\0"), "target '/\\x00'"),
        (URL(False, "h", 80, "/a b"), "target '/a b'"),
        (URL(False, "h", 80, "/\xe9"), "target '/\xe9'"),
        (URL(False, "h", 80, ""), "target ''"),
        (URL(False, "h\r\n", 80, "/"), "host 'h\\r\\n'"),
        (URL(False, "", 80, "/"), "host ''"),
        (URL(False, "h", 99999, "/"), "host 'h:99999'"),
        ("ws://h", "not 'ws://h'"),
    ],
    ids=repr,
)
def test_url_that_cannot_be_sent_is_a_local_error(url: URL, reason: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        ClientHandshake(url, limits=Limits(), random=lambda size: NONCE)
    assert reason in str(caught.value)


@every_way
def test_right_answer_opens_and_what_follows_is_kept_for_the_frames(feed: Feed) -> None:
    handshake = client()
    event = accepted(feed, switching("X-Obs: caf\xe9"), handshake)
    assert (event.subprotocol, event.extensions) == (None, "")
    assert event.response.status == 101
    assert event.response.headers["x-obs"] == "caf\xe9"
    assert handshake.trailing == (TRAILING if feed is with_trailing_bytes else b"")
    assert handshake.deflate is None
    assert not handshake.at_eof
    with pytest.raises(LocalProtocolError, match="belongs to the frames"):
        handshake.receive_data(b"x")
    handshake.receive_data(b"")
    assert handshake.at_eof


@every_way
@pytest.mark.parametrize(
    "data",
    [
        switching(Upgrade="WebSocket"),
        switching(Connection="keep-alive, upgrade"),
        switching("Connection: x"),
        switching(line="HTTP/1.1 101"),
        switching(line="HTTP/1.1 101 \xe9\xff"),
        switching("Content-Length: 0"),
        switching().replace(b"\r\n", b"\n"),
        switching().replace(b"Sec-", b"sEC-"),
    ],
    ids=repr,
)
def test_unusual_but_right_answers_open(feed: Feed, data: bytes) -> None:
    accepted(feed, data, client())


@every_way
def test_hazard_6_interim_answers_are_passed_over(feed: Feed) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    assert accepted(feed, interim + switching(), client()).response.status == 101


@every_way
def test_agreed_subprotocol_is_one_of_those_offered(feed: Feed) -> None:
    handshake = client(subprotocols=["a", "b"])
    assert accepted(feed, switching("Sec-WebSocket-Protocol: b"), handshake).subprotocol == "b"


@every_way
def test_agreed_compression_is_the_one_offered(feed: Feed) -> None:
    handshake = client(compression=Deflate())
    event = accepted(feed, switching(DEFLATE), handshake)
    assert event.extensions == "permessage-deflate"
    assert handshake.deflate is not None


@every_way
@pytest.mark.parametrize(
    ("data", "named"),
    [
        (switching(Sec_WebSocket_Accept=None), "Sec-WebSocket-Accept of the answer is missing"),
        (switching(Sec_WebSocket_Accept=""), "Sec-WebSocket-Accept of the answer is ''"),
        (switching(Sec_WebSocket_Accept="x"), "Sec-WebSocket-Accept of the answer is 'x'"),
        (switching(Sec_WebSocket_Accept=ACCEPT.lower()), "Sec-WebSocket-Accept"),
        (switching(Sec_WebSocket_Accept=ACCEPT[:-1]), "Sec-WebSocket-Accept"),
        (switching(f"Sec-WebSocket-Accept: {ACCEPT}"), "Sec-WebSocket-Accept"),
        (switching("Sec-WebSocket-Accept: x"), "Sec-WebSocket-Accept"),
        (switching(Sec_WebSocket_Accept="\xff"), "'Sec-WebSocket-Accept' is not ASCII"),
        (switching(Upgrade=None), "Upgrade of the answer is missing"),
        (switching(Upgrade="h2c"), "Upgrade of the answer is 'h2c'"),
        (switching(Upgrade="websocket, h2c"), "Upgrade of the answer is 'websocket, h2c'"),
        (switching(Upgrade="websocket\xff"), "'Upgrade' is not ASCII"),
        (switching(Connection=None), "Connection of the answer is missing"),
        (switching(Connection="close"), "Connection of the answer is 'close'"),
        (switching("Connection: \x80"), "'Connection' is not ASCII"),
        (switching("Sec-WebSocket-Protocol: c"), "Sec-WebSocket-Protocol of the answer is 'c'"),
        (switching("Sec-WebSocket-Protocol:"), "Sec-WebSocket-Protocol of the answer is ''"),
        (switching("Sec-WebSocket-Protocol: A"), "Sec-WebSocket-Protocol"),
        (switching("Sec-WebSocket-Protocol: a, b"), "Sec-WebSocket-Protocol"),
        (switching(*["Sec-WebSocket-Protocol: a"] * 2), "Sec-WebSocket-Protocol"),
        (switching("Sec-WebSocket-Protocol: \xff"), "'Sec-WebSocket-Protocol' is not ASCII"),
        (switching("Sec-WebSocket-Extensions: x-other"), "Sec-WebSocket-Extensions"),
        (switching("Sec-WebSocket-Extensions:"), "malformed Sec-WebSocket-Extensions"),
        (switching("Sec-WebSocket-Extensions: ;"), "malformed Sec-WebSocket-Extensions"),
        (switching("Sec-WebSocket-Extensions: \xff"), "'Sec-WebSocket-Extensions' is not ASCII"),
        (switching(DEFLATE, DEFLATE), "Sec-WebSocket-Extensions"),
        (switching(f"{DEFLATE}, x-other"), "Sec-WebSocket-Extensions"),
        (switching(f"{DEFLATE}; server_max_window_bits=7"), "server_max_window_bits"),
        (switching(f"{DEFLATE}; x"), "permessage-deflate was answered with"),
        (switching(line="HTTP/1.0 101 OK"), "101 in another HTTP than 1.1"),
        (switching(line="HTTP/2.0 101 OK"), "101 in another HTTP than 1.1"),
        (switching("X: a\0"), "in an HTTP head"),
        (switching("X"), "malformed HTTP response: illegal header line"),
        (switching(line="HTTP/1.1 99 OK"), "malformed HTTP response: illegal status line"),
        (switching(line="HTTP/1.1 099 OK"), "malformed HTTP response"),
        (switching(line="SSH-2.0-x"), "malformed HTTP response: illegal status line"),
        (b"\x15\x03\x03", "first byte 0x15 is not HTTP"),
    ],
    ids=repr,
)
def test_answer_that_is_malformed_or_cheats_is_refused(feed: Feed, data: bytes, named: str) -> None:
    handshake = client(subprotocols=["a", "b"], compression=Deflate())
    assert named in refused(feed, data, handshake)
    assert handshake.deflate is None


@every_way
@pytest.mark.parametrize("line", [DEFLATE, "Sec-WebSocket-Protocol: chat"])
def test_answer_must_not_have_what_was_not_offered(feed: Feed, line: str) -> None:
    assert "of the answer is" in refused(feed, switching(line))


@every_way
def test_endless_headers_are_refused(feed: Feed) -> None:
    assert "more than 16384 bytes" in refused(feed, switching(f"X: {'x' * 20_000}"))
    assert "more than 100 headers" in refused(feed, switching(*["X: y"] * 101))


@every_way
def test_interim_answers_share_the_limits_with_the_answer(feed: Feed) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    size = len(interim) * 4 + len(switching())
    accepted(feed, interim * 4 + switching(), client(limits=Limits(max_header_size=size)))
    limits = Limits(max_header_size=size - 1)
    assert "more than" in refused(feed, interim * 4 + switching(), client(limits=limits))
    assert "more than 16384 bytes" in refused(feed, interim * 1000)
    assert "more than 100 headers" in refused(feed, b"HTTP/1.1 100 OK\r\nX: y\r\n\r\n" * 101)


@pytest.mark.parametrize("data", [b"", b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_end_of_file_instead_of_an_answer_is_refused(data: bytes) -> None:
    handshake = client()
    handshake.receive_data(data) if data else None
    assert handshake.next_event() is None
    handshake.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="end of file instead of an answer"):
        handshake.next_event()


def test_end_of_file_within_the_answer_is_refused() -> None:
    handshake = client()
    handshake.receive_data(switching()[:-1])
    handshake.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="end of file within"):
        handshake.next_event()


def test_rejected_says_what_the_server_answered() -> None:
    error = HandshakeRejected(Response(403))
    assert str(error) == "server answered 403 Forbidden"
    assert error.response.status == 403
    assert isinstance(error, HandshakeError)
    assert str(HandshakeRejected(Response(599))) == "server answered 599"
