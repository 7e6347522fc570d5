"""The TLS handshake: who is refused, who refuses, and what is left when it fails."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from functools import partial

import pytest
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

import rawws
from rawws.transport.streams import DirectSocket
from rawws.transport.tls import TlsSocket
from tests.transport.raw import HOST, PATIENCE
from tests.transport.support import tls_contexts
from tests.transport.wires import TlsPeer, jam, read_exactly, reset, socket_pair

Pair = tuple[DirectSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of a TCP connection."""
    with socket_pair("tcp") as (near, far):
        yield DirectSocket(near), far


async def shake(stream: TlsSocket, peer: TlsPeer) -> tuple[Exception | None, Exception | None]:
    """What each side's handshake raised; the peer reads on, for what is told it later."""
    ends: list[Exception | None] = [None, None]

    async def end(number: int, handshake: object) -> None:
        try:
            if number:
                await peer.handshake()
                await peer.read()
            else:
                await stream.handshake()
        except (ssl.SSLError, trio.BrokenResourceError) as error:
            ends[number] = error

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for number in (0, 1):
                nursery.start_soon(end, number, stream)
            await wait_all_tasks_blocked(0.01)
            stream.close()
    return ends[0], ends[1]


def stranger() -> ssl.SSLContext:
    """A client that knows other authorities."""
    context = ssl.create_default_context()
    trustme.CA().configure_trust(context)
    return context


# -- refusals


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_client_refuses_an_unknown_certificate_and_says_so(
    pair: Pair, version: ssl.TLSVersion
) -> None:
    context = stranger()
    context.maximum_version = version
    stream = TlsSocket(pair[0], context, server_hostname=HOST)
    ours, theirs = await shake(stream, TlsPeer(pair[1], tls_contexts()[0], server_side=True))
    assert isinstance(ours, ssl.SSLCertVerificationError)
    assert "UNKNOWN_CA" in str(theirs)


async def test_client_refuses_the_certificate_of_another_name(pair: Pair) -> None:
    stream = TlsSocket(pair[0], tls_contexts()[1], server_hostname="other.example")
    ours, _ = await shake(stream, TlsPeer(pair[1], tls_contexts()[0], server_side=True))
    assert isinstance(ours, ssl.SSLCertVerificationError)
    assert "other.example" in str(ours)


async def test_server_is_told_why_it_was_refused(pair: Pair) -> None:
    stream = TlsSocket(pair[0], tls_contexts()[0], server_side=True)
    ours, theirs = await shake(stream, TlsPeer(pair[1], stranger(), server_side=False))
    assert isinstance(ours, ssl.SSLError)
    assert "UNKNOWN_CA" in str(ours)
    assert isinstance(theirs, ssl.SSLCertVerificationError)


async def test_server_that_wants_a_certificate_refuses_who_has_none(pair: Pair) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context()
    authority.configure_trust(client)
    stream = TlsSocket(pair[0], context, server_side=True)
    ours, theirs = await shake(stream, TlsPeer(pair[1], client, server_side=False))
    assert isinstance(ours, ssl.SSLError)
    assert "CERTIFICATE_REQUIRED" in str(theirs)


async def test_client_without_the_certificate_wanted_learns_it_as_it_reads(pair: Pair) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(server)
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context()
    authority.configure_trust(client)
    stream = TlsSocket(pair[0], client, server_hostname=HOST)
    peer = TlsPeer(pair[1], server, server_side=True)

    async def refuse() -> None:
        with pytest.raises(ssl.SSLError):
            await peer.handshake()

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refuse)
            await stream.handshake()
            with pytest.raises(trio.BrokenResourceError, match="CERTIFICATE_REQUIRED"):
                while stream.receive_nowait() is None:
                    await stream.wait_readable()


@pytest.mark.parametrize("server_side", [True, False])
async def test_peer_that_speaks_no_tls_is_refused(pair: Pair, server_side: bool) -> None:
    context = tls_contexts()[0 if server_side else 1]
    name = None if server_side else HOST
    stream = TlsSocket(pair[0], context, server_side=server_side, server_hostname=name)
    pair[1].sendall(b"GET / HTTP/1.1\r\n\r\n")
    with trio.fail_after(PATIENCE), pytest.raises(ssl.SSLError):
        await stream.handshake()


async def test_why_a_peer_is_refused_is_not_hidden_by_its_being_gone(
    pair: Pair, nursery: trio.Nursery
) -> None:
    stream = TlsSocket(pair[0], stranger(), server_hostname=HOST)
    peer = TlsPeer(pair[1], tls_contexts()[0], server_side=True)
    done = trio.Event()

    async def handshake() -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            await stream.handshake()
        done.set()

    nursery.start_soon(handshake)
    await wait_all_tasks_blocked()
    pair[0].send_eof()  # so nothing can be written any more, as after a reset
    with pytest.raises(ssl.SSLEOFError):
        await peer.handshake()
    await done.wait()


# -- losses


async def test_end_within_the_handshake_is_a_loss(pair: Pair) -> None:
    for server_side in (True, False):
        with socket_pair("tcp") as (near, far):
            context = tls_contexts()[0 if server_side else 1]
            name = None if server_side else HOST
            stream = TlsSocket(
                DirectSocket(near), context, server_side=server_side, server_hostname=name
            )
            far.shutdown(socket.SHUT_WR)
            with trio.fail_after(PATIENCE), pytest.raises(trio.BrokenResourceError):
                await stream.handshake()


async def test_reset_within_the_handshake_is_a_loss(pair: Pair) -> None:
    stream = TlsSocket(pair[0], tls_contexts()[0], server_side=True)
    reset(pair[1])
    with trio.fail_after(PATIENCE), pytest.raises(trio.BrokenResourceError):
        await stream.handshake()


async def test_client_raises_one_handshake_error_when_tls_is_cut_off(
    nursery: trio.Nursery,
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host=HOST)

    async def cut_off() -> None:
        stream = await listener.accept()
        await stream.receive_some(10)
        await stream.aclose()

    async with listener:
        nursery.start_soon(cut_off)
        port = listener.socket.getsockname()[1]
        with pytest.raises(rawws.HandshakeError, match="connection lost"):
            async with rawws.connect(f"wss://{HOST}:{port}/", ssl_context=tls_contexts()[1]):
                pass


# -- a handshake that is not finished


async def test_cancelled_handshake_leaves_a_socket_that_can_be_closed(pair: Pair) -> None:
    stream = TlsSocket(pair[0], tls_contexts()[1], server_hostname=HOST)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.handshake)
            await wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught
    assert not stream.closed
    stream.close()
    pair[1].setblocking(True)
    while pair[1].recv(65536):
        pass


async def test_handshake_waits_for_a_socket_that_is_jammed(nursery: trio.Nursery) -> None:
    server, client = tls_contexts()
    with socket_pair("unix") as (near, far):
        sock = DirectSocket(near)
        taken = jam(sock)
        stream = TlsSocket(sock, client, server_hostname=HOST)
        done = trio.Event()

        async def shake() -> None:
            await stream.handshake()
            done.set()

        nursery.start_soon(shake)
        with trio.fail_after(PATIENCE):
            await wait_all_tasks_blocked()
            assert await read_exactly(far, taken) == bytes(taken)
            await TlsPeer(far, server, server_side=True).handshake()
            await done.wait()


@pytest.mark.parametrize("server_side", [True, False])
async def test_context_of_the_wrong_side_closes_the_socket(pair: Pair, server_side: bool) -> None:
    make = partial(TlsSocket, pair[0], server_side=server_side)
    wrong = ssl.PROTOCOL_TLS_CLIENT if server_side else ssl.PROTOCOL_TLS_SERVER
    with pytest.raises(ssl.SSLError):
        make(ssl.SSLContext(wrong))
    assert pair[0].closed
    assert pair[0]._socket.fileno() == -1


async def test_name_that_is_none_closes_the_socket(pair: Pair) -> None:
    with pytest.raises(UnicodeError, match="label empty"):
        TlsSocket(pair[0], tls_contexts()[1], server_hostname=".example")
    assert pair[0].closed
