"""Plain HTTP on the server's port: answers, keep-alive, pipelining, limits of what waits."""

from __future__ import annotations

import pytest

from rawws.core.errors import LocalProtocolError, RemoteProtocolError
from rawws.core.handshake_server import ServerHandshake
from rawws.core.http import Request, Response
from rawws.core.limits import Limits

from .handshakes import Feed, every_way, plain, request_of, server, single_bytes, upgrade, whole

OK = Response(200, body="hi")


def answered(data: bytes, response: Response = OK) -> tuple[bytes, ServerHandshake]:
    handshake = server()
    request_of(whole, data, handshake)
    return handshake.reject(response), handshake


def test_response_has_content_length_and_type() -> None:
    data, handshake = answered(plain())
    assert data == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert handshake.keep_alive
    assert handshake.request is None


def test_response_keeps_the_content_length_it_has() -> None:
    data, _ = answered(plain(), Response(200, {"content-length": "2"}, b"hi"))
    assert data == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


def test_unknown_status_goes_out_without_words() -> None:
    data, _ = answered(plain(), Response(299))
    assert data == b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_body_has_none(status: int) -> None:
    data, handshake = answered(plain(), Response(status, body=b"hi"))
    assert data.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in data
    assert handshake.keep_alive


def test_answer_to_head_has_the_length_but_not_the_body() -> None:
    data, _ = answered(plain(line="HEAD / HTTP/1.1"))
    assert data.endswith(b"\r\nContent-Length: 2\r\n\r\n")
    data, _ = answered(plain(line="HEAD / HTTP/1.1"), Response(200, {"Content-Length": "700"}))
    assert data.endswith(b"\r\nContent-Length: 700\r\n\r\n")
    data, _ = answered(plain(), Response(304, {"Content-Length": "700"}))
    assert data.endswith(b"\r\nContent-Length: 700\r\n\r\n")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (Response(101), "status 101"),
        (Response(99), "status 99"),
        (Response(1000), "status 1000"),
        (Response("200"), "status '200'"),  # type: ignore[arg-type]
        (Response(200, body=5), "body of a response must be bytes, not int"),  # type: ignore[arg-type]
        (Response(200, {"X": "a\r\nb"}), "'\\r' in its value"),
        (Response(200, {"X": "a\0b"}), "'\\x00' in its value"),
        (Response(200, {"X\n": "a"}), "'X\\n' is not a token"),
        (Response(200, {"X": 5}), "header 'X' must be a str, not int"),  # type: ignore[dict-item]
        (Response(200, {b"X": "a"}), "b'X' is not a token"),  # type: ignore[dict-item]
        (Response(200, {"Transfer-Encoding": "chunked"}), "'Transfer-Encoding' is the handshake"),
        (Response(200, {"Content-Length": "3"}, b"hi"), "['3'] of a body of 2 bytes"),
        (Response(200, {"Content-Length": "3"}), "['3'] of a body of 0 bytes"),
        (Response(200, [("Content-Length", "0")] * 2), "['0', '0'] of a body"),
        (None, "a Response is needed, not None"),
    ],
    ids=repr,
)
def test_response_that_cannot_be_sent_is_a_local_error(response: Response, reason: str) -> None:
    handshake = server()
    request_of(whole, plain(), handshake)
    with pytest.raises(LocalProtocolError) as caught:
        handshake.reject(response)
    assert reason in str(caught.value)
    assert handshake.reject(OK).endswith(b"hi")
    assert handshake.keep_alive


def test_wrong_length_in_answer_to_head_is_a_local_error_if_there_is_a_body() -> None:
    handshake = server()
    request_of(whole, plain(line="HEAD / HTTP/1.1"), handshake)
    with pytest.raises(LocalProtocolError, match="of a body of 2 bytes"):
        handshake.reject(Response(200, {"Content-Length": "3"}, b"hi"))


@pytest.mark.parametrize(
    "data",
    [
        plain("Connection: close"),
        plain("Connection: keep-alive", "Connection: CLOSE"),
        plain(line="GET / HTTP/1.0"),
        plain("Connection: keep-alive", line="GET / HTTP/1.0"),
        plain("Content-Length: 1", line="POST / HTTP/1.1"),
        plain("Transfer-Encoding: chunked", line="POST / HTTP/1.1"),
        plain("Upgrade: websocket"),
        upgrade(),
        upgrade(Sec_WebSocket_Version="8"),
        upgrade(line="GET / HTTP/1.0"),
    ],
    ids=repr,
)
def test_connection_is_closed_after_an_answer_that_must_be_the_last(data: bytes) -> None:
    # What follows could be a body, frames, or another request: nobody can tell.
    out, handshake = answered(data + plain())
    assert b"\r\nConnection: close\r\n" in out
    assert not handshake.keep_alive
    handshake.receive_data(plain())
    assert handshake.next_request() is None
    assert handshake.trailing == b""
    with pytest.raises(LocalProtocolError):
        handshake.reject(OK)


def test_application_can_close() -> None:
    data, handshake = answered(plain(), Response(200, {"connection": "Close"}))
    assert data == b"HTTP/1.1 200 OK\r\nconnection: Close\r\nContent-Length: 0\r\n\r\n"
    assert not handshake.keep_alive


def test_refused_page_keeps_the_connection_alive() -> None:
    handshake = server()
    request_of(whole, plain(), handshake)
    refusal = handshake.refusal()
    assert refusal is not None
    assert b"\r\nConnection: Upgrade\r\n" in handshake.reject(refusal)
    assert handshake.keep_alive


@every_way
def test_upgrade_follows_a_page_on_the_same_connection(feed: Feed) -> None:
    handshake = server()
    # With trailing bytes these are what the next request begins with.
    handshake.receive_data(plain())
    assert isinstance(handshake.next_request(), Request)
    handshake.reject(OK)
    assert handshake.next_request() is None
    assert request_of(feed, upgrade(), handshake).target == "/chat"
    assert handshake.accept().startswith(b"HTTP/1.1 101")


@pytest.mark.parametrize("chunks", ["whole", "bytes"])
def test_pipelined_requests_are_answered_one_by_one(chunks: str) -> None:
    data = plain(line="GET /1 HTTP/1.1") + plain(line="GET /2 HTTP/1.1") + upgrade() + b"frames"
    handshake = server()
    targets = []
    for piece in [data] if chunks == "whole" else single_bytes(data):
        handshake.receive_data(piece)
        while (request := handshake.next_request()) is not None and request.target != "/chat":
            assert handshake.next_request() is None
            targets.append(request.target)
            handshake.reject(OK)
    handshake.accept()
    assert targets == ["/1", "/2"]
    assert handshake.trailing == b"frames"


def test_each_request_has_the_limits_for_itself() -> None:
    handshake = server(Limits(max_header_size=len(plain()), max_headers=1))
    for _ in range(3):
        request_of(whole, plain(), handshake)
        handshake.reject(OK)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_hazard_5_what_waits_behind_a_request_is_bounded(size: int) -> None:
    handshake = server(Limits(receive_buffer=100))
    request_of(whole, upgrade(), handshake)
    handshake.receive_data(bytes(100))
    assert handshake.next_request() is None
    assert handshake.refusal() is None
    for _ in range(100_000 // size):
        handshake.receive_data(bytes(size))
    assert len(handshake._reader) <= 100 + size
    with pytest.raises(LocalProtocolError, match="is owed 400: more than 100 bytes ahead"):
        handshake.accept()
    with pytest.raises(RemoteProtocolError, match="more than 100 bytes ahead") as caught:
        handshake.next_request()
    assert caught.value.code == 400
    assert b"\r\nConnection: close\r\n" in handshake.reject(Response(400))
    assert not handshake.keep_alive


def test_pages_end_when_too_much_came_behind_one() -> None:
    handshake = server(Limits(receive_buffer=10))
    handshake.receive_data(plain() + bytes(11))
    assert handshake.next_request() is not None
    handshake.reject(OK)
    assert not handshake.keep_alive


def test_what_waits_is_not_bounded_without_limit() -> None:
    handshake = server(Limits(receive_buffer=None))
    handshake.receive_data(upgrade() + bytes(3 << 20))
    assert handshake.next_request() is not None
    handshake.accept()
    assert len(handshake.trailing) == 3 << 20


def test_end_of_file_between_requests_is_no_error() -> None:
    handshake = server()
    request_of(whole, plain(), handshake)
    handshake.receive_data(b"")
    assert handshake.at_eof
    handshake.reject(OK)
    assert handshake.next_request() is None
    assert handshake.at_eof


def test_request_that_came_before_end_of_file_is_answered() -> None:
    handshake = server()
    handshake.receive_data(plain())
    handshake.receive_data(b"")
    assert not handshake.at_eof
    assert handshake.next_request() is not None
    assert handshake.at_eof
    assert handshake.reject(OK).endswith(b"hi")
