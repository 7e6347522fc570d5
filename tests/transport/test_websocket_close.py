"""Closing from this side, and waiting for the end."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

import rawws
from rawws import Close, Limits, Timeouts
from tests.transport.conftest import OpenEnd, OpenPair
from tests.transport.raw import BINARY, CLOSE, TEXT, RawPeer, close_of, close_payload, switching
from tests.transport.support import Way, begin, connect_over, in_no_time, open_end


async def answer_close(peer: RawPeer) -> tuple[int, str]:
    """Read on to a Close, answer it, and see the end of the stream."""
    _, (code, reason) = await peer.read_to_close()
    await peer.send(peer.frame(CLOSE, b"" if code == 1005 else close_payload(code, reason)))
    assert await peer.at_end()
    await peer.stream.aclose()
    return code, reason


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "moving"), (4999, "é" * 61), (None, "")]
)
async def test_close_is_said_answered_and_the_stream_ended(
    one_end: OpenEnd, nursery: trio.Nursery, code: int | None, reason: str
) -> None:
    async with one_end() as (ws, peer):
        closing = await begin(nursery, ws.aclose, code, reason)
        assert ws.closed is None
        said = 1005 if code is None else code
        assert await answer_close(peer) == (said, reason)
        await closing.result()
        assert ws.closed == Close(said, reason, "local")


async def test_both_ends_know_who_closed(pair: OpenPair, nursery: trio.Nursery) -> None:
    async with pair() as (near, far):
        closing = await begin(nursery, near.aclose, 3000, "mine")
        assert await far.wait_closed() == Close(3000, "mine", "remote")
        await far.aclose()
        await closing.result()
        assert near.closed == Close(3000, "mine", "local")
        assert far.closed == Close(3000, "mine", "remote")


async def test_both_ends_may_close_at_once(pair: OpenPair) -> None:
    async with pair() as (near, far):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(near.aclose, 3000)
            nursery.start_soon(far.aclose, 3001)
        assert near.closed == Close(3000)
        assert far.closed in (Close(3001), Close(3000, "", "remote"))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        *((code, "") for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, "1000", True)),
        (None, "reason without a code"),
        (1000, "x" * 124),
        (1000, "lone \ud800"),
        (1000, b"bytes"),
    ],
)
async def test_what_may_not_be_said_leaves_the_connection_good(
    memory: OpenEnd, code: Any, reason: Any
) -> None:
    async with memory("server") as (ws, peer):
        with pytest.raises(rawws.LocalProtocolError):
            await ws.aclose(code, reason)
        await ws.send("good")
        assert await peer.next_message() == "good"
        await peer.say_close()
        await ws.wait_closed()
        with pytest.raises(rawws.LocalProtocolError):
            await ws.aclose(code, reason)


async def test_closing_again_does_no_harm(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        closing = [await begin(nursery, ws.aclose), await begin(nursery, ws.aclose, 3000)]
        assert await answer_close(peer) == (1000, "")
        for call in closing:
            await call.result()
        await ws.aclose(3001, "and again")
        assert ws.closed == Close(1000)


async def test_closing_after_the_peer_says_nothing_more(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say_close(1001)
        await ws.wait_closed()
        assert [close_of(frame) for frame in await peer.rest()] == [(1001, "")]
        await peer.stream.aclose()
        await ws.aclose(1011)
        assert ws.closed == Close(1001, "", "remote")
        with pytest.raises(trio.ClosedResourceError):
            await ws.receive()


async def test_messages_that_come_after_ones_own_close_are_dropped(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        closing = await begin(nursery, ws.aclose)
        await peer.say(*["late"] * 1000)
        await peer.send(peer.frame(TEXT, b"x", fin=False), peer.frame(BINARY | 0x80))
        assert await answer_close(peer) == (1000, "")
        await closing.result()


async def test_context_manager_closes(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        answered = await begin(nursery, answer_close, peer)
        async with ws:
            assert ws.closed is None
        assert await answered.result() == (1000, "")
        assert ws.closed == Close(1000)


# -- who uses it meanwhile, or afterwards


async def test_whoever_waits_is_told_at_once(
    memory: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    for wait in ("receive", "ping", "stream"):
        async with memory("client") as (ws, _):
            call = ws.receive_stream().__anext__ if wait == "stream" else getattr(ws, wait)
            waiting = await begin(nursery, call)
            with in_no_time():
                closing = await begin(nursery, ws.aclose)
                with pytest.raises(trio.ClosedResourceError):
                    await waiting.result()
            await closing.cancel()


async def test_who_waits_behind_a_full_buffer_is_told_at_once(
    memory: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with memory("server", limits=Limits(receive_buffer=1000)) as (ws, peer):
        pinging = await begin(nursery, ws.ping)
        waiting = await begin(nursery, ws.wait_closed)
        await peer.say("x" * 2000)
        await wait_all_tasks_blocked()
        with in_no_time():
            closing = await begin(nursery, ws.aclose)
            with pytest.raises(trio.ClosedResourceError):
                await pinging.result()
            await answer_close(peer)
            await closing.result()
            assert await waiting.result() == Close(1000)


async def test_all_who_wait_are_told(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        closed = await begin(nursery, ws.wait_closed)
        waiting = [await begin(nursery, call) for call in (ws.receive, ws.ping, ws.ping)]
        closing = await begin(nursery, ws.aclose)
        for call in waiting:
            with pytest.raises(trio.ClosedResourceError):
                await call.result()
        assert not closed.done
        await answer_close(peer)
        await closing.result()
        assert await closed.result() == Close(1000)


async def test_everything_is_closed_afterwards(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        await peer.say("not received")
        closing = await begin(nursery, ws.aclose)
        for _ in range(2):
            for call in (
                ws.receive,
                ws.ping,
                lambda: ws.send("x"),
                lambda: ws.send_stream(["x"]),
                lambda: anext(ws.receive_stream()),
                lambda: anext(ws),
            ):
                with pytest.raises(trio.ClosedResourceError):
                    await call()
            for nowait in (ws.receive_nowait, lambda: ws.send_nowait("x")):
                with pytest.raises(trio.ClosedResourceError):
                    nowait()
            if not closing.done:
                await answer_close(peer)
                await closing.result()
        assert await ws.wait_closed() == Close(1000)


# -- cancelled


async def test_cancelled_close_closes_at_once(
    memory: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with memory("client") as (ws, peer):
        waiting = await begin(nursery, ws.wait_closed)
        with in_no_time():
            closing = await begin(nursery, ws.aclose, 3000)
            await closing.cancel()
            assert (await waiting.result()).code == 1006
            assert await peer.read_close() == (3000, "")
            assert await peer.at_end()
        await ws.aclose()


async def test_close_that_is_cancelled_from_the_start_is_said_if_it_can_be(
    one_end: OpenEnd,
) -> None:
    async with one_end() as (ws, peer):
        with trio.CancelScope() as scope:
            scope.cancel()
            await ws.aclose(3000)
        assert scope.cancelled_caught
        frames = await peer.rest()
        assert [close_of(frame) for frame in frames] in ([], [(3000, "")])
        assert ws.closed == Close(1006, "", "local")
        with pytest.raises(trio.ClosedResourceError):
            await ws.receive()


async def test_close_cancelled_in_one_task_ends_it_in_the_other(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, _):
        closing = [await begin(nursery, ws.aclose) for _ in range(2)]
        await closing[0].cancel()
        await closing[1].result()


# -- waiting for the end


async def test_wait_closed_returns_the_peers_close(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        waiting = [await begin(nursery, ws.wait_closed) for _ in range(3)]
        await peer.say_close(1008, "rude")
        for call in waiting:
            assert await call.result() == Close(1008, "rude", "remote")
        assert await ws.wait_closed() == Close(1008, "rude", "remote")


async def test_wait_closed_returns_1006_after_a_loss(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        waiting = await begin(nursery, ws.wait_closed)
        await peer.stream.aclose()
        assert (await waiting.result()).code == 1006


async def test_cancelled_wait_closed_changes_nothing(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        waiting = await begin(nursery, ws.wait_closed)
        await peer.say("one")
        await wait_all_tasks_blocked()
        await waiting.cancel()
        assert ws.closed is None
        assert await ws.receive() == "one"
        await ws.send("two")
        assert await peer.next_message() == "two"


async def test_close_sent_in_bytes_is_seen_when_it_is_whole(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        waiting = await begin(nursery, ws.wait_closed)
        close = peer.frame(CLOSE, close_payload(1000, "bit by bit"))
        for index in range(len(close)):
            assert not waiting.done
            await peer.send(close[index : index + 1])
            await wait_all_tasks_blocked()
        assert await waiting.result() == Close(1000, "bit by bit", "remote")


async def test_websocket_shows_its_state(pair: OpenPair, nursery: trio.Nursery) -> None:
    async with pair() as (near, far):
        assert repr(near).startswith("<WebSocket / ")
        assert repr(near).endswith(" open>")
        closing = await begin(nursery, near.aclose)
        await closing.cancel()
        await far.wait_closed()
        assert repr(near).endswith(" closed>")


# -- over streams that end only as a whole


class Whole(trio.abc.Stream):
    """A stream that can only end as a whole, as TLS over another stream."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._stream.aclose()


def whole_pair() -> tuple[trio.abc.Stream, trio.abc.Stream]:
    near, far = memory_stream_pair()
    return Whole(near), Whole(far)


@pytest.mark.parametrize("first", ["server", "client"])
async def test_server_ends_a_stream_that_has_no_halves(
    nursery: trio.Nursery, autojump_clock: MockClock, first: str
) -> None:
    async with open_end(nursery, Way("foreign", whole_pair), "server") as (ws, peer):
        start = trio.current_time()
        closing = await begin(nursery, ws.aclose) if first == "server" else None
        await peer.say_close(1000)
        assert await peer.read_close() == (1000, "")
        assert await peer.at_end()
        assert trio.current_time() - start <= 1  # not the deadline of a close
        if closing is not None:
            await closing.result()


async def test_client_leaves_that_to_the_server(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    near, far = whole_pair()
    peer = RawPeer(far, masks=False)

    async def serve() -> None:
        await peer.send(switching(await peer.read_head()))
        await peer.say_close()

    nursery.start_soon(serve)
    async with connect_over(near, timeouts=Timeouts(close=3)) as ws:
        assert (await ws.wait_closed()).code == 1000
        start = trio.current_time()
    assert trio.current_time() - start == pytest.approx(3, abs=0.6)
