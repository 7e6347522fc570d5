"""Stopping a server: with a goodbye to everybody, or at once."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair, wait_all_tasks_blocked

import rawws
from rawws import Close, Limits, Timeouts
from tests.transport.raw import HOST, RawPeer, request
from tests.transport.support import (
    Parked,
    Way,
    begin,
    complaints,
    in_no_time,
    open_raw,
    tls_contexts,
)


class Recorder:
    """A handler that takes note of all that it receives, and of the end."""

    def __init__(self) -> None:
        self.received: list[str | bytes] = []
        self.end: Exception | None = None
        self.done = trio.Event()

    async def __call__(self, ws: rawws.WebSocket) -> None:
        try:
            while True:
                self.received.append(await ws.receive())
        except Exception as error:
            self.end = error
            raise
        finally:
            self.done.set()


async def say_goodbye(peer: RawPeer, code: int = 1001) -> list[str]:
    """Answer the Close that comes, and give what came before."""
    frames, (said, _) = await peer.read_to_close()
    assert said == code
    await peer.say_close(code)
    assert await peer.at_end()
    await peer.stream.aclose()
    return [frame.payload.decode() for frame in frames]


# -- with a goodbye


@pytest.mark.parametrize(
    ("code", "reason"), [(1001, ""), (1000, "that was all"), (1012, "back soon")]
)
async def test_handlers_see_a_good_end_and_peers_the_close(
    way: Way, code: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Recorder()
    async with trio.open_nursery() as nursery:
        server = await way.serve(nursery, handler)
        peer = await open_raw(way, server)
        await wait_all_tasks_blocked()
        nursery.start_soon(server.aclose, code, reason)
        await say_goodbye(peer, code)
    assert isinstance(handler.end, rawws.ConnectionEnded)
    assert handler.end.sent == Close(code, reason, "local")
    assert not server.connections
    assert not complaints(caplog)


async def test_what_had_arrived_is_read_first(nursery: trio.Nursery) -> None:
    way, handler = Way("foreign"), Parked()
    server = await way.serve(nursery, handler)
    peer = await open_raw(way, server)
    ws = await handler.taken()
    await peer.say("one", "two")
    waiting = await begin(nursery, ws.wait_closed)  # reads them
    closing = await begin(nursery, server.aclose)
    assert [message async for message in ws] == ["one", "two"]
    handler.leave.set()
    await say_goodbye(peer)
    assert await waiting.result() == Close(1001)
    await closing.result()


async def test_what_came_in_the_same_packet_is_read_first(way: Way, nursery: trio.Nursery) -> None:
    handler = Parked()
    server = await way.serve(nursery, handler)
    peer = await open_raw(way, server)
    ws = await handler.taken()
    await peer.say("one", "two", "three")
    assert await ws.receive() == "one"
    closing = await begin(nursery, server.aclose)
    assert [message async for message in ws] == ["two", "three"]
    handler.leave.set()
    await say_goodbye(peer)
    await closing.result()


async def test_sends_are_refused_and_sends_that_wait_are_told(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    way, handler = Way("foreign", lockstep_stream_pair), Parked()
    server = await way.serve(nursery, handler, limits=Limits(send_buffer=1000))
    peer = await open_raw(way, server)
    ws = await handler.taken()
    await ws.send("x" * 2000)
    sending = await begin(nursery, ws.send, "waits")
    with in_no_time():
        closing = await begin(nursery, server.aclose)
        with pytest.raises(rawws.ConnectionBroken):
            await sending.result()
        with pytest.raises(rawws.ConnectionBroken):
            await ws.send("late")
        handler.leave.set()
        assert await say_goodbye(peer) == ["x" * 2000]
        await closing.result()


async def test_handlers_have_time_to_finish(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    finished = []

    async def handler(ws: rawws.WebSocket) -> None:
        await ws.wait_closed()
        await trio.sleep(5)
        finished.append(ws)

    way = Way("foreign")
    server = await way.serve(nursery, handler)
    peer = await open_raw(way, server)
    closing = await begin(nursery, server.aclose)
    await say_goodbye(peer)
    assert not closing.done
    assert not finished
    await closing.result()
    assert len(finished) == 1


@pytest.mark.parametrize("grace", [0, 3])
async def test_who_is_not_done_in_time_is_cancelled(
    nursery: trio.Nursery, autojump_clock: MockClock, grace: float
) -> None:
    cancelled = []

    async def handler(ws: rawws.WebSocket) -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.append(ws)

    way = Way("foreign")
    server = await way.serve(nursery, handler)
    await open_raw(way, server)
    await wait_all_tasks_blocked()
    start = trio.current_time()
    await server.aclose(grace=grace)
    assert trio.current_time() - start == grace
    assert len(cancelled) == 1
    assert not server.connections


async def test_handler_of_several_tasks_ends_without_an_error_however_short_the_time(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(ws: rawws.WebSocket) -> None:
        async with trio.open_nursery() as nursery:
            for wait in (ws.receive, ws.wait_closed, trio.sleep_forever):
                nursery.start_soon(wait)

    way = Way("foreign")
    async with trio.open_nursery() as nursery:
        server = await way.serve(nursery, handler)
        for _ in range(5):
            await open_raw(way, server)
        await wait_all_tasks_blocked()
        await server.aclose(grace=0)
    assert not complaints(caplog)


async def test_peer_that_does_not_answer_spoils_no_handlers_end(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    way, handler = Way("foreign"), Parked()
    server = await way.serve(nursery, handler, timeouts=Timeouts(close=2))
    peer = await open_raw(way, server)
    ws = await handler.taken()
    closing = await begin(nursery, server.aclose)
    assert (await ws.wait_closed()).code == 1006
    with pytest.raises(rawws.ConnectionEnded):
        await ws.receive()
    handler.leave.set()
    with in_no_time():
        await closing.result()
    assert await peer.read_close() == (1001, "")
    assert await peer.at_end()


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (999, ""), (1000, "x" * 124)])
async def test_what_may_not_be_said_stops_nothing(code: int, reason: str) -> None:
    way = Way("foreign")
    async with trio.open_nursery() as nursery:
        server = await way.serve(nursery, Recorder())
        with pytest.raises(rawws.LocalProtocolError):
            await server.aclose(code, reason)
        peer = await open_raw(way, server)
        nursery.start_soon(server.aclose)
        await say_goodbye(peer)


async def test_serve_returns_and_nobody_listens(way: Way) -> None:
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            server = await way.serve(nursery, Parked())
            port = server.port
            await server.aclose()
            if port is not None:
                with pytest.raises(OSError, match="connect"):
                    await trio.open_tcp_stream(HOST, port)
    assert server.port is None


async def test_listening_ends_before_the_goodbyes_are_answered(nursery: trio.Nursery) -> None:
    way, handler = Way("plain"), Parked()
    server = await way.serve(nursery, handler)
    port = server.port
    assert port is not None
    peer = await open_raw(way, server)
    closing = await begin(nursery, server.aclose)
    with pytest.raises(OSError, match="connect"):
        await trio.open_tcp_stream(HOST, port)
    handler.leave.set()
    await say_goodbye(peer)
    await closing.result()


async def test_closing_again_waits_for_the_same(nursery: trio.Nursery) -> None:
    way, handler = Way("foreign"), Recorder()
    server = await way.serve(nursery, handler)
    peer = await open_raw(way, server)
    closing = [await begin(nursery, server.aclose) for _ in range(2)]
    assert not any(call.done for call in closing)
    await say_goodbye(peer)
    for call in closing:
        await call.result()
    await server.aclose()


async def test_cancelled_aclose_has_said_its_goodbyes(nursery: trio.Nursery) -> None:
    way, handler = Way("foreign"), Recorder()
    server = await way.serve(nursery, handler)
    peer = await open_raw(way, server)
    closing = await begin(nursery, server.aclose)
    await closing.cancel()
    await say_goodbye(peer)
    await handler.done.wait()


# -- at once


async def test_cancelled_serve_says_1001_to_everybody_and_waits_for_nobody() -> None:
    for name in ("plain", "tls"):
        way, handler = Way(name), Parked()
        async with trio.open_nursery() as nursery:
            server = await way.serve(nursery, handler)
            peers = [await open_raw(way, server) for _ in range(3)]
            for _ in peers:
                await handler.taken()
            nursery.cancel_scope.cancel()
        for peer in peers:
            assert await peer.read_close() == (1001, "")
            assert await peer.at_end()
            await peer.stream.aclose()


async def test_cancelled_serve_says_goodbye_in_the_way_of_tls_too() -> None:
    way, handler = Way("tls"), Parked()
    async with trio.open_nursery() as nursery:
        server = await way.serve(nursery, handler)
        assert server.port is not None
        stream = trio.SSLStream(
            await trio.open_tcp_stream(HOST, server.port),
            tls_contexts()[1],
            server_hostname=HOST,
            https_compatible=False,
        )
        peer = RawPeer(stream, masks=True)
        await peer.send(request())
        await handler.taken()
        nursery.cancel_scope.cancel()
    assert (await peer.read_head()).startswith("HTTP/1.1 101 ")
    assert await peer.read_close() == (1001, "")
    assert await peer.at_end()
    await trio.aclose_forcefully(stream)


async def test_cancelled_serve_waits_for_no_jammed_peer(autojump_clock: MockClock) -> None:
    way, handler = Way("foreign", lockstep_stream_pair), Parked()
    async with trio.open_nursery() as nursery:
        server = await way.serve(nursery, handler)
        await open_raw(way, server)
        ws = await handler.taken()
        await ws.send("x" * 1_000_000)
        start = trio.current_time()
        nursery.cancel_scope.cancel()
    assert trio.current_time() == start
    assert ws.closed is not None
    assert ws.closed.code == 1006
