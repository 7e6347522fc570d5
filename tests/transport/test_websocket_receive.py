"""Receiving whole messages: what they are, who may ask for them, and what is never lost."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from rawws import Deflate
from tests.transport.conftest import OpenEnd, OpenPair
from tests.transport.raw import BINARY, CLOSE, PING, PONG, TEXT, frame
from tests.transport.support import begin


@pytest.mark.parametrize(
    "message", ["", "text", "é\N{SNOWMAN}\U0001f600", b"", b"\x00\xff", "x" * 2**20]
)
async def test_text_is_str_and_binary_is_bytes(
    one_end: OpenEnd, nursery: trio.Nursery, message: str | bytes
) -> None:
    async with one_end() as (ws, peer):
        text = isinstance(message, str)
        payload = message.encode() if isinstance(message, str) else message
        nursery.start_soon(peer.send, peer.frame(TEXT if text else BINARY, payload))
        received = await ws.receive()
        assert received == message
        assert type(received) is type(message)


async def test_fragments_are_one_message_and_control_frames_may_come_between(
    one_end: OpenEnd,
) -> None:
    async with one_end() as (ws, peer):
        await peer.send(
            peer.frame(TEXT, b"a", fin=False),
            peer.frame(PING, b"between"),
            peer.frame(0, b"b", fin=False),
            peer.frame(PONG, b"unasked"),
            peer.frame(0, b"c"),
        )
        assert await ws.receive() == "abc"
        pong = await peer.next_frame()
        assert (pong.opcode, pong.payload) == (PONG, b"between")


@pytest.mark.parametrize("more", [[b"\x81\x05hel", b"lo"], [b"\x81", b"\x05hello"]])
async def test_frame_that_comes_with_the_upgrade_is_the_first_message(
    memory: OpenEnd, more: list[bytes]
) -> None:
    async with memory("client", more[0]) as (ws, peer):
        await peer.send(more[1])
        assert await ws.receive() == "hello"


async def test_frames_that_come_with_the_upgrade_are_the_first_messages(
    one_end: OpenEnd, role: str
) -> None:
    masked = role == "server"
    frames = [frame(TEXT, text, masked=masked) for text in (b"one", b"two")]
    async with one_end(*frames, frame(CLOSE, masked=masked)) as (ws, _):
        assert [message async for message in ws] == ["one", "two"]


# -- without waiting


async def test_receive_nowait_gives_what_has_arrived_and_never_waits(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        with pytest.raises(trio.WouldBlock):
            ws.receive_nowait()
        await peer.say("one", "two")
        await wait_all_tasks_blocked()
        assert ws.receive_nowait() == "one"
        assert ws.receive_nowait() == "two"
        with pytest.raises(trio.WouldBlock):
            ws.receive_nowait()
        await peer.say_close()
        await wait_all_tasks_blocked()
        with pytest.raises(rawws.ConnectionEnded):
            ws.receive_nowait()


async def test_receive_nowait_gives_what_another_task_has_read(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        waiting = await begin(nursery, ws.wait_closed)
        with pytest.raises(trio.WouldBlock):
            ws.receive_nowait()
        await peer.say("one")
        await wait_all_tasks_blocked()
        assert ws.receive_nowait() == "one"
        await peer.say_close()
        assert (await waiting.result()).code == 1000


# -- by several tasks


async def test_second_task_that_receives_is_told_so_and_the_first_goes_on(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        receiving = await begin(nursery, ws.receive)
        for another in (ws.receive_nowait, ws.receive_stream):
            with pytest.raises(trio.BusyResourceError):
                another()
        with pytest.raises(trio.BusyResourceError):
            await ws.receive()
        await peer.say("one")
        assert await receiving.result() == "one"
        await peer.say("two")
        assert await ws.receive() == "two"


async def test_receiving_and_sending_do_not_hinder_each_other(pair: OpenPair) -> None:
    async with pair() as (near, far):

        async def send_all(ws: rawws.WebSocket) -> None:
            for number in range(100):
                await ws.send(str(number) * 1000)

        async def check_all(ws: rawws.WebSocket) -> None:
            for number in range(100):
                assert await ws.receive() == str(number) * 1000

        async with trio.open_nursery() as nursery:
            for ws in (near, far):
                nursery.start_soon(send_all, ws)
                nursery.start_soon(check_all, ws)


async def test_task_that_receives_without_ever_waiting_lets_others_run(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with one_end() as (ws, peer):
        await peer.say(*["x"] * 5_000)
        await ws.receive()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as others:
                others.start_soon(count_turns)
                for _ in range(4_999):
                    await ws.receive()
                scope.cancel()
        assert turns > 1


# -- as an iterator


@pytest.mark.parametrize("code", [1000, 1001])
async def test_iteration_ends_at_a_good_close(one_end: OpenEnd, code: int) -> None:
    async with one_end() as (ws, peer):
        await peer.say("one", "two")
        await peer.say_close(code)
        assert [message async for message in ws] == ["one", "two"]
        assert [message async for message in ws] == []


@pytest.mark.parametrize("code", [1008, 1011, 3000])
async def test_iteration_raises_at_another_close(one_end: OpenEnd, code: int) -> None:
    received = []
    async with one_end() as (ws, peer):
        await peer.say("one", "two")
        await peer.say_close(code)
        with pytest.raises(rawws.ConnectionBroken):
            async for message in ws:
                received += [message]
    assert received == ["one", "two"]


async def test_iteration_raises_when_the_connection_is_lost(one_end: OpenEnd) -> None:
    received = []
    async with one_end() as (ws, peer):
        await peer.say("one")
        await peer.stream.aclose()
        with pytest.raises(rawws.ConnectionBroken):
            async for message in ws:
                received += [message]
    assert received == ["one"]


# -- cancelled


async def test_cancelled_receive_loses_nothing_of_a_message_that_had_begun(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        frames = peer.frame(TEXT, b"begun", fin=False) + peer.frame(0, b" and done")
        for cut in range(0, len(frames), 5):
            receiving = await begin(nursery, ws.receive)
            await peer.send(frames[cut : cut + 5])
            await wait_all_tasks_blocked()
            if cut + 5 < len(frames):
                await receiving.cancel()
        assert await receiving.result() == "begun and done"


async def test_receive_sees_cancellation_though_a_message_is_there(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say("one", "two")
        assert await ws.receive() == "one"
        with trio.CancelScope() as scope:
            scope.cancel()
            await ws.receive()
        assert scope.cancelled_caught
        assert await ws.receive() == "two"


async def test_compressed_messages_are_received(pair: OpenPair) -> None:
    async with pair(
        server={"compression": Deflate(threshold=0)}, client={"compression": Deflate(threshold=0)}
    ) as (near, far):
        assert near.extensions.startswith("permessage-deflate")
        assert near.extensions == far.extensions
        for message in ("text " * 1000, b"bytes" * 1000, "", "text " * 1000):
            await near.send(message)
            assert await far.receive() == message
            await far.send(message)
            assert await near.receive() == message
