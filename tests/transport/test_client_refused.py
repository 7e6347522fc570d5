"""Connecting in vain: a typed error, in time, and nothing left open."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

import rawws
from rawws import Limits, Timeouts
from tests.transport.raw import HOST, RawPeer, switching
from tests.transport.support import (
    Parked,
    Way,
    begin,
    connect_over,
    in_no_time,
    raw_server,
    tls_contexts,
)


async def enter(connecting: Any) -> None:
    """Connect, and expect that it does not come to the body."""
    async with connecting:
        pytest.fail("connected")


async def test_nobody_listens(nursery: trio.Nursery) -> None:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        with pytest.raises(OSError, match="connect"):
            await enter(rawws.connect(f"ws://{HOST}:{sock.getsockname()[1]}/"))


@pytest.mark.parametrize("status", [200, 301, 401, 404, 503])
async def test_other_status_is_a_rejection_with_its_response(
    way: Way, nursery: trio.Nursery, status: int
) -> None:
    def answer(_: str) -> bytes:
        return b"HTTP/1.1 %d Whatever\r\nX: y\r\nContent-Length: 4\r\n\r\nwhy?more" % status

    async with raw_server(nursery, way, answer) as server:
        with pytest.raises(rawws.HandshakeRejected, match=str(status)) as refusal:
            await enter(server.connect())
        response = refusal.value.response
        assert (response.status, response.headers["X"], response.body) == (status, "y", b"why?")
        await ends(await server.accepted())


async def ends(peer: RawPeer) -> None:
    """Check that the other side lets go of its stream."""
    try:
        assert await peer.at_end()
    except trio.BrokenResourceError:
        pass
    finally:
        await trio.aclose_forcefully(peer.stream)


ANSWERS: dict[str, Callable[[str], bytes]] = {
    "wrong accept": lambda asked: switching(asked, Sec_WebSocket_Accept="x" * 28),
    "no upgrade": lambda asked: switching(asked, Upgrade=None),
    "subprotocol not offered": lambda asked: switching(asked, Sec_WebSocket_Protocol="x"),
    "extension not offered": lambda asked: switching(asked, Sec_WebSocket_Extensions="x"),
    "not HTTP": lambda _: b"220 smtp.example.org\r\n\r\n",
    "too many headers": lambda _: b"HTTP/1.1 101 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_answer_that_is_no_upgrade_is_an_error(
    way: Way, nursery: trio.Nursery, answer: str
) -> None:
    async with raw_server(nursery, way, ANSWERS[answer]) as server:
        with pytest.raises(rawws.HandshakeError) as refusal:
            await enter(server.connect(limits=Limits(max_headers=100)))
        assert isinstance(refusal.value.__cause__, rawws.RemoteProtocolError)
        await ends(await server.accepted())


@pytest.mark.parametrize("heard", [b"", b"HTTP/1.1 101 Swi"])
async def test_stream_that_ends_before_the_answer_is_an_error(heard: bytes) -> None:
    near, far = memory_stream_pair()
    await far.send_all(heard)
    await far.send_eof()
    with pytest.raises(rawws.HandshakeError):
        await enter(connect_over(near))


async def test_stream_that_breaks_before_the_answer_is_an_error() -> None:
    near, far = memory_stream_pair()
    await far.aclose()
    with pytest.raises(rawws.HandshakeError, match="lost before the upgrade") as refusal:
        await enter(connect_over(near))
    assert isinstance(refusal.value.__cause__, trio.BrokenResourceError)


async def test_stream_that_is_closed_already_is_told() -> None:
    stream, other = await socket_streams()
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await enter(connect_over(stream))
    await other.aclose()


async def socket_streams() -> tuple[trio.SocketStream, trio.SocketStream]:
    near, far = trio.socket.socketpair()
    return trio.SocketStream(near), trio.SocketStream(far)


# -- in time


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 OK\r\nX: "])
async def test_silent_server_is_given_up_at_the_deadline(
    autojump_clock: MockClock, answer: bytes
) -> None:
    near, far = memory_stream_pair()
    await far.send_all(answer)
    start = trio.current_time()
    with pytest.raises(rawws.HandshakeTimeout, match="3 s"):
        await enter(connect_over(near, timeouts=Timeouts(handshake=3)))
    assert trio.current_time() - start == pytest.approx(3)
    assert (await far.receive_some()).startswith(b"GET / HTTP/1.1\r\n")
    assert await far.receive_some() == b""


async def test_dribbling_server_is_given_up_at_the_same_deadline(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    near, far = memory_stream_pair()

    async def dribble() -> None:
        with suppress(trio.BrokenResourceError):  # given up
            await far.send_all(b"HTTP/1.1 101 OK\r\nX: ")
            while True:
                await trio.sleep(0.5)
                await far.send_all(b"x")

    nursery.start_soon(dribble)
    start = trio.current_time()
    with pytest.raises(rawws.HandshakeTimeout):
        await enter(connect_over(near, timeouts=Timeouts(handshake=3)))
    assert trio.current_time() - start == pytest.approx(3)
    nursery.cancel_scope.cancel()


async def test_server_that_reads_nothing_is_given_up_at_the_deadline(
    autojump_clock: MockClock,
) -> None:
    near, _ = trio.testing.lockstep_stream_pair()
    with pytest.raises(rawws.HandshakeTimeout):
        await enter(connect_over(near))


async def test_without_a_deadline_it_waits(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    near, far = memory_stream_pair()
    peer = RawPeer(far, masks=False)

    async def converse() -> str | bytes:
        async with connect_over(near, timeouts=Timeouts(handshake=None)) as ws:
            message = await ws.receive()
            await peer.stream.aclose()
        return message

    conversation = await begin(nursery, converse)
    await trio.sleep(3600)
    await peer.send(switching(await peer.read_head()))
    await peer.say("at last")
    assert await conversation.result() == "at last"


async def test_server_that_never_shakes_hands_over_tls_is_given_up() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host=HOST)
    port = listener.socket.getsockname()[1]
    async with listener:
        with pytest.raises(rawws.HandshakeTimeout):
            await enter(rawws.connect(f"wss://{HOST}:{port}/", timeouts=Timeouts(handshake=0.1)))
        accepted = await listener.accept()
        assert (await accepted.receive_some()).startswith(b"\x16")
        await ends(RawPeer(accepted, masks=False))


async def test_cancelled_while_connecting_leaves_nothing_open(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    near, far = memory_stream_pair()
    connecting = await begin(nursery, enter, connect_over(near))
    with in_no_time():
        await connecting.cancel()
        await far.receive_some()
        assert await far.receive_some() == b""


# -- over TLS


async def test_certificate_of_nobody_known_is_refused(nursery: trio.Nursery) -> None:
    server = await Way("tls").serve(nursery, Parked())
    with pytest.raises(ssl.SSLCertVerificationError):
        await enter(rawws.connect(f"wss://{HOST}:{server.port}/"))


async def test_certificate_for_another_name_is_refused(nursery: trio.Nursery) -> None:
    server = await Way("tls").serve(nursery, Parked())
    assert server.port is not None
    stream = await trio.open_tcp_stream(HOST, server.port)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate is not valid"):
        await enter(
            rawws.connect("wss://example.org/", stream=stream, ssl_context=tls_contexts()[1])
        )


async def test_server_that_does_not_speak_tls_is_an_error(nursery: trio.Nursery) -> None:
    server = await Way("plain").serve(nursery, Parked())
    with pytest.raises((ssl.SSLError, rawws.HandshakeError)):
        await enter(rawws.connect(f"wss://{HOST}:{server.port}/"))


async def test_server_that_hangs_up_on_tls_is_an_error(nursery: trio.Nursery) -> None:
    near, far = await socket_streams()
    await far.aclose()
    with pytest.raises(rawws.HandshakeError):
        await enter(rawws.connect("wss://localhost/", stream=near))
