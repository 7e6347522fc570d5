"""Sending: what goes out, who waits for room, and what a refusal leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

import rawws
from rawws import Deflate, Limits
from tests.transport.conftest import OpenEnd
from tests.transport.raw import BINARY, TEXT
from tests.transport.support import Parked, Way, begin, in_no_time, open_raw

TIGHT = Limits(send_buffer=1000)
FILLING = "f" * 2000  # more than the outbox has room for


@pytest.mark.parametrize(
    ("value", "text", "opcode", "payload"),
    [
        ("text é", None, TEXT, "text é".encode()),
        ("", None, TEXT, b""),
        ("text", False, BINARY, b"text"),
        (b"\xff", None, BINARY, b"\xff"),
        (bytearray(b"array"), None, BINARY, b"array"),
        (memoryview(b"view")[1:], None, BINARY, b"iew"),
        ("é".encode(), True, TEXT, "é".encode()),
        (b"x" * 70_000, None, BINARY, b"x" * 70_000),
    ],
)
@pytest.mark.parametrize("nowait", [False, True])
async def test_message_is_one_frame(
    one_end: OpenEnd,
    role: str,
    value: Any,
    text: bool | None,
    opcode: int,
    payload: bytes,
    nowait: bool,
) -> None:
    async with one_end() as (ws, peer):
        if nowait:
            ws.send_nowait(value, text=text)
        else:
            await ws.send(value, text=text)
        frame = await peer.next_frame()
        assert (frame.first, frame.payload) == (0x80 | opcode, payload)
        assert frame.masked == (role == "client")


@pytest.mark.parametrize(
    ("value", "text", "error"),
    [
        (None, None, rawws.InvalidMessage),
        (7, None, rawws.InvalidMessage),
        (["list"], None, rawws.InvalidMessage),
        ("lone \ud800", None, rawws.LocalProtocolError),
        (b"\xff", True, rawws.LocalProtocolError),
    ],
)
async def test_what_cannot_be_sent_leaves_the_connection_good(
    one_end: OpenEnd, value: Any, text: bool | None, error: type[Exception]
) -> None:
    async with one_end() as (ws, peer):
        with pytest.raises(error):
            await ws.send(value, text=text)
        with pytest.raises(error):
            ws.send_nowait(value, text=text)
        with pytest.raises(error):
            await ws.send_stream([value], text=text)
        await ws.send("good")
        assert await peer.next_message() == "good"


async def test_wrong_type_of_message_is_a_type_error_too(memory: OpenEnd) -> None:
    async with memory("client") as (ws, _):
        with pytest.raises(TypeError, match="str, bytes, bytearray or memoryview, not dict"):
            await ws.send({"type": "message"})  # type: ignore[arg-type]


async def test_compression_can_be_chosen_per_message(nursery: trio.Nursery) -> None:
    way, handler = Way("foreign"), Parked()
    server = await way.serve(nursery, handler, compression=Deflate(threshold=100))
    peer = await open_raw(way, server, Sec_WebSocket_Extensions="permessage-deflate")
    ws = await handler.taken()
    sent = [("x" * 99, None), ("x" * 100, None), ("x", True), ("x" * 100, False)]
    for value, compress in sent:
        await ws.send(value, compress=compress)
        ws.send_nowait(value, compress=compress)
    compressed = [bool((await peer.next_frame()).first & 0x40) for _ in range(8)]
    assert compressed == [False] * 2 + [True] * 4 + [False] * 2


# -- room


async def test_send_waits_while_the_outbox_is_full(jammed: OpenEnd, nursery: trio.Nursery) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        await ws.send(FILLING)
        sending = [await begin(nursery, ws.send, text) for text in ("one", "two", "three")]
        assert not any(call.done for call in sending)
        assert await peer.next_message() == FILLING
        for call, text in zip(sending, ("one", "two", "three"), strict=True):
            assert await peer.next_message() == text
            await call.result()


async def test_send_nowait_refuses_while_the_outbox_is_full(
    jammed: OpenEnd, nursery: trio.Nursery
) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        ws.send_nowait(FILLING)
        with pytest.raises(trio.WouldBlock):
            ws.send_nowait("refused")
        first = await begin(nursery, ws.send, "first")
        assert await peer.next_message() == FILLING
        await first.result()
        ws.send_nowait("second")
        assert [await peer.next_message() for _ in range(2)] == ["first", "second"]


async def test_send_nowait_does_not_push_in(jammed: OpenEnd, nursery: trio.Nursery) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        ws.send_nowait(FILLING)
        waiting = await begin(nursery, ws.send_stream, waits_forever())
        assert await peer.next_message() == FILLING
        with pytest.raises(trio.WouldBlock):
            ws.send_nowait("refused")
        await waiting.cancel()


async def waits_forever():
    yield "first"
    await trio.sleep_forever()


async def test_empty_outbox_takes_a_message_of_any_size(
    jammed: OpenEnd, autojump_clock: MockClock
) -> None:
    async with jammed(limits=Limits(send_buffer=1)) as (ws, peer):
        for letter in ("a", "b"):
            with in_no_time():
                await ws.send(letter * 100_000)
            assert await peer.next_message() == letter * 100_000


async def test_without_a_limit_send_never_waits(jammed: OpenEnd, autojump_clock: MockClock) -> None:
    async with jammed(limits=Limits(send_buffer=None)) as (ws, peer):
        with in_no_time():
            for _ in range(100):
                await ws.send(FILLING)
        assert [await peer.next_message() for _ in range(100)] == [FILLING] * 100


async def test_cancelled_send_was_not_sent_and_the_next_takes_its_place(
    jammed: OpenEnd, nursery: trio.Nursery
) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        await ws.send(FILLING)
        sending = [await begin(nursery, ws.send, text) for text in ("one", "two", "three")]
        await sending[0].cancel()
        await sending[2].cancel()
        assert await peer.next_message() == FILLING
        assert await peer.next_message() == "two"
        await sending[1].result()
        await ws.send("four")
        assert await peer.next_message() == "four"


async def test_send_that_fails_in_its_turn_passes_the_turn_on(
    jammed: OpenEnd, nursery: trio.Nursery
) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        await ws.send(FILLING)
        bad = await begin(nursery, ws.send, "lone \ud800")
        good = await begin(nursery, ws.send, "good")
        assert await peer.next_message() == FILLING
        assert await peer.next_message() == "good"
        await good.result()
        with pytest.raises(rawws.LocalProtocolError):
            await bad.result()


async def test_send_sees_cancellation_though_there_is_room(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        for send in (ws.send, lambda text: ws.send_stream([text])):
            with trio.CancelScope() as scope:
                scope.cancel()
                await send("cancelled")
            assert scope.cancelled_caught
        await ws.send("sent")
        assert await peer.next_message() == "sent"


# -- after the end, and at it


async def test_send_after_the_peers_close_is_broken(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say_close(1000)
        await ws.wait_closed()
        for send in (ws.send, lambda value: ws.send_stream([value])):
            with pytest.raises(rawws.ConnectionBroken) as end:
                await send("late")
            assert end.value.received == rawws.Close(1000, "", "remote")
        with pytest.raises(rawws.ConnectionBroken):
            ws.send_nowait("late")


async def test_send_after_ones_own_close_is_closed(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say_close(1000)
        await peer.stream.aclose()
        await ws.aclose()
        for send in (ws.send, lambda value: ws.send_stream([value])):
            with pytest.raises(trio.ClosedResourceError):
                await send("late")
        with pytest.raises(trio.ClosedResourceError):
            ws.send_nowait("late")


@pytest.mark.parametrize("streaming", [False, True])
async def test_senders_that_wait_are_told_at_once_when_the_peer_closes(
    jammed: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock, streaming: bool
) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        if not streaming:
            await ws.send(FILLING)
        first = ws.send_stream([FILLING] * 3) if streaming else ws.send("first")
        sending = [await begin(nursery, lambda: first), await begin(nursery, ws.send, "second")]
        with in_no_time():
            await peer.say_close(1001)
            assert (await ws.wait_closed()).code == 1001
            for call in sending:
                with pytest.raises(rawws.ConnectionBroken):
                    await call.result()


@pytest.mark.parametrize("streaming", [False, True])
async def test_senders_that_wait_are_told_at_once_of_ones_own_close(
    jammed: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock, streaming: bool
) -> None:
    async with jammed(limits=TIGHT) as (ws, _):
        if not streaming:
            await ws.send(FILLING)
        first = ws.send_stream([FILLING] * 3) if streaming else ws.send("first")
        sending = [await begin(nursery, lambda: first), await begin(nursery, ws.send, "second")]
        with in_no_time():
            closing = await begin(nursery, ws.aclose)
            for call in sending:
                with pytest.raises(trio.ClosedResourceError):
                    await call.result()
        await closing.cancel()


async def test_senders_that_wait_are_told_of_a_loss(
    jammed: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        await ws.send(FILLING)
        sending = [await begin(nursery, ws.send, text) for text in ("one", "two")]
        with in_no_time():
            await peer.stream.aclose()
            for call in sending:
                with pytest.raises(rawws.ConnectionBroken) as end:
                    await call.result()
                assert isinstance(end.value.__cause__, trio.BrokenResourceError)
