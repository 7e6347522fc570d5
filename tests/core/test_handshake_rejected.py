"""Answers in plain HTTP to a client: the status, and the start of the body [4.1]."""

from __future__ import annotations

import pytest

from rawws.core.errors import RemoteProtocolError
from rawws.core.events import Rejected
from rawws.core.http import Response

from .handshakes import Feed, client, every_way, message, single_bytes

LIMIT = 16384


def answer(*lines: str, status: str = "403 Forbidden", body: bytes = b"") -> bytes:
    return message(f"HTTP/1.1 {status}", {"Server": "x"}, *lines) + body


def rejection(feed: Feed, data: bytes) -> Response:
    handshake = client()
    event = feed(handshake, data, handshake.next_event)
    assert isinstance(event, Rejected)
    handshake.receive_data(b"ignored")
    assert handshake.next_event() is None
    assert handshake.trailing == b""
    return event.response


@every_way
@pytest.mark.parametrize(
    ("data", "body"),
    [
        (answer("Content-Length: 2", body=b"no"), b"no"),
        (answer("Content-Length: 0"), b""),
        (answer("Content-Length: 2", body=b"noise"), b"no"),
        (answer("Transfer-Encoding: chunked", body=b"1\r\nn\r\n1;x\r\no\r\n0\r\n\r\n"), b"no"),
        (answer("Transfer-Encoding: chunked", body=b"2\r\nno\r\n0\r\nX: y\r\n\r\n"), b"no"),
        (answer("Content-Length: 2", status="302 Found", body=b"no"), b"no"),
        (answer("Content-Length: 2", status="200 OK", body=b"no"), b"no"),
        (answer("Content-Length: 9", status="304 Not Modified"), b""),
        (answer(status="204 No Content"), b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer("Content-Length: 2", body=b"no"), b"no"),
    ],
    ids=repr,
)
def test_answer_is_handed_on_when_its_body_has_ended(feed: Feed, data: bytes, body: bytes) -> None:
    response = rejection(feed, data)
    assert str(response.status).encode() in data
    assert response.headers["server"] == "x"
    assert response.body == body


@every_way
@pytest.mark.parametrize("extra", [0, 1, 3 * LIMIT])
def test_body_is_kept_up_to_its_limit(feed: Feed, extra: int) -> None:
    body = bytes(range(256)) * 64 + bytes(extra)
    for data in (
        answer(body=body),
        answer(f"Content-Length: {len(body)}", body=body),
        answer("Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)),
    ):
        assert rejection(feed, data).body == body[:LIMIT]


@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_body_without_end_is_not_waited_for_past_the_limit(size: int) -> None:
    handshake = client()
    handshake.receive_data(answer())
    assert handshake.next_event() is None
    for _ in range(LIMIT // size):
        assert handshake.next_event() is None
        handshake.receive_data(bytes(size))
    handshake.receive_data(bytes(size))
    event = handshake.next_event()
    assert isinstance(event, Rejected)
    assert event.response.body == bytes(LIMIT)


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (answer(body=b"no"), b"no"),
        (answer(), b""),
        (answer("Content-Length: 5", body=b"no"), b"no"),
        (answer("Transfer-Encoding: chunked", body=b"5\r\nno"), b"no"),
        (answer("Transfer-Encoding: chunked"), b""),
        (answer("Transfer-Encoding: chunked", body=b"2\r\nno\r\n"), b"no"),
    ],
    ids=repr,
)
def test_end_of_file_ends_the_body_whole_or_not(data: bytes, body: bytes) -> None:
    for pieces in ([data], single_bytes(data)):
        handshake = client()
        for piece in pieces:
            handshake.receive_data(piece)
            assert handshake.next_event() is None
        handshake.receive_data(b"")
        event = handshake.next_event()
        assert isinstance(event, Rejected)
        assert event.response.body == body
        assert handshake.next_event() is None
        assert handshake.at_eof


def test_end_of_file_may_come_with_the_answer() -> None:
    handshake = client()
    handshake.receive_data(answer(body=b"no"))
    handshake.receive_data(b"")
    event = handshake.next_event()
    assert isinstance(event, Rejected)
    assert event.response.body == b"no"


@every_way
@pytest.mark.parametrize(
    "body",
    [
        b"2\r\nnoXX2\r\nno\r\n0\r\n\r\n",
        b"2\r\nno\r\nx\r\n",
        b"2\r\nno\r\n0\r\nX\r\n\r\n",
        b"2\r\nno\r\n2;" + b"x" * 10_000,
        b"2\r\nno\r\n0\r\n" + b"X: y\r\n" * 10_000,
        b"2\r\nno\r\n0\r\nX:" + b" " * 10_000 + b"\0\r\n\r\n",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_malformed_body_is_cut_off_where_it_goes_wrong(feed: Feed, body: bytes) -> None:
    response = rejection(feed, answer("Transfer-Encoding: chunked", body=body))
    assert (response.status, response.body) == (403, b"no")


@every_way
@pytest.mark.parametrize(
    "lines",
    [("Content-Length: x",), ("Content-Length: 1, 2",), ("Transfer-Encoding: gzip",)],
)
def test_body_of_unknown_length_is_refused(feed: Feed, lines: tuple[str, ...]) -> None:
    handshake = client()
    with pytest.raises(RemoteProtocolError, match="malformed HTTP response"):
        feed(handshake, answer(*lines), handshake.next_event)
