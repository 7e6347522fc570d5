"""TLS on a socket: after the handshake, as any other stream; its end is told from a loss."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rawws.transport.streams import DirectSocket, linger, send_all
from rawws.transport.tls import TlsSocket
from tests.transport.raw import HOST, PATIENCE
from tests.transport.wires import TlsPeer, contexts, jam, read_exactly, reset, socket_pair

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
DATA = bytes(range(256)) * 4096  # 1 MiB


@dataclass
class Ends:
    """Both ends of a connection, before their handshake.

    Attributes:
        sock: what is under `stream`.
    """

    stream: TlsSocket
    sock: DirectSocket
    peer: TlsPeer
    server_side: bool

    async def handshake(self, say: bytes = b"") -> None:
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.stream.handshake)
                nursery.start_soon(self.peer.handshake, say)

    async def receive(self) -> bytes | None:
        """What comes next; `None` if it was no data."""
        with trio.fail_after(PATIENCE):
            await self.stream.wait_readable()
        return self.stream.receive_nowait()


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest) -> ssl.TLSVersion:
    """Of TLS."""
    return ssl.TLSVersion(request.param)


@pytest.fixture(params=["server", "client"])
def new(request: pytest.FixtureRequest, version: ssl.TLSVersion) -> Iterator[Ends]:
    """Two ends of a TCP connection that have not shaken hands."""
    server_side = request.param == "server"
    server, client = contexts(version)
    with socket_pair("tcp") as (near, far):
        sock = DirectSocket(near)
        if server_side:
            stream = TlsSocket(sock, server, server_side=True)
        else:
            stream = TlsSocket(sock, client, server_hostname=HOST)
        peer = TlsPeer(far, client if server_side else server, server_side=not server_side)
        yield Ends(stream, sock, peer, server_side)


@pytest.fixture
async def ends(new: Ends) -> Ends:
    """Two ends that have shaken hands; what TLS itself said afterwards is read."""
    await new.handshake()
    if not new.server_side:
        assert new.stream.receive_nowait() is None
    return new


# -- data


async def test_data_goes_both_ways(ends: Ends) -> None:
    stream, peer = ends.stream, ends.peer
    assert stream.receive_nowait() is None
    peer.sock.sendall(peer.records(b"question"))
    assert await ends.receive() == b"question"
    assert stream.receive_nowait() is None
    await send_all(stream, b"answer")
    assert await peer.read() == b"answer"


async def test_data_that_came_with_the_handshake_is_there_while_the_socket_is_silent(
    new: Ends,
) -> None:
    await new.handshake(say=b"early")
    data = b""
    with trio.fail_after(PATIENCE):
        while (piece := new.stream.receive_nowait()) != b"":
            if data := data + (piece or b""):
                break
            await new.stream.wait_readable()
    assert data == b"early"


async def test_all_that_came_together_is_read_together(ends: Ends) -> None:
    records = [ends.peer.records(b"%d" % number) for number in range(100)]
    ends.peer.sock.sendall(b"".join(records))
    assert await ends.receive() == b"".join(b"%d" % number for number in range(100))
    assert ends.stream.receive_nowait() is None


async def test_record_that_comes_byte_by_byte_is_read_once_it_is_whole(ends: Ends) -> None:
    *bytes_before, last = ends.peer.records(b"slow")
    for byte in bytes_before:
        ends.peer.sock.sendall(bytes([byte]))
        assert await ends.receive() is None
    ends.peer.sock.sendall(bytes([last]))
    assert await ends.receive() == b"slow"


async def test_large_data_is_received_whole(ends: Ends, nursery: trio.Nursery) -> None:
    peer = trio.SocketStream(trio.socket.from_stdlib_socket(ends.peer.sock))
    nursery.start_soon(peer.send_all, ends.peer.records(DATA))
    received = bytearray()
    while len(received) < len(DATA):
        received += await ends.receive() or b""
    assert received == DATA


async def test_large_data_is_sent_whole(ends: Ends, nursery: trio.Nursery) -> None:
    nursery.start_soon(send_all, ends.stream, DATA)
    received = bytearray()
    while len(received) < len(DATA):
        received += await ends.peer.read()
    assert received == DATA


async def test_sealed_pieces_are_read_in_the_order_they_were_sealed(ends: Ends) -> None:
    sealed = [ends.stream.seal(data) for data in (b"one", b"two", b"three")]
    assert ends.stream.send_nowait(b"".join(sealed)) == len(b"".join(sealed))
    assert [await ends.peer.read() for _ in sealed] == [b"one", b"two", b"three"]


# -- the end


async def test_goodbye_is_the_end_though_tcp_goes_on(ends: Ends) -> None:
    ends.peer.sock.sendall(ends.peer.goodbye())
    for _ in range(3):
        assert await ends.receive() == b""


async def test_goodbye_is_the_end_after_what_came_with_it(ends: Ends) -> None:
    ends.peer.sock.sendall(ends.peer.records(b"last") + ends.peer.goodbye())
    assert await ends.receive() == b"last"
    for _ in range(3):
        assert await ends.receive() == b""


async def test_goodbye_is_a_good_end_however_tcp_ends_then(ends: Ends) -> None:
    ends.peer.sock.sendall(ends.peer.records(b"last") + ends.peer.goodbye())
    assert await ends.receive() == b"last"
    reset(ends.peer.sock)
    assert await ends.receive() == b""


async def test_goodbye_and_the_end_of_tcp_in_one_are_a_good_end(ends: Ends) -> None:
    ends.peer.sock.sendall(ends.peer.goodbye())
    ends.peer.sock.shutdown(socket.SHUT_WR)
    with trio.fail_after(PATIENCE):
        await linger(ends.stream)
    assert ends.stream.receive_nowait() == b""


async def test_end_of_tcp_alone_is_a_loss_after_what_came_before(ends: Ends) -> None:
    ends.peer.sock.sendall(ends.peer.records(b"last"))
    ends.peer.sock.shutdown(socket.SHUT_WR)
    received = await ends.receive()
    assert received == b"last"
    for _ in range(2):
        with pytest.raises(trio.BrokenResourceError, match="TLS failed") as caught:
            await ends.receive()
        assert isinstance(caught.value.__cause__, ssl.SSLEOFError)


async def test_end_of_tcp_within_a_record_is_a_loss(ends: Ends) -> None:
    ends.peer.sock.sendall(ends.peer.records(b"last")[:-1])
    ends.peer.sock.shutdown(socket.SHUT_WR)
    with pytest.raises(trio.BrokenResourceError, match="TLS failed"):
        while await ends.receive() is None:
            pass


async def test_reset_is_a_loss(ends: Ends) -> None:
    reset(ends.peer.sock)
    with pytest.raises(trio.BrokenResourceError, match="connection lost"):
        await ends.receive()
    with pytest.raises(trio.BrokenResourceError):
        await ends.stream.send_some(memoryview(ends.stream.seal(b"x")))
    ends.stream.send_eof()
    assert not ends.stream.closed


async def test_bent_record_is_a_loss_after_what_came_before_though_the_socket_is_silent(
    ends: Ends,
) -> None:
    good, bent = ends.peer.records(b"good"), bytearray(ends.peer.records(b"bent"))
    bent[-1] ^= 1
    ends.peer.sock.sendall(good + bent)
    assert await ends.receive() == b"good"
    for _ in range(2):
        with pytest.raises(trio.BrokenResourceError, match="TLS failed"):
            await ends.receive()
    with pytest.raises(trio.BrokenResourceError, match="TLS failed"):
        ends.stream.seal(b"more")


async def test_end_of_writing_says_goodbye_and_reading_goes_on(ends: Ends) -> None:
    assert ends.stream.has_halves
    await send_all(ends.stream, b"last")
    ends.stream.send_eof()
    assert await ends.peer.read() == b"last"
    assert await ends.peer.read() == b""
    ends.peer.sock.setblocking(True)
    assert ends.peer.sock.recv(1) == b""
    ends.peer.sock.sendall(ends.peer.records(b"answer"))
    assert await ends.receive() == b"answer"
    ends.peer.sock.sendall(ends.peer.goodbye())
    for _ in range(2):
        assert await ends.receive() == b""


async def test_close_wakes_who_waits_and_everything_after_it_says_so(
    ends: Ends, nursery: trio.Nursery
) -> None:
    stream = ends.stream
    woken = trio.Event()

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.wait_readable()
        woken.set()

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    assert not stream.closed
    stream.close()
    assert stream.closed
    await woken.wait()
    for use in (stream.receive_nowait, lambda: stream.send_nowait(stream.seal(b"x"))):
        with pytest.raises(trio.ClosedResourceError):
            use()
    stream.send_eof()
    stream.close()
    await read_exactly(ends.peer.sock, 1 << 20)


async def test_wait_after_the_end_and_close_says_that_it_is_closed(ends: Ends) -> None:
    ends.peer.sock.sendall(ends.peer.goodbye())
    assert await ends.receive() == b""
    ends.stream.close()
    with pytest.raises(trio.ClosedResourceError):
        await ends.stream.wait_readable()


async def test_interrupt_wakes_who_waits_and_addresses_are_the_sockets(
    ends: Ends, nursery: trio.Nursery
) -> None:
    woken = trio.Event()

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await ends.stream.wait_readable()
        woken.set()

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    ends.stream.interrupt()
    await woken.wait()
    assert not ends.stream.closed
    assert ends.stream.receive_nowait() is None
    assert ends.stream.local_address == ends.peer.sock.getpeername()
    assert ends.stream.remote_address == ends.peer.sock.getsockname()


async def test_jammed_socket_takes_the_rest_of_a_record_when_it_is_read(
    ends: Ends, nursery: trio.Nursery
) -> None:
    sealed = memoryview(ends.stream.seal(DATA))
    sent = ends.stream.send_nowait(sealed)
    assert 0 < sent < len(sealed)
    while more := ends.stream.send_nowait(sealed[sent:]):
        sent += more

    async def write() -> None:
        rest = sealed[sent:]
        while rest:
            rest = rest[await ends.stream.send_some(rest) :]

    nursery.start_soon(write)
    received = bytearray()
    while len(received) < len(DATA):
        received += await ends.peer.read()
    assert received == DATA
    assert jam(ends.sock) > 0
