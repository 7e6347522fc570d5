"""ServerProtocol: requests in, one of them accepted in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rawws.core.close import Close
from rawws.core.errors import LocalProtocolError, RemoteProtocolError
from rawws.core.events import Closed, Message
from rawws.core.http import Request, Response
from rawws.core.limits import Limits
from rawws.core.protocol import ServerProtocol, State
from tests.core.handshakes import ACCEPT, plain, upgrade
from tests.core.wire import (
    FIN,
    LOST,
    SERVER,
    TEXT,
    Way,
    converse,
    every_way,
)

HELLO = SERVER.frame(FIN | TEXT, "hello")


def asked(data: bytes | None = None, **options: Any) -> ServerProtocol:
    """A server that has a request to answer."""
    protocol = ServerProtocol(**options)
    (request,) = converse(protocol, [upgrade() if data is None else data])
    assert request == protocol.request
    return protocol


def status(data: bytes) -> int:
    """Of the one response that `data` is."""
    assert data.count(b"HTTP/1.1 ") == 1
    return int(data.split()[1])


def test_request_of_an_open_connection_holds_its_headers_and_no_index_of_them() -> None:
    server = asked()
    server.accept()
    assert server.request is not None
    assert server.request.headers._index is None
    assert server.request.headers["upgrade"] == "websocket"


@every_way
def test_server_sees_the_request_and_accepts_it(way: Way) -> None:
    server = ServerProtocol()
    assert server.request is None
    data = upgrade("Sec-WebSocket-Protocol: b, a", "X: y")
    (request,) = converse(server, way(data))
    assert isinstance(request, Request)
    assert (request.method, request.target, request.headers["x"]) == ("GET", "/chat", "y")
    assert server.request is request
    assert (server.offered_subprotocols, server.refusal) == (("b", "a"), None)
    assert (server.state, server.data_to_send()) == (State.CONNECTING, b"")
    server.accept("a", {"X": "z"})
    assert server.data_to_send() == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\nSec-WebSocket-Protocol: a\r\n"
        b"X: z\r\n\r\n"
    )
    assert server.state is State.OPEN
    assert not server.masks
    assert (server.request, server.subprotocol, server.extensions) == (request, "a", "")


@every_way
def test_hazard_5_frames_behind_the_request_are_the_first(way: Way) -> None:
    for early in range(len(HELLO)):
        server = asked(upgrade() + HELLO[:early])
        server.accept()
        assert list(server.events()) == []
        assert converse(server, way(HELLO[early:])) == [Message("hello")]
    server = ServerProtocol()
    assert len(converse(server, way(upgrade() + HELLO))) == 1
    server.accept()
    assert list(server.events()) == [Message("hello")]


def test_requests_know_whom_they_are_from() -> None:
    server = asked(plain(), remote_address=("192.0.2.1", 80))
    assert server.request is not None
    assert server.request.remote_address == ("192.0.2.1", 80)


def test_request_is_reported_once_and_waits_for_its_answer() -> None:
    server = asked(plain() + plain())
    assert list(server.events()) == []
    assert converse(server, [plain()]) == []
    server.reject(Response(404))
    assert server.next_event() == server.request is not None


@pytest.mark.parametrize("when", ["before", "rejected", "accepted"])
def test_server_has_nothing_to_answer_without_a_request(when: str) -> None:
    server = ServerProtocol() if when == "before" else asked(plain() if when[0] == "r" else None)
    if when == "rejected":
        server.reject(Response(404))
    elif when == "accepted":
        server.accept()
    server.data_to_send()
    verbs: list[Callable[[], object]] = [
        server.accept,
        lambda: server.reject(Response(404)),
        lambda: server.offered_subprotocols,
        lambda: server.refusal,
    ]
    for verb in verbs:
        with pytest.raises(LocalProtocolError, match="no request waits for an answer"):
            verb()
    assert server.data_to_send() == b""


def test_refused_accept_leaves_the_request_to_be_answered() -> None:
    server = asked(upgrade("Sec-WebSocket-Protocol: a"))
    for arguments in (("b",), ("a", {"X": "y\r\nz"}), (None, {"Upgrade": "h2c"})):
        with pytest.raises(LocalProtocolError):
            server.accept(*arguments)
    assert (server.state, server.data_to_send()) == (State.CONNECTING, b"")
    server.accept("a")
    assert (server.state, server.subprotocol) == (State.OPEN, "a")


def test_request_that_is_no_upgrade_cannot_be_accepted() -> None:
    server = asked(plain())
    refusal = server.refusal
    assert refusal is not None
    assert refusal.status == 426
    with pytest.raises(LocalProtocolError, match="owed 426"):
        server.accept()
    server.reject(refusal)
    assert status(server.data_to_send()) == 426
    assert server.keep_alive


def test_requests_follow_each_other_on_a_kept_connection() -> None:
    server = ServerProtocol()
    server.receive_data(plain(line="GET /1 HTTP/1.1") + plain(line="GET /2 HTTP/1.1") + upgrade())
    for target in ("/1", "/2"):
        (request,) = server.events()
        assert isinstance(request, Request)
        assert request.target == target
        server.reject(Response(200, body="page"))
        assert server.keep_alive
        assert server.request is None
        assert server.data_to_send().endswith(b"\r\n\r\npage")
    assert len(list(server.events())) == 1
    server.accept()
    assert converse(server, [HELLO]) == [Message("hello")]


@pytest.mark.parametrize(
    ("data", "response"),
    [
        (upgrade(), Response(403)),
        (plain("Connection: close"), Response(200)),
        (plain(), Response(200, {"Connection": "close"})),
    ],
)
def test_last_answer_ends_the_connection(data: bytes, response: Response) -> None:
    server = asked(data)
    server.reject(response)
    assert not server.keep_alive
    assert (server.state, server.request) == (State.CLOSED, None)
    assert server.closed == Close(1006, f"answered with {response.status}", "local")
    assert status(server.data_to_send()) == response.status
    assert converse(server, [plain(), HELLO, b""]) == []
    assert server.data_to_send() == b""


def test_refused_response_leaves_the_request_to_be_answered() -> None:
    server = asked()
    with pytest.raises(LocalProtocolError):
        server.reject(Response(101))
    assert server.data_to_send() == b""
    server.accept()
    assert server.state is State.OPEN


@every_way
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x16\x03\x01", 400),
        (upgrade("X: \x00"), 400),
        (upgrade(line="GET / HTTP/2.0"), 505),
        (plain(*(f"X: {number}" for number in range(101))), 431),
    ],
)
def test_malformed_request_is_answered_once_and_ends_the_connection(
    way: Way, data: bytes, code: int
) -> None:
    server = ServerProtocol()
    (closed,) = converse(server, way(data))
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, RemoteProtocolError)
    assert (closed.error.code, server.error) == (code, closed.error)
    assert closed.close == server.closed == Close(1006, f"answered with {code}", "local")
    answer = server.data_to_send()
    assert status(answer) == code
    assert answer.endswith(f"\r\n\r\n{closed.error}\n".encode())
    assert converse(server, [upgrade(), b""]) == []
    assert server.data_to_send() == b""


def test_limits_hold_for_the_handshake_too() -> None:
    server = ServerProtocol(limits=Limits(max_header_size=100))
    converse(server, [upgrade()])
    assert status(server.data_to_send()) == 431


@pytest.mark.parametrize(
    ("before", "code"), [(b"", None), (plain()[:-1], 400), (b"\r\n", None), (plain(), None)]
)
def test_end_of_file_instead_of_a_request(before: bytes, code: int | None) -> None:
    server = ServerProtocol()
    if before == plain():
        converse(server, [before])
        server.reject(Response(404))
        server.data_to_send()
        before = b""
    (closed,) = converse(server, [before, b""] if before else [b""])
    assert isinstance(closed, Closed)
    assert closed.close.code == 1006
    assert (closed.error is None) == (code is None)
    assert bool(server.data_to_send()) == (code is not None)
    assert server.state is State.CLOSED


def test_request_can_be_answered_after_the_end_of_file() -> None:
    server = asked(plain())
    assert converse(server, [b""]) == []
    server.reject(Response(200, body="page"))
    assert server.data_to_send().endswith(b"page")
    assert list(server.events()) == [Closed(LOST)]
    server = asked(upgrade() + HELLO)
    assert converse(server, [b""]) == []
    server.accept()
    assert list(server.events()) == [Message("hello"), Closed(LOST)]


def test_request_comes_before_the_end_of_file_behind_it() -> None:
    server = ServerProtocol()
    server.receive_data(plain())
    server.receive_data(b"")
    (request,) = server.events()
    assert isinstance(request, Request)
    server.reject(Response(404))
    assert list(server.events()) == [Closed(LOST)]


def test_request_cannot_be_accepted_after_a_loss() -> None:
    server = asked()
    server.lost()
    with pytest.raises(LocalProtocolError, match="no request waits"):
        server.accept()
    with pytest.raises(LocalProtocolError, match="no request waits"):
        server.reject(Response(503))
    assert (server.state, server.data_to_send()) == (State.CLOSED, b"")
    assert server.closed == LOST
