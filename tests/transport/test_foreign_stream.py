"""Foreign streams: whatever Trio calls a stream, read ahead by one chunk."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from rawws.transport.streams import SLICE, ForeignStream, linger, send_all
from tests.transport.raw import HOST
from tests.transport.support import tls_contexts
from tests.transport.wires import Stranger, fails_with

# -- what is read


async def test_read_gives_what_has_arrived_and_then_the_end(nursery: trio.Nursery) -> None:
    near, peer = memory_stream_pair()
    stream = ForeignStream(near, nursery.start_soon)
    assert stream.receive_nowait() is None
    for chunk in (b"one", b"two"):
        await peer.send_all(chunk)
        await stream.wait_readable()
        assert stream.receive_nowait() == chunk
        assert stream.receive_nowait() is None
    await peer.aclose()
    for _ in range(2):
        await stream.wait_readable()
        assert stream.receive_nowait() == b""
    assert stream.local_address is stream.remote_address is None


async def test_one_chunk_is_read_ahead_and_no_more(nursery: trio.Nursery) -> None:
    async def receive() -> bytes:
        await trio.lowlevel.checkpoint()
        return b"chunk"

    stranger = Stranger(receive)
    stream = ForeignStream(stranger, nursery.start_soon)
    for reads in (1, 2, 3):
        await wait_all_tasks_blocked()
        assert stranger.reads == reads
        assert stream.receive_nowait() == b"chunk"


async def test_chunk_does_not_change_with_the_buffer_it_came_in(nursery: trio.Nursery) -> None:
    buffer = bytearray(b"abc")

    async def receive() -> bytearray:
        return buffer

    stream = ForeignStream(Stranger(receive), nursery.start_soon)
    await stream.wait_readable()
    buffer[:] = b"xyz"
    assert stream.receive_nowait() == b"abc"


async def test_whatever_a_read_raises_breaks_the_stream_after_what_came_before(
    nursery: trio.Nursery,
) -> None:
    chunks = iter([b"first"])
    failure = OSError("no carrier")

    async def receive() -> bytes:
        await trio.lowlevel.checkpoint()
        for chunk in chunks:
            return chunk
        raise failure

    stream = ForeignStream(Stranger(receive), nursery.start_soon)
    await stream.wait_readable()
    assert stream.receive_nowait() == b"first"
    for _ in range(2):
        await stream.wait_readable()
        with pytest.raises(trio.BrokenResourceError, match="no carrier") as caught:
            stream.receive_nowait()
        assert caught.value.__cause__ is failure


async def test_cancelled_wait_for_reading_loses_nothing(nursery: trio.Nursery) -> None:
    near, peer = memory_stream_pair()
    stream = ForeignStream(near, nursery.start_soon)
    with trio.CancelScope() as scope:
        scope.cancel()
        await stream.wait_readable()
    assert scope.cancelled_caught
    await peer.send_all(b"later")
    await stream.wait_readable()
    assert stream.receive_nowait() == b"later"


async def test_interrupt_wakes_who_waits_once_and_leaves_the_stream_open(
    nursery: trio.Nursery,
) -> None:
    near, peer = memory_stream_pair()
    stream = ForeignStream(near, nursery.start_soon)
    wakes = 0

    async def read() -> None:
        nonlocal wakes
        while not (data := stream.receive_nowait()):
            try:
                await stream.wait_readable()
            except trio.ClosedResourceError:
                wakes += 1
        assert data == b"data"

    nursery.start_soon(read)
    for expected in (1, 2):
        await wait_all_tasks_blocked()
        stream.interrupt()
        await wait_all_tasks_blocked()
        assert wakes == expected
    assert not stream.closed
    await peer.send_all(b"data")
    await wait_all_tasks_blocked()
    assert wakes == 2


async def test_reader_whose_chunk_another_took_gets_the_next(nursery: trio.Nursery) -> None:
    near, peer = memory_stream_pair()
    stream = ForeignStream(near, nursery.start_soon)
    got: list[bytes] = []

    async def read() -> None:
        while b"last" not in got:
            with suppress(trio.ClosedResourceError):
                await stream.wait_readable()
            if data := stream.receive_nowait():
                got.append(data)

    nursery.start_soon(read)
    for number in range(20):
        await peer.send_all(b"%d" % number)
        for _ in range(number % 4):
            await trio.lowlevel.checkpoint()
        if data := stream.receive_nowait():
            got.append(data)
    await wait_all_tasks_blocked()
    await peer.send_all(b"last")
    await wait_all_tasks_blocked()
    assert b"".join(got) == b"".join(b"%d" % number for number in range(20)) + b"last"


# -- what is written


async def test_write_waits_for_the_stream_a_slice_at_a_time(nursery: trio.Nursery) -> None:
    written: list[bytes] = []

    async def send(data: bytes) -> None:
        assert type(data) is bytes
        await trio.lowlevel.checkpoint()
        written.append(data)

    stream = ForeignStream(Stranger(send=send), nursery.start_soon)
    data = bytes(range(256)) * 160
    assert stream.seal(data) == data
    assert stream.send_nowait(data) == 0
    assert await stream.send_some(memoryview(data)) == SLICE
    assert await stream.send_some(memoryview(b"few")) == 3
    assert written == [data[:SLICE], b"few"]
    written.clear()
    await send_all(stream, data)
    assert b"".join(written) == data
    assert max(map(len, written)) == SLICE


@pytest.mark.parametrize("error", [OSError("gone"), trio.BusyResourceError("busy"), ValueError()])
async def test_whatever_a_write_raises_breaks_the_stream(
    nursery: trio.Nursery, error: Exception
) -> None:
    stream = ForeignStream(Stranger(send=fails_with(error)), nursery.start_soon)
    with pytest.raises(trio.BrokenResourceError) as caught:
        await stream.send_some(memoryview(b"x"))
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [trio.BrokenResourceError(), trio.ClosedResourceError()])
async def test_end_that_a_write_meets_is_said_as_it_is(
    nursery: trio.Nursery, error: Exception
) -> None:
    stream = ForeignStream(Stranger(send=fails_with(error)), nursery.start_soon)
    with pytest.raises(type(error)) as caught:
        await stream.send_some(memoryview(b"x"))
    assert caught.value is error


async def test_end_of_writing_is_seen_and_reading_goes_on(nursery: trio.Nursery) -> None:
    near, peer = memory_stream_pair()
    stream = ForeignStream(near, nursery.start_soon)
    assert stream.has_halves
    stream.send_eof()
    assert await peer.receive_some() == b""
    await peer.send_all(b"answer")
    await stream.wait_readable()
    assert stream.receive_nowait() == b"answer"


async def test_tls_stream_goes_on_writing_after_its_end(nursery: trio.Nursery) -> None:
    near, far = memory_stream_pair()
    server_context, client_context = tls_contexts()
    server = trio.SSLStream(near, server_context, server_side=True)
    peer = trio.SSLStream(far, client_context, server_hostname=HOST)
    stream = ForeignStream(server, nursery.start_soon)
    assert not stream.has_halves
    stream.send_eof()
    nursery.start_soon(send_all, stream, b"more")
    assert await peer.receive_some() == b"more"


async def test_end_of_writing_that_fails_is_no_matter(nursery: trio.Nursery) -> None:
    near, _ = memory_stream_pair()
    stream = ForeignStream(near, nursery.start_soon)
    near.send_stream.close_hook = fail_at_once
    stream.send_eof()
    await wait_all_tasks_blocked()
    assert not nursery.cancel_scope.cancel_called


def fail_at_once() -> None:
    raise OSError("no end")


# -- somebody's TLS


async def test_tls_stream_of_somebody_carries_data_and_its_end(nursery: trio.Nursery) -> None:
    near, far = memory_stream_pair()
    server_context, client_context = tls_contexts()
    server = trio.SSLStream(near, server_context, server_side=True, https_compatible=True)
    peer = trio.SSLStream(far, client_context, server_hostname=HOST, https_compatible=True)
    stream = ForeignStream(server, nursery.start_soon)
    data = bytes(range(256)) * 400
    nursery.start_soon(peer.send_all, data)
    received = b""
    while len(received) < len(data):
        await stream.wait_readable()
        received += stream.receive_nowait() or b""
    assert received == data
    nursery.start_soon(send_all, stream, data)
    echoed = b""
    while len(echoed) < len(data):
        echoed += await peer.receive_some()
    assert echoed == data
    await peer.aclose()
    await linger(stream)
    assert stream.receive_nowait() == b""
