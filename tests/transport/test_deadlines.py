"""No wait on the peer is without a deadline, whatever the handler does meanwhile."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import rawws
from rawws import Close, Limits, Timeouts
from tests.transport.conftest import OpenEnd
from tests.transport.raw import CLOSE, PING, PONG, RawPeer
from tests.transport.support import Parked, Way, begin, in_no_time, open_end, open_raw

TICK = 0.5
NEVER = 3600

both_roles = pytest.mark.parametrize("role", ["client", "server"])


def within(since: float, seconds: float) -> None:
    """Check that it took so long, and no more than a tick longer."""
    assert seconds <= trio.current_time() - since <= seconds + TICK + 0.01


async def broken(awaitable_fn: object, cause: type[Exception] = trio.TooSlowError) -> None:
    """Check that a call ends with a broken connection, of that cause."""
    with pytest.raises(rawws.ConnectionBroken) as end:
        await awaitable_fn()  # type: ignore[operator]
    assert isinstance(end.value.__cause__, cause)


# -- pongs


@both_roles
async def test_peer_is_pinged_in_every_interval(
    memory: OpenEnd, autojump_clock: MockClock, role: str
) -> None:
    async with memory(role, timeouts=Timeouts(ping_interval=5)) as (ws, peer):
        payloads, last = set(), trio.current_time()
        for number in range(8):
            asked = await peer.next_frame()
            assert asked.opcode == PING
            payloads.add(asked.payload)
            now = trio.current_time()
            # The first may come early, so that not all connections ping at once.
            assert (4.5 if number else 2.5) <= now - last <= 5 + TICK
            last = now
            await peer.send(peer.frame(PONG, asked.payload))
        await trio.sleep(2 * TICK)
        assert len(payloads) == 8
        assert ws.latency is not None
        assert ws.latency <= TICK


async def test_connections_are_not_pinged_all_at_once(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    way = Way("foreign")
    server = await way.serve(nursery, Parked(), timeouts=Timeouts(ping_interval=20))
    pinged: list[float] = []

    async def wait_for_ping(peer: RawPeer) -> None:
        await peer.next_frame()
        pinged.append(trio.current_time())

    async with trio.open_nursery() as peers:
        for _ in range(50):
            peers.start_soon(wait_for_ping, await open_raw(way, server))
    assert len(set(pinged)) > 5


async def test_without_an_interval_nobody_is_pinged(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("server", timeouts=Timeouts(ping_interval=None)) as (_, peer):
        with trio.move_on_after(50):
            await peer.next_frame()
            pytest.fail("pinged")


@both_roles
async def test_peer_that_does_not_answer_a_ping_is_lost(
    memory: OpenEnd, autojump_clock: MockClock, nursery: trio.Nursery, role: str
) -> None:
    async with memory(role, timeouts=Timeouts(ping_interval=5, ping=3)) as (ws, peer):
        receiving = await begin(nursery, ws.receive)
        assert (await peer.next_frame()).opcode == PING
        start = trio.current_time()
        await peer.say("busy")  # is no pong
        assert await receiving.result() == "busy"
        await broken(ws.receive)
        within(start, 3)
        assert ws.closed is not None
        assert (ws.closed.code, ws.closed.by) == (1006, "local")
        assert await peer.at_end()


async def test_peer_is_lost_though_the_handler_waits_for_nothing(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("server", timeouts=Timeouts(ping_interval=5, ping=3)) as (ws, peer):
        await peer.next_frame()
        start = trio.current_time()
        assert await peer.at_end()
        within(start, 3)
        await broken(ws.receive)
        await broken(lambda: ws.send("late"))


async def test_ones_own_ping_has_the_same_deadline(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("client", timeouts=Timeouts(ping_interval=None, ping=3)) as (ws, _):
        start = trio.current_time()
        await broken(ws.ping)
        within(start, 3)


async def test_cancelled_ping_has_no_deadline(memory: OpenEnd, autojump_clock: MockClock) -> None:
    async with memory("client", timeouts=Timeouts(ping_interval=None, ping=3)) as (ws, peer):
        with trio.move_on_after(1):
            await ws.ping()
        await trio.sleep(20)
        assert ws.closed is None
        await ws.send("still here")
        assert (await peer.next_frame()).opcode == PING
        assert await peer.next_message() == "still here"


async def test_pong_may_take_for_ever_if_it_is_allowed_to(
    memory: OpenEnd, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with memory("client", timeouts=Timeouts(ping_interval=1, ping=None)) as (ws, peer):
        pinging = await begin(nursery, ws.ping, b"slow")
        await trio.sleep(50)
        assert not pinging.done
        await peer.send(peer.frame(PONG, b"slow"))
        assert await pinging.result() >= 50


# -- writing


async def test_peer_that_takes_nothing_is_lost(
    jammed: OpenEnd, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    limits, timeouts = Limits(send_buffer=1000), Timeouts(write=3, ping_interval=None)
    async with jammed(limits=limits, timeouts=timeouts) as (ws, _):
        await ws.send("x" * 2000)
        start = trio.current_time()
        calls = [
            await begin(nursery, call)
            for call in (lambda: ws.send("waits"), lambda: ws.send_stream(["waits"]), ws.receive)
        ]
        waiting = await begin(nursery, ws.wait_closed)
        for call in calls:
            await broken(call.result)
        within(start, 3)
        assert (await waiting.result()).code == 1006


async def test_who_waits_behind_a_full_buffer_is_told_too(
    jammed: OpenEnd, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    limits, timeouts = Limits(receive_buffer=1000), Timeouts(write=3, ping_interval=None)
    async with jammed(limits=limits, timeouts=timeouts) as (ws, peer):
        pinging = await begin(nursery, ws.ping)
        waiting = await begin(nursery, ws.wait_closed)
        await peer.say("x" * 2000)
        await wait_all_tasks_blocked()
        start = trio.current_time()
        await ws.send("y" * 2000)
        await broken(pinging.result)
        within(start, 3)
        assert (await waiting.result()).code == 1006
        assert await ws.receive() == "x" * 2000
        await broken(ws.receive)


async def test_peer_that_takes_a_little_now_and_then_is_not_lost(
    jammed: OpenEnd, autojump_clock: MockClock
) -> None:
    timeouts = Timeouts(write=3, ping_interval=None)
    async with jammed(timeouts=timeouts) as (ws, peer):
        await ws.send("x" * 200_000)  # in slices
        read = 0
        while read < 200_000:
            await trio.sleep(2)
            read += len(await peer.stream.receive_some(20_000))
        assert ws.closed is None


async def test_writing_may_take_for_ever_if_it_is_allowed_to(
    jammed: OpenEnd, autojump_clock: MockClock
) -> None:
    timeouts = Timeouts(write=None, ping_interval=1, ping=None)
    async with jammed(limits=Limits(send_buffer=1000), timeouts=timeouts) as (ws, peer):
        await ws.send("x" * 2000)
        await trio.sleep(50)  # no pings are piled up behind it
        assert await peer.next_message() == "x" * 2000
        assert ws.closed is None
        opcodes = []
        with trio.move_on_after(2):
            while True:
                opcodes += [(await peer.next_frame()).opcode]
        assert opcodes in ([PING], [PING] * 2, [PING] * 3)


async def test_stream_that_takes_nothing_any_more_is_read_no_longer_than_a_close_may_take(
    jammed: OpenEnd, autojump_clock: MockClock
) -> None:
    timeouts = Timeouts(close=3, ping_interval=None)
    async with jammed(timeouts=timeouts) as (ws, peer):
        await peer.stream.receive_stream.aclose()
        start = trio.current_time()
        await ws.send("x")
        assert (await ws.wait_closed()).code == 1006
        within(start, 3)
        await broken(ws.receive)


# -- closing


@both_roles
@pytest.mark.parametrize("flood", [False, True])
async def test_peer_that_does_not_answer_a_close_is_not_waited_for(
    memory: OpenEnd, autojump_clock: MockClock, nursery: trio.Nursery, role: str, flood: bool
) -> None:
    async def talk() -> None:
        while True:
            await peer.say("talk")
            await trio.sleep(0.1)

    async with memory(role, timeouts=Timeouts(close=3, ping=NEVER)) as (ws, peer):
        start = trio.current_time()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as talking:
                if flood:
                    talking.start_soon(talk)
                await ws.aclose(4000)
                scope.cancel()
        within(start, 3)
        assert ws.closed is not None
        assert await peer.read_close() == (4000, "")
        assert await peer.at_end()


@both_roles
async def test_peer_that_answers_and_does_not_leave_is_not_waited_for(
    memory: OpenEnd, autojump_clock: MockClock, nursery: trio.Nursery, role: str
) -> None:
    async with memory(role, timeouts=Timeouts(close=3)) as (ws, peer):
        start = trio.current_time()
        closing = await begin(nursery, ws.aclose)
        await peer.say_close()
        await closing.result()
        within(start, 3)
        assert ws.closed == Close(1000)


async def test_deadline_of_a_close_holds_behind_a_jam(
    jammed: OpenEnd, autojump_clock: MockClock
) -> None:
    timeouts = Timeouts(close=3, write=NEVER)
    async with jammed(timeouts=timeouts) as (ws, _):
        await ws.send("x" * 100_000)
        start = trio.current_time()
        await ws.aclose()
        within(start, 3)


async def test_deadline_of_a_close_runs_from_the_first(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("server", timeouts=Timeouts(close=3)) as (ws, peer):
        await peer.say_close()
        start = trio.current_time()
        await ws.wait_closed()
        await trio.sleep(2)
        await ws.aclose()
        within(start, 3)


async def test_violator_is_cut_off_at_the_deadline_of_a_close(
    memory: OpenEnd, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with memory("server", timeouts=Timeouts(close=3)) as (ws, peer):
        await peer.send(peer.frame(3))
        await broken(ws.receive, rawws.RemoteProtocolError)
        start = trio.current_time()
        await ws.aclose()
        within(start, 3)
        await broken_stream(peer)


async def broken_stream(peer: RawPeer) -> None:
    with pytest.raises(trio.BrokenResourceError):
        await peer.stream.send_all(b"more")


async def test_closing_may_take_for_ever_if_it_is_allowed_to(
    memory: OpenEnd, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with memory("client", timeouts=Timeouts(close=None)) as (ws, peer):
        closing = await begin(nursery, ws.aclose)
        await trio.sleep(50)
        assert not closing.done
        with in_no_time():
            await peer.say_close()
            await peer.stream.send_eof()
            await closing.result()


# -- over sockets, for real


@both_roles
@pytest.mark.parametrize("name", ["plain", "tls"])
async def test_sockets_keep_the_deadline_of_a_pong(
    nursery: trio.Nursery, name: str, role: str
) -> None:
    timeouts = Timeouts(ping_interval=0.05, ping=0.1)
    async with open_end(nursery, Way(name), role, timeouts=timeouts) as (ws, peer):
        await broken(ws.receive)
        assert {frame.opcode for frame in await peer.rest()} == {PING}


@both_roles
@pytest.mark.parametrize("name", ["plain", "tls"])
async def test_sockets_keep_the_deadline_of_a_write(
    nursery: trio.Nursery, name: str, role: str
) -> None:
    timeouts = Timeouts(write=0.1)
    async with open_end(nursery, Way(name), role, timeouts=timeouts) as (ws, _):
        with pytest.raises(rawws.ConnectionBroken) as end:
            while True:
                await ws.send(bytes(1_000_000))
        assert isinstance(end.value.__cause__, trio.TooSlowError)


@both_roles
@pytest.mark.parametrize("name", ["plain", "tls"])
async def test_sockets_keep_the_deadline_of_a_close(
    nursery: trio.Nursery, name: str, role: str
) -> None:
    async with open_end(nursery, Way(name), role, timeouts=Timeouts(close=0.1)) as (ws, peer):
        await ws.aclose()
        assert [frame.opcode for frame in await peer.rest()] == [CLOSE]
