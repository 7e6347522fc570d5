"""The engine of a connection: one reader at a time, and nothing lost when it leaves."""

from __future__ import annotations

from itertools import permutations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import rawws
from rawws import Limits
from tests.transport.conftest import OpenEnd
from tests.transport.raw import CLOSE, PING, PONG, TEXT, RawPeer
from tests.transport.support import begin, in_no_time

CALLS = ("receive", "ping", "wait_closed")
MESSAGE = "for the one who receives"


def call_of(ws: rawws.WebSocket, name: str):
    return {"receive": ws.receive, "ping": ws.ping, "wait_closed": ws.wait_closed}[name]


async def satisfy(peer: RawPeer, name: str) -> None:
    """Do what a waiting call of that name waits for."""
    if name == "receive":
        await peer.say(MESSAGE)
    elif name == "ping":
        asked = await peer.next_frame()
        assert asked.opcode == PING
        await peer.send(peer.frame(PONG, asked.payload))
    else:
        await peer.say_close(1001)


def is_result(value: object, name: str) -> bool:
    if name == "receive":
        return value == MESSAGE
    return isinstance(value, float if name == "ping" else rawws.Close)


@pytest.mark.parametrize(("holder", "heir"), list(permutations(CALLS, 2)))
async def test_cancelled_reader_passes_its_role_on(
    memory: OpenEnd,
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    holder: str,
    heir: str,
) -> None:
    async with memory("server") as (ws, peer):
        first = await begin(nursery, call_of(ws, holder))
        second = await begin(nursery, call_of(ws, heir))
        with in_no_time():  # the heartbeat, which reads too, would come later
            await first.cancel()
            if holder == "ping":
                await peer.next_frame()
            await satisfy(peer, heir)
            assert is_result(await second.result(), heir)


async def test_who_has_waited_for_the_peer_has_let_others_run(
    memory: OpenEnd, nursery: trio.Nursery
) -> None:
    async with memory("server") as (ws, peer):
        home = ws._connection.home
        receiving = await begin(nursery, ws.receive)
        home.rested = False
        await peer.say(MESSAGE)
        assert await receiving.result() == MESSAGE
        assert home.rested


async def test_all_who_wait_get_what_they_wait_for(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        calls = {
            name: await begin(nursery, call_of(ws, name))
            for name in ("wait_closed", "ping", "receive")
        }
        for name in ("ping", "receive", "wait_closed"):
            assert not calls[name].done
            await satisfy(peer, name)
            assert is_result(await calls[name].result(), name)


async def test_role_is_passed_on_by_who_has_what_it_waited_for(
    memory: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with memory("client") as (ws, peer):
        receiving = await begin(nursery, ws.receive)
        waiting = await begin(nursery, ws.wait_closed)
        with in_no_time():
            await satisfy(peer, "receive")
            assert await receiving.result() == MESSAGE
            await satisfy(peer, "wait_closed")
            assert (await waiting.result()).code == 1001


async def test_who_waits_for_something_else_leaves_messages_to_receive(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        waiting = await begin(nursery, ws.wait_closed)
        await peer.say("one", "two")
        await peer.say_close()
        assert (await waiting.result()).code == 1000
        assert [message async for message in ws] == ["one", "two"]


async def test_messages_found_by_ping_reach_a_task_that_receives(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pinging = await begin(nursery, ws.ping)
        receiving = await begin(nursery, ws.receive)
        asked = await peer.next_frame()
        await peer.send(peer.frame(TEXT, MESSAGE.encode()), peer.frame(PONG, asked.payload))
        assert await receiving.result() == MESSAGE
        assert is_result(await pinging.result(), "ping")


@pytest.mark.parametrize("name", CALLS)
async def test_others_get_their_turn_while_control_frames_are_decoded(
    one_end: OpenEnd, nursery: trio.Nursery, name: str
) -> None:
    async with one_end() as (ws, peer):
        pongs = peer.frame(PONG) * 5000
        waiting = await begin(nursery, call_of(ws, name))
        if name == "ping":
            asked = await peer.next_frame()
            ending = peer.frame(PONG, asked.payload)
        else:
            ending = peer.frame(TEXT, MESSAGE.encode()) + peer.frame(CLOSE)
        turns = 0
        await peer.send(pongs, ending)
        while not waiting.done:
            await trio.lowlevel.checkpoint()
            turns += 1
        assert turns > 3
        assert is_result(await waiting.result(), name)


@pytest.mark.parametrize("receive_buffer", [1, 100, 65536])
async def test_what_is_larger_than_the_receive_buffer_is_received(
    one_end: OpenEnd, nursery: trio.Nursery, receive_buffer: int
) -> None:
    async with one_end(limits=Limits(receive_buffer=receive_buffer)) as (ws, peer):
        ping = peer.frame(PING, b"p" * 125)
        for cut in (1, 2, 120):
            receiving = await begin(nursery, ws.receive)
            await peer.send(ping[:cut])
            await wait_all_tasks_blocked()
            nursery.start_soon(peer.send, ping[cut:], peer.frame(TEXT, b"m" * 200_000))
            assert await receiving.result() == "m" * 200_000


@pytest.mark.parametrize("receive_buffer", [1, 100, 65536])
async def test_close_is_not_held_up_by_what_nobody_received(
    memory: OpenEnd, autojump_clock: MockClock, receive_buffer: int
) -> None:
    async with memory("server", limits=Limits(receive_buffer=receive_buffer)) as (ws, peer):
        await peer.say(*["m" * 200] * 1000)
        await peer.say_close()
        await peer.stream.send_eof()
        with in_no_time():
            await ws.aclose()
        assert ws.closed == rawws.Close(1000)


async def test_reading_goes_on_once_there_is_room(
    memory: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with memory("client", limits=Limits(receive_buffer=1000)) as (ws, peer):
        waiting = await begin(nursery, ws.wait_closed)
        await peer.say(*map(str, range(100)))
        await peer.say_close()
        await trio.sleep(5)
        assert not waiting.done  # the Close is behind what fills the buffer
        with in_no_time():
            for number in range(100):
                assert await ws.receive() == str(number)
            assert (await waiting.result()).code == 1000
