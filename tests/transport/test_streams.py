"""Streams: sockets called directly, and what they have in common with foreign streams."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rawws.transport.readiness import Readiness, WatchedSocket
from rawws.transport.streams import (
    NOT_SENT,
    DirectSocket,
    ForeignStream,
    adopt,
    give_up_listener,
    give_up_socket,
    linger,
)
from tests.transport.raw import HOST
from tests.transport.wires import jam, read_exactly, reset, socket_pair

Ends = tuple[DirectSocket, socket.socket]


@pytest.fixture(params=["unix", "tcp", "watched"])
async def ends(request: pytest.FixtureRequest, nursery: trio.Nursery) -> AsyncIterator[Ends]:
    """A `DirectSocket`, or a server's over TCP, and the peer's socket."""
    with socket_pair("unix" if request.param == "unix" else "tcp") as (near, far):
        if request.param == "watched":
            readiness = Readiness()
            nursery.start_soon(readiness.run)
            yield WatchedSocket(near, readiness), far
        else:
            yield DirectSocket(near), far


@pytest.fixture
def tcp() -> Iterator[Ends]:
    """The same, over TCP alone."""
    with socket_pair("tcp") as (near, far):
        yield DirectSocket(near), far


# -- what is read


async def test_read_gives_what_has_arrived_and_then_the_end(ends: Ends) -> None:
    stream, peer = ends
    assert stream.receive_nowait() is None
    peer.send(b"one")
    await stream.wait_readable()
    assert stream.receive_nowait() == b"one"
    assert stream.receive_nowait() is None
    peer.send(b"two")
    peer.close()
    await stream.wait_readable()
    assert stream.receive_nowait() == b"two"
    for _ in range(2):
        await stream.wait_readable()
        assert stream.receive_nowait() == b""


async def test_cancelled_wait_for_reading_loses_nothing(ends: Ends) -> None:
    stream, peer = ends
    with trio.CancelScope() as scope:
        scope.cancel()
        await stream.wait_readable()
    assert scope.cancelled_caught
    peer.send(b"later")
    await stream.wait_readable()
    assert stream.receive_nowait() == b"later"


async def test_interrupt_wakes_who_waits_for_reading_and_leaves_the_socket_open(
    ends: Ends, nursery: trio.Nursery
) -> None:
    stream, peer = ends
    woken = trio.Event()

    async def wait() -> None:
        with suppress(trio.ClosedResourceError):
            await stream.wait_readable()
        woken.set()

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    assert not woken.is_set()
    stream.interrupt()
    await woken.wait()
    assert not stream.closed
    assert stream.receive_nowait() is None
    peer.send(b"still open")
    await stream.wait_readable()
    assert stream.receive_nowait() == b"still open"


async def test_interrupt_of_a_closed_socket_leaves_alone_who_has_its_number_now() -> None:
    with socket_pair() as (near, _), socket_pair() as (idle, _):
        stream, number = DirectSocket(near), near.fileno()
        stream.close()
        os.dup2(idle.fileno(), number)
        with socket.socket(fileno=number) as heir, trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.lowlevel.wait_readable, heir)
                await wait_all_tasks_blocked()
                stream.interrupt()
                stream.close()
                await wait_all_tasks_blocked()
                scope.cancel()
        assert scope.cancelled_caught


# -- what is written


async def test_write_takes_what_the_kernel_takes_and_then_nothing(ends: Ends) -> None:
    stream, peer = ends
    assert stream.seal(b"as it is") == b"as it is"
    taken = jam(stream)
    assert 0 < taken < 50 * NOT_SENT
    assert stream.send_nowait(b"more") == 0
    assert await read_exactly(peer, taken) == bytes(taken)


async def test_waiting_write_goes_on_once_the_peer_has_read(
    ends: Ends, nursery: trio.Nursery
) -> None:
    stream, peer = ends
    taken = jam(stream)
    done = trio.Event()

    async def write() -> None:
        rest = memoryview(bytes(range(256)) * 4096)
        while rest:
            sent = await stream.send_some(rest)
            assert sent > 0
            rest = rest[sent:]
        done.set()

    nursery.start_soon(write)
    await wait_all_tasks_blocked()
    stream.interrupt()  # which is for readers
    await wait_all_tasks_blocked()
    assert not done.is_set()
    assert (await read_exactly(peer, taken + (1 << 20)))[taken:] == bytes(range(256)) * 4096
    await done.wait()


async def test_end_of_writing_is_seen_and_reading_goes_on(ends: Ends) -> None:
    stream, peer = ends
    assert stream.has_halves
    stream.send_nowait(b"last")
    stream.send_eof()
    assert await read_exactly(peer, 5) == b"last"
    peer.send(b"answer")
    await stream.wait_readable()
    assert stream.receive_nowait() == b"answer"


# -- the end


async def test_close_wakes_who_waits_and_everything_after_it_says_so(
    ends: Ends, nursery: trio.Nursery
) -> None:
    stream, peer = ends
    taken = jam(stream)
    woken = trio.Semaphore(0)

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.wait_readable()
            stream.receive_nowait()
        woken.release()

    async def write() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_some(memoryview(b"x"))
        woken.release()

    nursery.start_soon(read)
    nursery.start_soon(write)
    await wait_all_tasks_blocked()
    stream.close()
    for _ in range(2):
        await woken.acquire()
    await read()
    await write()
    for use in (stream.receive_nowait, lambda: stream.send_nowait(b"x")):
        with pytest.raises(trio.ClosedResourceError):
            use()
    assert stream.closed
    stream.send_eof()
    stream.close()
    assert len(await read_exactly(peer, taken + 1)) == taken


async def test_reset_breaks_reading_and_writing(tcp: Ends) -> None:
    stream, peer = tcp
    reset(peer)
    await stream.wait_readable()
    with pytest.raises(trio.BrokenResourceError, match="connection lost") as caught:
        stream.receive_nowait()
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    with pytest.raises(trio.BrokenResourceError):
        stream.send_nowait(b"x")
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_some(memoryview(b"x"))
    stream.send_eof()
    assert not stream.closed


async def test_reset_breaks_a_write_that_waits(tcp: Ends, nursery: trio.Nursery) -> None:
    stream, peer = tcp
    jam(stream)
    broken = trio.Event()

    async def write() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_some(memoryview(b"x"))
        broken.set()

    nursery.start_soon(write)
    await wait_all_tasks_blocked()
    reset(peer)
    await broken.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such a file can be waited for")
async def test_socket_that_cannot_be_waited_for_is_lost(tcp: Ends, tmp_path: Path) -> None:
    stream, _ = tcp
    file = os.open(tmp_path / "no socket", os.O_CREAT)
    os.dup2(file, stream._fd)
    os.close(file)
    with pytest.raises(PermissionError):
        await stream.wait_readable()
    with pytest.raises(trio.BrokenResourceError):
        stream.receive_nowait()
    await linger(stream)
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_some(memoryview(b"x"))


# -- what is known of it


async def test_addresses_are_the_sockets_and_none_once_it_is_closed(tcp: Ends) -> None:
    stream, peer = tcp
    assert stream.local_address == peer.getpeername()
    assert stream.remote_address == peer.getsockname()
    stream.close()
    assert stream.local_address is stream.remote_address is None


async def test_tcp_sends_at_once_keeps_alive_and_queues_little(tcp: Ends) -> None:
    sock = tcp[0]._socket
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if sys.platform == "linux":
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == NOT_SENT
    assert sock.gettimeout() == 0


# -- how it is come by


def no_task(async_fn: object) -> None:
    raise AssertionError("a task was started")


async def test_plain_socket_stream_gives_up_its_socket(nursery: trio.Nursery) -> None:
    with socket_pair() as (near, far):
        number = near.fileno()
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(near))
        adopted = adopt(stream, no_task)
        assert isinstance(adopted, DirectSocket)
        assert adopted._fd == number
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"x")
        await stream.aclose()
        assert adopted.send_nowait(b"still open") == 10
        assert far.recv(99) == b"still open"
        adopted.close()


async def test_any_other_stream_stays_what_it_is(nursery: trio.Nursery) -> None:
    with socket_pair() as (near, far):
        socket_stream = trio.SocketStream(trio.socket.from_stdlib_socket(near))
        adopted = adopt(trio.StapledStream(socket_stream, socket_stream), nursery.start_soon)
        assert isinstance(adopted, ForeignStream)
        far.send(b"hello")
        await adopted.wait_readable()
        assert adopted.receive_nowait() == b"hello"
        assert near.fileno() >= 0
        nursery.cancel_scope.cancel()


async def test_closed_stream_has_no_socket_to_give_up() -> None:
    with socket_pair() as (near, _):
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(near))
        await stream.aclose()
        with pytest.raises(trio.ClosedResourceError):
            give_up_socket(stream)


async def test_plain_listener_gives_up_its_socket_and_another_stays() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host=HOST)
    address = listener.socket.getsockname()
    sock = give_up_listener(listener)
    assert isinstance(sock, socket.socket)
    with sock, pytest.raises(BlockingIOError):
        sock.accept()
    assert listener.socket.fileno() == -1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)

    other = trio.SSLListener(listener, None)  # type: ignore[arg-type]
    assert give_up_listener(other) is other
