"""Requests as bytes: limits, chunking, what is no HTTP or could be read in two ways."""

from __future__ import annotations

import time

import pytest

from rawws.core.errors import RemoteProtocolError
from rawws.core.http import Response
from rawws.core.limits import Limits

from .handshakes import (
    Feed,
    byte_by_byte,
    every_way,
    plain,
    request_of,
    server,
    single_bytes,
    upgrade,
    whole,
)


def refused(feed: Feed, data: bytes, limits: Limits | None = None) -> RemoteProtocolError:
    """The error that `data` is; checks that it is said once, and that it can be answered."""
    handshake = server(limits)
    with pytest.raises(RemoteProtocolError) as caught:
        feed(handshake, data, handshake.next_request)
    handshake.receive_data(plain())
    assert handshake.next_request() is None
    assert len(handshake._reader) == 0
    answer = handshake.reject(Response(caught.value.code))
    assert answer.startswith(b"HTTP/1.1 %d " % caught.value.code)
    assert b"\r\nConnection: close\r\n" in answer
    assert not handshake.keep_alive
    return caught.value


HANDSHAKE_HEADERS = [
    *("Host", "Upgrade", "Connection", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version"),
    *("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "sec-websocket-other"),
]


@pytest.mark.parametrize("name", HANDSHAKE_HEADERS)
def test_hazard_1_byte_from_0x80_on_in_a_handshake_header_is_400(name: str) -> None:
    for byte in range(0x80, 0x100):
        assert refused(whole, upgrade(**{name: f"x{chr(byte)}"})).code == 400


@every_way
@pytest.mark.parametrize("name", HANDSHAKE_HEADERS)
def test_hazard_1_such_a_byte_is_named_and_escaped(feed: Feed, name: str) -> None:
    error = refused(feed, upgrade(f"{name}: \xff"))
    assert error.code == 400
    assert "\xff" not in str(error)


@every_way
@pytest.mark.parametrize(
    "host",
    [
        *("", "a..b", "xn--99999999", "\xff", "a b", "a/b", "a@b", "a,b", "h:", "h:0", "h:65536"),
        *("h:x", "::1", "[::1", "[h]", "http://h", "-a", "a" * 64),
    ],
)
def test_hazard_2_host_that_is_none_is_400(feed: Feed, host: str) -> None:
    if host == "h:":  # an empty port is the default port [RFC 3986 3.2.3]
        assert request_of(feed, upgrade(Host=host)).headers["Host"] == host
    else:
        assert refused(feed, upgrade(Host=host)).code == 400


@every_way
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (upgrade(Host=None), 400),
        (upgrade("Host: example.com"), 400),
        (plain("Host: example.com", line="GET / HTTP/1.0"), 400),
        (plain(line="GET / HTTP/1.0", host=""), 400),
        (plain(line="GET / HTTP/1.2", host=None), 400),
        (plain(line="GET / HTTP/2.0"), 505),
        (plain(line="GET / HTTP/0.9"), 505),
        (plain(line="PRI * HTTP/2.0"), 505),
        (plain(line="GET / HTTP/1.10"), 400),
        (plain(line="GET / http/1.1"), 400),
        (plain(line="GET /"), 400),
        (plain(line="GET  / HTTP/1.1"), 400),
        (plain(line="GET /\x80 HTTP/1.1"), 400),
        (plain(line="GET / a HTTP/1.1"), 400),
        (plain(line="G@T / HTTP/1.1"), 400),
        (plain(line="GET x HTTP/1.1"), 400),
        (plain(line="GET ftp://example.com/ HTTP/1.1"), 400),
        (plain(line="GET http://other.example/ HTTP/1.1"), 400),
        (plain(line="GET http://example.com:81/ HTTP/1.1"), 400),
        (plain(line="GET http:/// HTTP/1.1"), 400),
        (plain("X : y"), 400),
        (plain("X"), 400),
        (plain(": y"), 400),
        (plain("X: a\0b"), 400),
        (plain("X: a\rb"), 400),
        (plain("X: a\x0bb"), 400),
        (plain("X: a\x0cb"), 400),
        (b"GET / HTTP/1.1\r\n Host: example.com\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\r\n\r\n", 400),
        (plain("Content-Length: x"), 400),
        (plain("Content-Length: -1"), 400),
        (plain("Content-Length: 1", "Content-Length: 2"), 400),
        (plain("Content-Length: 1, 2"), 400),
        (plain(f"Content-Length: {'1' * 21}"), 400),
        (plain("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
        (plain("Transfer-Encoding: chunked", "Content-Length: 0"), 400),
        (plain("Transfer-Encoding: gzip"), 501),
        (plain("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 501),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b" GET / HTTP/1.1\r\n", 400),
        (b"\r\n GET", 400),
        (b"\x16\x03\x01\x02\x00", 400),
        (b"\0", 400),
    ],
    ids=repr,
)
def test_what_is_no_http_or_ambiguous_is_refused(feed: Feed, data: bytes, code: int) -> None:
    assert refused(feed, data).code == code


@pytest.mark.parametrize("line", ["Authorization secret", "Authorization : secret"])
def test_error_does_not_tell_what_was_sent(line: str) -> None:
    error = refused(whole, plain(line))
    assert "illegal header line" in str(error)
    assert "secret" not in str(error)


def test_error_shows_little_of_a_long_value() -> None:
    assert len(str(refused(whole, upgrade(Host="a/" * 4000)))) < 200


@every_way
@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("GET http://example.com HTTP/1.1", "/"),
        ("GET HTTP://EXAMPLE.COM?a HTTP/1.1", "/?a"),
        ("GET ws://example.com/b?c HTTP/1.1", "/b?c"),
        ("GET //other/b HTTP/1.1", "//other/b"),
        ("OPTIONS * HTTP/1.1", "*"),
        ("CONNECT example.com:80 HTTP/1.1", "example.com:80"),
    ],
)
def test_target_is_in_origin_form(feed: Feed, line: str, target: str) -> None:
    assert request_of(feed, plain(line=line)).target == target


def test_target_of_http_1_0_may_be_a_url_without_host_beside_it() -> None:
    assert request_of(whole, plain(line="GET http://x/y HTTP/1.0", host=None)).target == "/y"


@every_way
def test_headers_are_as_they_came(feed: Feed) -> None:
    request = request_of(feed, plain("x-B:  caf\xe9 \t", "X-b: 2", "Empty:"))
    assert request.headers.lines == (
        ("Host", "example.com"),
        ("x-B", "caf\xe9"),
        ("X-b", "2"),
        ("Empty", ""),
    )


@every_way
@pytest.mark.parametrize("empty", [b"\r\n", b"\n"])
def test_one_empty_line_before_a_request_is_passed_over(feed: Feed, empty: bytes) -> None:
    assert request_of(feed, empty + upgrade()).target == "/chat"


def test_hazard_7_20_kb_of_headers_in_one_read_is_431() -> None:
    assert refused(whole, upgrade(f"X: {'x' * 20_000}")).code == 431
    assert refused(whole, upgrade(*["X: y"] * 101)).code == 431


def padded(size: int) -> bytes:
    return upgrade(f"X: {'x' * (size - len(upgrade('X: ')))}")


@every_way
def test_header_size_is_exact(feed: Feed) -> None:
    size = 400
    assert len(padded(size)) == size
    limits = Limits(max_header_size=size)
    request_of(feed, padded(size), server(limits))
    assert refused(feed, padded(size + 1), limits).code == 431
    assert refused(feed, b"\r\n" + padded(size - 1), limits).code == 431
    assert refused(feed, b"x" * size, limits).code == 431


def test_header_over_the_limit_is_refused_as_soon_as_it_is_certain() -> None:
    handshake = server(Limits(max_header_size=100))
    handshake.receive_data(b"x" * 99)
    assert handshake.next_request() is None
    handshake.receive_data(b"x")
    with pytest.raises(RemoteProtocolError, match="more than 100 bytes"):
        handshake.next_request()


@every_way
def test_header_count_is_exact(feed: Feed) -> None:
    limits = Limits(max_headers=10)
    request_of(feed, upgrade(*["X: y"] * 5), server(limits))
    assert refused(feed, upgrade(*["X: y"] * 6), limits).code == 431
    # A folded line counts, and so does one that makes no sense.
    assert refused(feed, upgrade(*["X: y"] * 5, " z"), limits).code == 431
    assert refused(feed, upgrade(*["X: y"] * 5, "\0"), limits).code == 431


def test_header_count_is_refused_as_soon_as_it_is_certain() -> None:
    handshake = server(Limits(max_headers=1, max_header_size=None))
    handshake.receive_data(b"GET / HTTP/1.1\r\nHost: h\r\nX:")
    assert handshake.next_request() is None
    handshake.receive_data(b"\n")
    with pytest.raises(RemoteProtocolError, match="more than 1 headers"):
        handshake.next_request()


@pytest.mark.parametrize("feed", [whole, byte_by_byte])
def test_headers_are_not_bounded_without_limits(feed: Feed) -> None:
    limits = Limits(max_header_size=None, max_headers=None)
    request = request_of(feed, upgrade(*[f"X: {'y' * 100}"] * 300), server(limits))
    assert len(request.headers.get_all("X")) == 300


@pytest.mark.parametrize("data", [b"G", b"\r", b"\r\n\r", upgrade()[:-1], upgrade()[:-4], b"\r\nG"])
def test_end_of_file_within_a_request_is_400(data: bytes) -> None:
    handshake = server()
    for piece in single_bytes(data):
        handshake.receive_data(piece)
        assert handshake.next_request() is None
    handshake.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="end of file") as caught:
        handshake.next_request()
    assert caught.value.code == 400
    assert handshake.at_eof


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\n"])
def test_end_of_file_before_a_request_is_no_error(data: bytes) -> None:
    handshake = server()
    handshake.receive_data(data)
    handshake.receive_data(b"")
    assert handshake.next_request() is None
    assert handshake.at_eof


def seconds(data: bytes, feed: Feed) -> float:
    """The least CPU time of some runs."""
    times = []
    for _ in range(3):
        handshake = server(Limits(max_header_size=None, max_headers=None))
        start = time.process_time()
        try:
            feed(handshake, data, handshake.next_request)
            handshake.refusal()
        except RemoteProtocolError:
            pass
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize(
    "hostile",
    [
        lambda size: plain(f"X: {' ' * size}\0"),
        lambda size: plain(f"X: {' ' * size}\x0b"),
        lambda size: plain(f"X: {' ' * size}\ra"),
        lambda size: plain(f"X: {'a ' * (size // 2)}\0"),
        lambda size: plain(f"X:{' ' * size}"),
        lambda size: upgrade(Connection="," * size),
        lambda size: upgrade(Sec_WebSocket_Protocol="a," * (size // 2)),
        lambda size: upgrade(Host="a." * (size // 2)),
        lambda size: plain(*["a:"] * (size // 4)),
        lambda size: plain("X: y", *[" "] * (size // 4)),
        lambda size: plain(line=f"GET {'/' * size} HTTP/1.1"),
        lambda size: b"\r\n" * (size // 2),
    ],
)
def test_time_is_linear_in_the_size_of_hostile_headers(hostile: object) -> None:
    assert callable(hostile)
    for feed in (whole, byte_by_byte):
        # 8 times as much takes 64 times as long where it is quadratic.
        assert seconds(hostile(16_000), feed) < 24 * seconds(hostile(2_000), feed) + 0.01
