"""The upgrade on the server's side: what is accepted, what is refused, and with what [4.2]."""

from __future__ import annotations

import pytest

from rawws.core.deflate import Deflate
from rawws.core.errors import LocalProtocolError, RemoteProtocolError
from rawws.core.handshake_server import ServerHandshake
from rawws.core.http import Headers, Response

from .handshakes import (
    ACCEPT,
    KEY,
    TRAILING,
    Feed,
    every_way,
    plain,
    request_of,
    server,
    upgrade,
    whole,
    with_trailing_bytes,
)


def asked(data: bytes, handshake: ServerHandshake | None = None) -> ServerHandshake:
    """A handshake that has seen the request `data`."""
    handshake = handshake or server()
    request_of(whole, data, handshake)
    return handshake


@every_way
def test_upgrade_is_accepted_and_what_follows_is_kept_for_the_frames(feed: Feed) -> None:
    handshake = server()
    request = request_of(feed, upgrade(line="GET /chat?x=%20 HTTP/1.1"), handshake)
    assert (request.method, request.target, request.http_version) == (
        "GET",
        "/chat?x=%20",
        "1.1",
    )
    assert request.headers["sec-websocket-key"] == KEY
    assert handshake.refusal() is None
    assert handshake.trailing == b""
    assert handshake.accept() == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n\r\n"
    )
    assert handshake.trailing == (TRAILING if feed is with_trailing_bytes else b"")
    assert handshake.request is request
    assert handshake.response is not None
    assert handshake.response.status == 101
    assert (handshake.extensions, handshake.deflate) == ("", None)
    assert handshake.next_request() is None


def test_hazard_5_frames_that_come_before_the_answer_are_kept() -> None:
    handshake = asked(upgrade())
    handshake.receive_data(TRAILING[:3])
    assert handshake.next_request() is None
    handshake.receive_data(TRAILING[3:])
    assert not handshake.at_eof
    handshake.receive_data(b"")
    handshake.accept()
    assert handshake.trailing == TRAILING
    assert handshake.at_eof


def test_data_after_accept_belongs_to_the_frames() -> None:
    handshake = asked(upgrade())
    handshake.accept()
    with pytest.raises(LocalProtocolError, match="belongs to the frames"):
        handshake.receive_data(b"x")


@every_way
@pytest.mark.parametrize(
    "data",
    [
        upgrade(Connection="keep-alive, Upgrade"),
        upgrade(Connection="UPGRADE"),
        upgrade("Connection: keep-alive"),
        upgrade("Connection: Upgrade", Connection="keep-alive"),
        upgrade(Upgrade="websocket, h2c"),
        upgrade(Upgrade="h2c,, WebSocket"),
        upgrade("Upgrade: websocket", Upgrade="h2c"),
        upgrade(Host="[::1]:8000"),
        upgrade(Content_Length="0"),
        upgrade("X-Obs: caf\xe9"),
        upgrade("Cookie: a=\x01"),
        upgrade(line="GET http://example.com/chat HTTP/1.1"),
        upgrade(line="GET /chat HTTP/1.2"),
        upgrade(Sec_WebSocket_Key="x" * 22 + "=="),
        upgrade().replace(b"\r\n", b"\n"),
        upgrade().replace(b": ", b":"),
        upgrade("X-Folded: a\r\n b"),
        upgrade().lower().replace(KEY.lower().encode(), KEY.encode()).replace(b"get", b"GET"),
    ],
    ids=repr,
)
def test_hazard_4_unusual_but_right_upgrades_are_accepted(feed: Feed, data: bytes) -> None:
    handshake = server()
    data = data.replace(b"http/1.1", b"HTTP/1.1")
    assert request_of(feed, data, handshake).target == "/chat"
    assert handshake.refusal() is None
    assert handshake.accept().startswith(b"HTTP/1.1 101 ")


@every_way
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (upgrade(line="POST / HTTP/1.1"), 405),
        (upgrade(line="HEAD / HTTP/1.1"), 405),
        (upgrade(line="get / HTTP/1.1"), 405),
        (upgrade(line="OPTIONS * HTTP/1.1"), 405),
        (upgrade(line="CONNECT example.com:80 HTTP/1.1"), 405),
        (plain(), 426),
        (plain(line="GET / HTTP/1.0", host=None), 426),
        (upgrade(Upgrade="h2c"), 426),
        (upgrade(Upgrade="websocket/13"), 426),
        (upgrade(Upgrade=""), 426),
        (upgrade(Connection=None), 426),
        (upgrade(Connection="keep-alive"), 426),
        (upgrade(Sec_WebSocket_Version=None), 426),
        (upgrade(Sec_WebSocket_Version="8"), 426),
        (upgrade(Sec_WebSocket_Version="013"), 426),
        (upgrade(Sec_WebSocket_Version="13, 8"), 426),
        (upgrade("Sec-WebSocket-Version: 13"), 426),
        (upgrade(line="GET / HTTP/1.0"), 505),
        (upgrade(Content_Length="1"), 400),
        (upgrade(Transfer_Encoding="chunked"), 400),
    ],
    ids=repr,
)
def test_request_that_cannot_be_upgraded_has_a_refusal(
    feed: Feed, data: bytes, status: int
) -> None:
    handshake = server()
    request_of(feed, data, handshake)
    refusal = handshake.refusal()
    assert refusal is not None
    assert refusal.status == status
    with pytest.raises(LocalProtocolError, match=f"is owed {status}: "):
        handshake.accept()
    assert handshake.reject(refusal).startswith(b"HTTP/1.1 %d " % status)


def test_405_says_which_method_is_allowed() -> None:
    refusal = asked(upgrade(line="POST / HTTP/1.1")).refusal()
    assert refusal is not None
    assert refusal.headers["Allow"] == "GET"


def test_426_says_what_to_upgrade_to() -> None:
    for data in (plain(), upgrade(Sec_WebSocket_Version="7"), upgrade(Connection=None)):
        refusal = asked(data).refusal()
        assert refusal is not None
        assert refusal.headers["Upgrade"] == "websocket"
        assert refusal.headers["Connection"] == "Upgrade"
        assert refusal.headers["Sec-WebSocket-Version"] == "13"


@every_way
@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "x",
        KEY[:-1],
        KEY + "=",
        KEY.rstrip("="),
        "*" + KEY[1:],
        "-" + KEY[1:],
        KEY[:10] + " " + KEY[11:],
        "AAAA" + KEY,
        "AAAAAAAAAAAAAAAAAAAAAAA=",
        f"{KEY}, {KEY}",
        KEY + " " + KEY,
    ],
)
def test_hazard_3_key_that_is_not_base64_of_16_bytes_is_400(feed: Feed, key: str | None) -> None:
    handshake = server()
    request_of(feed, upgrade(Sec_WebSocket_Key=key), handshake)
    refusal = handshake.refusal()
    assert refusal is not None
    assert refusal.status == 400


def test_hazard_3_key_sent_twice_is_400() -> None:
    refusal = asked(upgrade(f"Sec-WebSocket-Key: {KEY}")).refusal()
    assert refusal is not None
    assert refusal.status == 400


@every_way
@pytest.mark.parametrize(
    ("lines", "offered"),
    [
        ((), ()),
        (("Sec-WebSocket-Protocol: chat",), ("chat",)),
        (("Sec-WebSocket-Protocol: b,a ,\tc",), ("b", "a", "c")),
        (("Sec-WebSocket-Protocol: b", "sec-websocket-protocol: a"), ("b", "a")),
        (("Sec-WebSocket-Protocol: a,,b,",), ("a", "b")),
    ],
)
def test_subprotocols_are_offered_in_order(
    feed: Feed, lines: tuple[str, ...], offered: tuple[str, ...]
) -> None:
    handshake = server()
    request_of(feed, upgrade(*lines), handshake)
    assert handshake.subprotocols == offered
    assert handshake.refusal() is None


@every_way
@pytest.mark.parametrize("value", ["", ",", "a b", "a, a", 'a, "b"', "a;b", "a, b/c"])
def test_list_of_subprotocols_that_is_none_is_400(feed: Feed, value: str) -> None:
    handshake = server()
    request_of(feed, upgrade(f"Sec-WebSocket-Protocol: {value}"), handshake)
    assert handshake.subprotocols == ()
    refusal = handshake.refusal()
    assert refusal is not None
    assert refusal.status == 400


def test_subprotocol_that_was_offered_is_agreed() -> None:
    handshake = asked(upgrade("Sec-WebSocket-Protocol: a, b"))
    assert b"\r\nSec-WebSocket-Protocol: b\r\n" in handshake.accept("b")


@pytest.mark.parametrize("subprotocol", ["c", "A", "", "a\r\nX: y", "a, b", 5])
def test_subprotocol_that_was_not_offered_is_a_local_error(subprotocol: str) -> None:
    handshake = asked(upgrade("Sec-WebSocket-Protocol: a, b"))
    with pytest.raises(LocalProtocolError, match="was not offered"):
        handshake.accept(subprotocol)
    assert b"101" in handshake.accept("a")


def test_headers_of_the_application_go_out_with_the_101() -> None:
    data = asked(upgrade()).accept(headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=\xe9")])
    assert data.endswith(b"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=\xe9\r\n\r\n")


@pytest.mark.parametrize(
    "name",
    [
        *("Sec-WebSocket-Accept", "sec-websocket-foo", "Upgrade", "connection"),
        *("Content-Length", "Transfer-Encoding", "a b", "", "a\r\nb", "\xe9"),
    ],
)
def test_reserved_or_illegal_header_in_the_101_is_a_local_error(name: str) -> None:
    handshake = asked(upgrade())
    with pytest.raises(LocalProtocolError) as caught:
        handshake.accept(headers={name: "x"})
    assert repr(name) in str(caught.value)
    assert handshake.accept(headers=Headers({"Server": "x"})).endswith(b"\r\nServer: x\r\n\r\n")


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\nX: y", "\x7f", "\u20ac"])
def test_illegal_value_in_the_101_is_a_local_error_that_keeps_it_secret(bad: str) -> None:
    handshake = asked(upgrade())
    with pytest.raises(LocalProtocolError, match="'X-Token'") as caught:
        handshake.accept(headers={"X-Token": f"secret{bad}"})
    assert "secret" not in str(caught.value)


@every_way
def test_compression_is_agreed(feed: Feed) -> None:
    handshake = server(compression=Deflate())
    offer = "Sec-WebSocket-Extensions: x-other; a=1, permessage-deflate; client_max_window_bits"
    request_of(feed, upgrade(offer), handshake)
    data = handshake.accept()
    assert handshake.deflate is not None
    assert handshake.extensions.startswith("permessage-deflate")
    assert f"\r\nSec-WebSocket-Extensions: {handshake.extensions}\r\n".encode() in data


@every_way
@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        ";",
        "permessage-deflate;",
        "permessage-deflate; client_max_window_bits=abc",
        "permessage-deflate; client_max_window_bits=1_0",
        f"permessage-deflate; client_max_window_bits={'1' * 5000}",
        'permessage-deflate; client_max_window_bits="',
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; x",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate-x",
        "a=b",
    ],
)
def test_extension_that_makes_no_sense_is_declined(feed: Feed, value: str) -> None:
    handshake = server(compression=Deflate())
    request_of(feed, upgrade(f"Sec-WebSocket-Extensions: {value}"), handshake)
    assert b"Sec-WebSocket-Extensions" not in handshake.accept()
    assert (handshake.deflate, handshake.extensions) == (None, "")


def test_hazard_8_comma_in_a_quoted_string_parts_no_extensions() -> None:
    handshake = server(compression=Deflate())
    request_of(whole, upgrade('Sec-WebSocket-Extensions: a; b="c, permessage-deflate"'), handshake)
    assert b"Sec-WebSocket-Extensions" not in handshake.accept()


@pytest.mark.parametrize("compression", [None, Deflate()])
def test_compression_is_not_agreed_unless_both_sides_want_it(compression: Deflate | None) -> None:
    offer = ["Sec-WebSocket-Extensions: permessage-deflate"] if compression is None else []
    handshake = asked(upgrade(*offer), server(compression=compression))
    assert b"Sec-WebSocket-Extensions" not in handshake.accept()


def test_there_is_nothing_to_refuse_or_accept_before_a_request() -> None:
    handshake = server()
    for action in (handshake.refusal, handshake.accept, lambda: handshake.reject(Response(400))):
        with pytest.raises(LocalProtocolError, match="no request"):
            action()


def test_request_is_accepted_once() -> None:
    handshake = asked(upgrade())
    handshake.accept()
    with pytest.raises(LocalProtocolError, match="no request"):
        handshake.accept()
    with pytest.raises(LocalProtocolError, match="no request"):
        handshake.reject(Response(403))


def test_failed_request_cannot_be_accepted() -> None:
    handshake = server()
    handshake.receive_data(b"nonsense\r\n\r\n")
    with pytest.raises(RemoteProtocolError):
        handshake.next_request()
    with pytest.raises(LocalProtocolError, match="no request"):
        handshake.accept()
