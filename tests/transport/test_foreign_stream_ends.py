"""Foreign streams, closed: nothing is left of them, whatever they do about it."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from rawws.transport.streams import ForeignStream
from tests.transport.wires import Stranger, fails_with


async def test_close_closes_the_stream_and_everything_after_it_says_so(
    nursery: trio.Nursery,
) -> None:
    near, peer = memory_stream_pair()
    stream = ForeignStream(near, nursery.start_soon)
    woken = trio.Event()

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.wait_readable()
        woken.set()

    nursery.start_soon(read)
    await wait_all_tasks_blocked()
    stream.close()
    assert stream.closed
    stream.send_eof()
    stream.close()
    assert await peer.receive_some() == b""
    await woken.wait()
    await read()
    with pytest.raises(trio.ClosedResourceError):
        stream.receive_nowait()
    with pytest.raises(trio.ClosedResourceError):
        await stream.send_some(memoryview(b"x"))


async def test_nothing_is_read_after_close(nursery: trio.Nursery) -> None:
    near, peer = memory_stream_pair()
    stream = ForeignStream(near, nursery.start_soon)
    await peer.send_all(b"unread")
    await wait_all_tasks_blocked()
    stream.close()
    with pytest.raises(trio.ClosedResourceError):
        stream.receive_nowait()


async def test_tasks_end_with_the_stream() -> None:
    for unread in (b"", b"unread"):
        near, peer = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            stream = ForeignStream(near, nursery.start_soon)
            if unread:
                await peer.send_all(unread)
            await wait_all_tasks_blocked()
            stream.close()


async def test_reader_is_gone_at_the_end_of_the_stream() -> None:
    near, peer = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        stream = ForeignStream(near, nursery.start_soon)
        await peer.aclose()
    assert stream.receive_nowait() == b""


async def test_stream_is_closed_once_and_left_alone_then(nursery: trio.Nursery) -> None:
    stranger = Stranger()
    stream = ForeignStream(stranger, nursery.start_soon)
    stream.close()
    stream.close()
    stream.send_eof()
    await wait_all_tasks_blocked()
    assert (stranger.closes, stranger.ends) == (1, 0)


async def test_close_wakes_who_waits_though_the_stream_wakes_nobody(nursery: trio.Nursery) -> None:
    stream = ForeignStream(Stranger(), nursery.start_soon)
    nursery.start_soon(close_soon, stream)
    with pytest.raises(trio.ClosedResourceError):
        await stream.wait_readable()


async def close_soon(stream: ForeignStream) -> None:
    await wait_all_tasks_blocked()
    stream.close()


async def test_close_that_fails_is_no_matter(nursery: trio.Nursery) -> None:
    stranger = Stranger(close=fails_with(OSError("no end")))
    ForeignStream(stranger, nursery.start_soon).close()
    await wait_all_tasks_blocked()
    assert stranger.closes == 1
    assert not nursery.cancel_scope.cancel_called


async def test_close_that_waits_for_the_peer_is_cut_short(autojump_clock: MockClock) -> None:
    async def receive() -> bytes:
        return b""

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        ForeignStream(Stranger(receive, close=trio.sleep_forever), nursery.start_soon).close()
    assert 0.5 <= trio.current_time() - start <= 2
