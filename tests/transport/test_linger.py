"""What is done with any stream: all is sent, and the last of it gets there."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rawws.transport.streams import DirectSocket, linger, send_all
from tests.transport.raw import PATIENCE
from tests.transport.wires import ScriptedStream, jam, read_exactly, reset, socket_pair

Ends = tuple[DirectSocket, socket.socket]


@pytest.fixture
def tcp() -> Iterator[Ends]:
    """A `DirectSocket` and the peer's socket, over TCP."""
    with socket_pair("tcp") as (near, far):
        yield DirectSocket(near), far


async def test_all_is_sent_in_order_and_sealed_once(nursery: trio.Nursery) -> None:
    data, wire = bytes(range(256)) * 64, ScriptedStream(room=100, step=1000)
    nursery.start_soon(send_all, wire, data)
    await wait_all_tasks_blocked()
    assert len(wire.written) == 100
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.written == b"<%b>" % data
    assert wire.seals == [data]


async def test_all_is_sent_through_a_jammed_socket(tcp: Ends, nursery: trio.Nursery) -> None:
    stream, peer = tcp
    taken, data = jam(stream), bytes(range(256)) * 4096
    nursery.start_soon(send_all, stream, data)
    assert (await read_exactly(peer, taken + len(data)))[taken:] == data


async def test_peer_that_takes_nothing_is_a_loss_after_the_patience_had_with_it(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    wire = ScriptedStream(room=0)

    async def take_slowly() -> None:
        for _ in range(5):
            await trio.sleep(8)
            wire.take(1)

    nursery.start_soon(take_slowly)
    start = trio.current_time()
    with pytest.raises(trio.BrokenResourceError, match="took nothing for 10 s"):
        await send_all(wire, bytes(10), patience=10)
    assert trio.current_time() - start == pytest.approx(5 * 8 + 10)
    assert len(wire.written) == 5


async def test_linger_lets_the_peer_read_the_last_that_was_sent(tcp: Ends) -> None:
    stream, peer = tcp
    stream.send_nowait(b"goodbye")
    flood = trio.SocketStream(trio.socket.from_stdlib_socket(peer))
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(linger, stream)
            await flood.send_all(bytes(1 << 20))
            assert await flood.receive_some(99) == b"goodbye"
            assert await flood.receive_some(99) == b""
            await flood.send_all(bytes(1 << 20))
            await flood.aclose()
    assert stream.receive_nowait() == b""


async def test_linger_waits_for_the_peers_end_as_long_as_it_is_let(
    tcp: Ends, autojump_clock: MockClock
) -> None:
    with trio.move_on_after(10) as scope:
        await linger(tcp[0])
    assert scope.cancelled_caught
    assert tcp[1].recv(9) == b""


async def test_linger_ends_when_the_connection_is_lost(tcp: Ends, nursery: trio.Nursery) -> None:
    reset(tcp[1])
    await linger(tcp[0])


@pytest.mark.parametrize("error", [OSError("cannot wait"), trio.BrokenResourceError("lost")])
async def test_linger_ends_when_the_end_cannot_be_waited_for(error: Exception) -> None:
    class Unwaitable(ScriptedStream):
        async def wait_readable(self) -> None:
            raise error

    wire = Unwaitable()
    await linger(wire)
    assert wire.ended == 1
