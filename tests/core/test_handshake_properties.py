"""For any bytes, in any chunks: documented outcomes only, and always the same ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rawws.core.deflate import Deflate
from rawws.core.errors import LocalProtocolError, RemoteProtocolError
from rawws.core.http import Response
from rawws.core.limits import Limits

from .handshakes import client, plain, server, switching, upgrade

LIMITS = Limits(max_header_size=600, max_headers=12)
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
REQUESTS = [
    upgrade(DEFLATE, "Origin: http://example.com", "Sec-WebSocket-Protocol: a, b"),
    plain("Connection: close"),
    plain(line="POST / HTTP/1.1", host="[::1]:80") + b"5\r\nhello",
    plain() + upgrade(),
]
RESPONSES = [
    switching("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: permessage-deflate"),
    b"HTTP/1.1 103 Hint\r\n\r\n" + switching() + b"frames",
    b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 302 No\r\nTransfer-Encoding: chunked\r\nLocation: /\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
]
SPLICES = [
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b" ", b",", b";", b"=", b'"', b"\xff", b"\x80"),
    *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"X: y\r\n" * 12, b"x" * 600),
    *(b"Host: xn--99999999\r\n", b"Upgrade: h2c\r\n", b"Connection: close\r\n", b"1.0", b"101"),
]


@st.composite
def mutated(draw: st.DrawFn, valid: list[bytes]) -> bytes:
    """A valid message with a few places replaced, removed, or said twice."""
    data = draw(st.sampled_from(valid))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(start + 20, len(data))))
        new = draw(st.sampled_from(SPLICES) | st.binary(max_size=4) | st.just(data[start:stop] * 2))
        data = data[:start] + new + data[stop:]
    return data


def chunked(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [piece for piece in pieces if piece]


@st.composite
def in_two_ways(draw: st.DrawFn, valid: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    data = draw(mutated(valid) | st.binary(max_size=100))
    other = [data[at : at + 1] for at in range(len(data))]
    return chunked(draw, data), draw(st.sampled_from([other, [data] if data else []]))


def serve(pieces: list[bytes], accept: bool) -> list[Any]:
    """All that a server has to say to these pieces and end of file."""
    handshake = server(LIMITS, Deflate())
    said: list[Any] = []

    def answer() -> None:
        while (request := handshake.next_request()) is not None:
            said.append((request.method, request.target, request.headers.lines))
            refusal = handshake.refusal()
            said.append(refusal and (refusal.status, handshake.subprotocols))
            if refusal is None and accept:
                said.append(handshake.accept())
                return
            said.append(handshake.reject(refusal or Response(403)))

    for number, piece in enumerate([*pieces, b""]):
        try:
            handshake.receive_data(piece)
            answer()
        except RemoteProtocolError as error:
            said.extend((str(error), error.code, handshake.reject(Response(error.code))))
        if handshake.response is not None:
            said.append(handshake.trailing + b"".join(pieces[number + 1 :]))
            break
    return [*said, handshake.keep_alive, handshake.extensions]


def ask(pieces: list[bytes]) -> list[Any]:
    """All that a client makes of these pieces and end of file."""
    handshake = client(compression=Deflate(), subprotocols=["a"], limits=LIMITS)
    for number, piece in enumerate([*pieces, b""]):
        handshake.receive_data(piece)
        try:
            event = handshake.next_event()
        except RemoteProtocolError as error:
            return [str(error), error.code]
        if event is not None:
            rest = b"".join(pieces[number + 1 :])
            return [event, handshake.trailing + rest if event.response.status == 101 else b""]
    raise AssertionError("end of file was no end")


@given(in_two_ways(REQUESTS), st.booleans())
def test_server_says_the_same_in_any_chunks(
    ways: tuple[list[bytes], list[bytes]], accept: bool
) -> None:
    first, second = ways
    assert serve(first, accept) == serve(second, accept)


@given(in_two_ways(RESPONSES))
def test_client_says_the_same_in_any_chunks(ways: tuple[list[bytes], list[bytes]]) -> None:
    first, second = ways
    assert ask(first) == ask(second)


@given(st.text(), st.text(), st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_what_an_application_gives_is_sent_in_one_line_or_not_at_all(
    name: str, value: str, more: list[tuple[str, str]]
) -> None:
    def accept() -> bytes:
        handshake = server()
        handshake.receive_data(upgrade())
        handshake.next_request()
        return handshake.accept(headers=[(name, value), *more])

    def reject() -> bytes:
        handshake = server()
        handshake.receive_data(plain())
        handshake.next_request()
        return handshake.reject(Response(200, [(name, value), *more]))

    def request() -> bytes:
        return client(headers=[(name, value), *more]).request_bytes()

    fixed: list[tuple[Callable[[], bytes], int]] = [(accept, 4), (reject, 2), (request, 6)]
    for send, lines in fixed:
        try:
            data = send()
        except LocalProtocolError:
            continue
        head = data.partition(b"\r\n\r\n")[0]
        assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r")
        assert head.count(b"\n") == lines + len(more)
