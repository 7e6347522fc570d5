"""A message piece by piece, as its bytes arrive."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import rawws
from rawws import Deflate, Limits
from tests.transport.conftest import OpenEnd, OpenPair
from tests.transport.raw import BINARY, CLOSE, PONG, TEXT
from tests.transport.support import begin, in_no_time


async def test_pieces_come_before_the_message_has_ended(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        pieces = ws.receive_stream()
        message = peer.frame(BINARY, b"0123456789")
        await peer.send(message[:-5])
        assert await anext(pieces) == b"01234"
        await peer.send(message[-5:-2])
        assert await anext(pieces) == b"567"
        await peer.send(message[-2:])
        assert await anext(pieces) == b"89"
        with pytest.raises(StopAsyncIteration):
            await anext(pieces)


async def test_fragments_make_one_message(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.send(peer.frame(TEXT, b"one ", fin=False), peer.frame(0, b"message", fin=False))
        await peer.send(peer.frame(0), peer.frame(TEXT, b"another"))
        assert "".join([piece async for piece in ws.receive_stream()]) == "one message"
        assert [piece async for piece in ws.receive_stream()] == ["another"]


async def test_text_is_cut_between_characters(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    text = "é\N{SNOWMAN}\U0001f600"
    async with one_end() as (ws, peer):
        message = peer.frame(TEXT, text.encode())
        pieces: list[object] = []
        stream = ws.receive_stream()
        while sum(map(len, pieces)) < len(text):
            receiving = await begin(nursery, stream.__anext__)
            while not receiving.done:
                await peer.send(message[:1])
                message = message[1:]
                await wait_all_tasks_blocked()
            pieces.append(await receiving.result())
        assert "".join(pieces) == text


@pytest.mark.parametrize(("opcode", "empty"), [(TEXT, ""), (BINARY, b"")])
async def test_empty_message_has_one_empty_piece(
    one_end: OpenEnd, opcode: int, empty: str | bytes
) -> None:
    async with one_end() as (ws, peer):
        await peer.send(peer.frame(opcode), peer.frame(opcode, fin=False), peer.frame(0))
        assert [piece async for piece in ws.receive_stream()] == [empty]
        assert [piece async for piece in ws.receive_stream()] == [empty]


async def test_stream_can_be_read_once(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say("one", "two")
        stream = ws.receive_stream()
        assert [piece async for piece in stream] == ["one"]
        assert [piece async for piece in stream] == []
        assert await ws.receive() == "two"


async def test_message_that_waited_comes_in_one_piece(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("server") as (ws, peer):
        await peer.say("waited", "too")
        await trio.sleep(1)  # read by the heartbeat
        assert [piece async for piece in ws.receive_stream()] == ["waited"]
        assert [piece async for piece in ws.receive_stream()] == ["too"]


# -- left


@pytest.mark.parametrize("cut", range(1, 18, 4))
async def test_rest_of_a_message_that_was_left_is_skipped(one_end: OpenEnd, cut: int) -> None:
    async with one_end() as (ws, peer):
        await peer.send(peer.frame(TEXT, b"left", fin=False))
        async for piece in ws.receive_stream():
            assert piece == "left"
            break
        rest = peer.frame(0, b"alone", fin=False) + peer.frame(0, b"!")
        await peer.send(rest[:cut])
        await wait_all_tasks_blocked()
        with pytest.raises(trio.WouldBlock):
            ws.receive_nowait()
        await peer.send(rest[cut:])
        await peer.say("next")
        assert await ws.receive() == "next"


async def test_rest_that_arrived_meanwhile_is_skipped_too(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("client") as (ws, peer):
        await peer.send(peer.frame(TEXT, b"left", fin=False))
        stream = ws.receive_stream()
        assert await anext(stream) == "left"
        await peer.send(peer.frame(0, b" alone"))
        await peer.say("next")
        await trio.sleep(1)  # read by the heartbeat
        assert [piece async for piece in ws.receive_stream()] == ["next"]
        assert [piece async for piece in stream] == []


async def test_rest_that_arrived_meanwhile_belongs_to_the_stream(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("client") as (ws, peer):
        await peer.send(peer.frame(TEXT, b"one", fin=False))
        stream = ws.receive_stream()
        assert await anext(stream) == "one"
        await peer.send(peer.frame(0, b" message"))
        await peer.say("next")
        await trio.sleep(1)
        assert [piece async for piece in stream] == [" message"]
        assert await ws.receive() == "next"


async def test_stream_that_was_never_begun_takes_nothing(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say("one")
        stream = ws.receive_stream()
        assert await ws.receive() == "one"
        assert [piece async for piece in stream] == []


async def test_stream_that_was_never_begun_skips_nothing_that_waits(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("client") as (ws, peer):
        await peer.send(peer.frame(TEXT, b"one"), peer.frame(TEXT, b"two"))
        await trio.sleep(1)  # read by the heartbeat
        ws.receive_stream()
        assert [await ws.receive(), await ws.receive()] == ["one", "two"]


async def test_room_that_skipping_makes_is_used_at_once(
    memory: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with memory("server", limits=Limits(receive_buffer=1000)) as (ws, peer):
        await peer.send(peer.frame(TEXT, b"left", fin=False))
        assert await anext(ws.receive_stream()) == "left"
        pinging = await begin(nursery, ws.ping)
        asked = await peer.next_frame()
        await peer.send(peer.frame(0, b"x" * 2000), peer.frame(PONG, asked.payload))
        await wait_all_tasks_blocked()
        with in_no_time():
            assert not pinging.done  # the rest of the message fills the buffer
            ws.receive_stream()
            await pinging.result()


# -- by several tasks, cancelled, and cut short


async def test_second_task_that_receives_is_told_so(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        stream = ws.receive_stream()
        receiving = await begin(nursery, stream.__anext__)
        for another in (ws.receive_nowait, ws.receive_stream):
            with pytest.raises(trio.BusyResourceError):
                another()
        for waiting in (stream.__anext__, ws.receive):
            with pytest.raises(trio.BusyResourceError):
                await waiting()
        await peer.say("one")
        assert await receiving.result() == "one"


async def test_cancelled_iteration_loses_nothing(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        stream = ws.receive_stream()
        frames = peer.frame(BINARY, b"0123456789", fin=False) + peer.frame(0, b"abcdefghij")
        pieces = []
        for byte in range(len(frames)):
            receiving = await begin(nursery, stream.__anext__)
            await peer.send(frames[byte : byte + 1])
            await wait_all_tasks_blocked()
            if receiving.done:
                pieces.append(await receiving.result())
            else:
                await receiving.cancel()
        assert b"".join(pieces) == b"0123456789abcdefghij"


async def test_iteration_sees_cancellation_though_pieces_are_there(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.send(peer.frame(TEXT, b"a", fin=False), peer.frame(0, b"b", fin=False))
        await peer.send(peer.frame(0, b"c"))
        stream = ws.receive_stream()
        pieces = [await anext(stream)]
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream)
        assert scope.cancelled_caught
        pieces.extend([piece async for piece in stream])
        assert "".join(pieces) == "abc"


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    ("code", "error"), [(1000, rawws.ConnectionEnded), (1011, rawws.ConnectionBroken)]
)
async def test_end_of_the_connection_is_not_the_end_of_the_message(
    one_end: OpenEnd, begun: bool, code: int, error: type[Exception]
) -> None:
    async with one_end() as (ws, peer):
        stream = ws.receive_stream()
        if begun:
            await peer.send(peer.frame(TEXT, b"half", fin=False))
            assert await anext(stream) == "half"
        await peer.say_close(code)
        with pytest.raises(error):
            await anext(stream)


async def test_loss_within_a_message_breaks_the_iteration(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.send(peer.frame(TEXT, b"half", fin=False))
        stream = ws.receive_stream()
        assert await anext(stream) == "half"
        await peer.stream.aclose()
        with pytest.raises(rawws.ConnectionBroken):
            await anext(stream)


async def test_limit_of_a_message_counts_all_of_its_pieces(one_end: OpenEnd) -> None:
    async with one_end(limits=Limits(max_message_size=10)) as (ws, peer):
        stream = ws.receive_stream()
        await peer.send(peer.frame(BINARY, b"0123456789", fin=False))
        assert await anext(stream) == b"0123456789"
        await peer.send(peer.frame(0, b"x"))
        with pytest.raises(rawws.ConnectionBroken) as end:
            await anext(stream)
        assert isinstance(end.value.__cause__, rawws.MessageTooBig)
        assert (await peer.read_close())[0] == 1009


async def test_stream_of_a_closed_websocket_raises_when_it_is_read(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.send(peer.frame(CLOSE))
        await peer.stream.aclose()
        await ws.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await anext(ws.receive_stream())


async def test_compressed_message_comes_in_pieces(pair: OpenPair) -> None:
    options = {"compression": Deflate(threshold=0)}
    async with pair(server=options, client=options) as (near, far):
        text = "".join(map(str, range(30_000)))
        await near.send(text)
        await near.send("next")
        pieces = [piece async for piece in far.receive_stream()]
        assert "".join(map(str, pieces)) == text
        assert await far.receive() == "next"
