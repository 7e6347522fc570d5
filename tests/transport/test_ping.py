"""Pings and pongs: who is answered, what is measured, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import rawws
from rawws import Limits
from tests.transport.conftest import OpenEnd, OpenPair
from tests.transport.raw import PING, PONG, TEXT
from tests.transport.support import Told, begin, in_no_time


async def test_ping_returns_seconds_there_and_back(
    memory: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with memory("server") as (ws, peer):
        assert ws.latency is None
        pinging = await begin(nursery, ws.ping)
        asked = await peer.next_frame()
        assert (asked.opcode, len(asked.payload)) == (PING, 4)
        await trio.sleep(2)
        await peer.send(peer.frame(PONG, asked.payload))
        assert await pinging.result() == pytest.approx(2)
        assert ws.latency == pytest.approx(2)


async def test_both_ends_ping_each_other(pair: OpenPair) -> None:
    async with pair() as (near, far):
        async with trio.open_nursery() as nursery:
            for ws in (near, far, near, far):
                nursery.start_soon(ws.ping)
        assert near.latency is not None
        assert far.latency is not None


async def test_pings_do_not_look_alike(memory: OpenEnd, nursery: trio.Nursery) -> None:
    async with memory("client") as (ws, peer):
        for _ in range(10):
            await begin(nursery, ws.ping)
        payloads = {(await peer.next_frame()).payload for _ in range(10)}
        assert len(payloads) == 10


@pytest.mark.parametrize("payload", [b"", b"x", b"x" * 125])
async def test_payload_can_be_chosen(
    one_end: OpenEnd, nursery: trio.Nursery, payload: bytes
) -> None:
    async with one_end() as (ws, peer):
        pinging = await begin(nursery, ws.ping, payload)
        assert (await peer.next_frame()).payload == payload
        await peer.send(peer.frame(PONG, payload))
        await pinging.result()


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"x" * 126, rawws.LocalProtocolError),
        ("text", rawws.InvalidMessage),
        (bytearray(b"array"), rawws.InvalidMessage),
        (7, rawws.InvalidMessage),
    ],
)
async def test_payload_that_cannot_be_sent_is_refused_and_nothing_was_sent(
    memory: OpenEnd, payload: Any, error: type[Exception]
) -> None:
    async with memory("server") as (ws, peer):
        for _ in range(2):
            with pytest.raises(error):
                await ws.ping(payload)
        await ws.send("good")
        assert await peer.next_message() == "good"


async def test_payload_that_waits_for_its_pong_is_refused(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        first = await begin(nursery, ws.ping, b"same")
        with pytest.raises(rawws.LocalProtocolError, match="same"):
            await ws.ping(b"same")
        assert not first.done
        await peer.send(peer.frame(PONG, b"same"))
        await first.result()
        again = await begin(nursery, ws.ping, b"same")
        await peer.send(peer.frame(PONG, b"same"))
        await again.result()


async def test_pong_answers_the_pings_before_its_own_too(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pinging = [await begin(nursery, ws.ping, payload) for payload in (b"a", b"b", b"c")]
        await peer.send(peer.frame(PONG, b"b"))
        await pinging[0].result()
        await pinging[1].result()
        await wait_all_tasks_blocked()
        assert not pinging[2].done
        await peer.send(peer.frame(PONG, b"c"))
        await pinging[2].result()


async def test_pong_that_nobody_asked_for_is_ignored(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        await peer.send(peer.frame(PONG, b"unasked"))
        pinging = await begin(nursery, ws.ping)
        await peer.send(peer.frame(PONG, b"wrong"), peer.frame(PONG))
        await wait_all_tasks_blocked()
        assert not pinging.done
        assert ws.latency is None


async def test_pong_of_a_cancelled_ping_is_ignored(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        cancelled = await begin(nursery, ws.ping, b"x")
        await cancelled.cancel()
        pinging = await begin(nursery, ws.ping, b"y")
        await peer.send(peer.frame(PONG, b"x"))
        await wait_all_tasks_blocked()
        assert not pinging.done
        assert ws.latency is None
        again = await begin(nursery, ws.ping, b"x")
        await peer.send(peer.frame(PONG, b"x"))
        await again.result()


async def test_ping_sees_cancellation_before_it_is_sent(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        with trio.CancelScope() as scope:
            scope.cancel()
            await ws.ping()
        assert scope.cancelled_caught
        await ws.send("first")
        assert await peer.next_message() == "first"


async def test_messages_that_come_before_the_pong_are_kept(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pinging = await begin(nursery, ws.ping, b"x")
        await peer.say("one", "two")
        await peer.send(peer.frame(PONG, b"x"))
        await pinging.result()
        assert [await ws.receive(), await ws.receive()] == ["one", "two"]


@pytest.mark.parametrize(
    ("code", "error"), [(1000, rawws.ConnectionEnded), (1011, rawws.ConnectionBroken)]
)
async def test_ping_ends_with_the_connection(
    one_end: OpenEnd, nursery: trio.Nursery, code: int, error: type[Exception]
) -> None:
    async with one_end() as (ws, peer):
        pinging = await begin(nursery, ws.ping)
        await peer.say_close(code)
        with pytest.raises(error):
            await pinging.result()


async def test_pong_just_before_the_close_counts(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        pinging = await begin(nursery, ws.ping, b"x")
        await peer.send(peer.frame(PONG, b"x"), peer.frame(8))
        await pinging.result()
        assert (await ws.wait_closed()).code == 1005


# -- the peer's


async def test_pings_of_the_peer_are_answered_while_somebody_waits(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        receiving = await begin(nursery, ws.receive)
        for payload in (b"", b"one", b"x" * 125):
            await peer.send(peer.frame(PING, payload))
            answer = await peer.next_frame()
            assert (answer.opcode, answer.payload) == (PONG, payload)
        assert not receiving.done


async def test_pings_within_a_message_are_answered_before_it_has_ended(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        receiving = await begin(nursery, ws.receive)
        await peer.send(peer.frame(TEXT, b"a", fin=False), peer.frame(PING, b"!"))
        assert (await peer.next_frame()).opcode == PONG
        await peer.send(peer.frame(0, b"b"))
        assert await receiving.result() == "ab"


async def test_peer_that_does_not_read_is_owed_only_the_newest_pong(
    jammed: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with jammed(limits=Limits(send_buffer=1000)) as (ws, peer):
        await ws.send("x" * 2000)
        await begin(nursery, ws.receive)
        for number in range(1000):
            await peer.send(peer.frame(PING, b"%d" % number))
        await peer.next_message()
        with in_no_time():  # not only with what is sent next
            answer = await peer.next_frame()
        assert (answer.opcode, answer.payload) == (PONG, b"999")
        await wait_all_tasks_blocked()
        with in_no_time():
            await ws.send("next")
            assert await peer.next_message() == "next"


async def test_pong_goes_ahead_of_messages_that_wait(
    jammed: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with jammed(limits=Limits(send_buffer=10_000)) as (ws, peer):

        async def send_for_ever() -> None:
            while True:
                await ws.send("x" * 1000)

        sending = await begin(nursery, send_for_ever)
        await begin(nursery, ws.receive)
        await peer.send(peer.frame(PING, b"!"))
        await wait_all_tasks_blocked()
        frames = [await peer.next_frame() for _ in range(15)]
        assert PONG in [frame.opcode for frame in frames]
        await sending.cancel()


async def test_pong_does_not_wait_for_a_message_in_pieces(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pieces = Told()
        await begin(nursery, ws.send_stream, pieces)
        pieces.give("one")
        assert (await peer.next_frame()).payload == b"one"
        rawws.broadcast([ws], "put off")
        await begin(nursery, ws.receive)
        await peer.send(peer.frame(PING, b"!"))
        assert (await peer.next_frame()).opcode == PONG
        pieces.end()
        while (await peer.next_frame()).payload != b"put off":
            pass
