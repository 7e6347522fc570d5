"""One message sent piece by piece: whole on the wire, or its connection ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import rawws
from rawws import Limits
from tests.transport.conftest import OpenEnd, OpenPair
from tests.transport.raw import BINARY, PING, PONG, TEXT
from tests.transport.support import Told, begin, in_no_time

TIGHT = Limits(send_buffer=1000)


async def later(pieces: Iterable[Any]) -> AsyncIterator[Any]:
    for piece in pieces:
        await trio.lowlevel.checkpoint()
        yield piece


@pytest.mark.parametrize("kind", [iter, later], ids=["iterable", "async iterable"])
@pytest.mark.parametrize(
    ("pieces", "text", "opcode"),
    [
        (["a", "", "bc"], None, TEXT),
        ([b"a", bytearray(b"b"), memoryview(b"c")], None, BINARY),
        (["é".encode(), b"b"], True, TEXT),
        (["a", "b"], False, BINARY),
        (["alone"], None, TEXT),
        ([], None, BINARY),
        ([], True, TEXT),
    ],
)
async def test_pieces_are_fragments_of_one_message(
    one_end: OpenEnd, kind: Any, pieces: list[Any], text: bool | None, opcode: int
) -> None:
    expected = [piece.encode() if isinstance(piece, str) else bytes(piece) for piece in pieces]
    async with one_end() as (ws, peer):
        await ws.send_stream(kind(pieces), text=text)
        frames = await peer.next_fragments()
        assert [frame.payload for frame in frames if frame.payload] == list(filter(None, expected))
        assert frames[0].opcode == opcode


async def test_receiver_sees_one_message(pair: OpenPair) -> None:
    async with pair() as (near, far):
        await near.send_stream(later(["one ", "mess", "age"]))
        await near.send("next")
        assert await far.receive() == "one message"
        assert await far.receive() == "next"


async def test_pieces_go_out_as_they_come(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        pieces = Told()
        sending = await begin(nursery, ws.send_stream, pieces)
        for piece in ("first", "second"):
            pieces.give(piece)
            frame = await peer.next_frame()
            assert (frame.payload, frame.final) == (piece.encode(), False)
        assert not sending.done
        pieces.end()
        assert (await peer.next_frame()).final
        await sending.result()


# -- others meanwhile


async def test_other_messages_wait_and_control_frames_do_not(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pieces = Told()
        streaming = await begin(nursery, ws.send_stream, pieces)
        pieces.give("one", "message")
        others = [
            await begin(nursery, ws.send, "second"),
            await begin(nursery, ws.send_stream, ["th", "ird"]),
            await begin(nursery, ws.send, "fourth"),
        ]
        with pytest.raises(trio.WouldBlock):
            ws.send_nowait("pushing in")
        pinging = await begin(nursery, ws.ping, b"mine")
        receiving = await begin(nursery, ws.receive)
        await peer.send(peer.frame(PING, b"theirs"), peer.frame(PONG, b"mine"))
        await pinging.result()
        assert not any(call.done for call in others)
        pieces.give(" and more")
        pieces.end()
        for call in (streaming, *others):
            await call.result()
        await receiving.cancel()
        frames = [await peer.next_frame()]
        while frames[-1].payload != b"fourth":
            frames.append(await peer.next_frame())
        assert [(frame.opcode, frame.payload) for frame in frames if frame.payload] == [
            (TEXT, b"one"),
            (0, b"message"),
            (PING, b"mine"),
            (PONG, b"theirs"),
            (0, b" and more"),
            (TEXT, b"second"),
            (TEXT, b"th"),
            (0, b"ird"),
            (TEXT, b"fourth"),
        ]


async def test_pieces_wait_for_room_and_are_not_asked_for_in_advance(
    jammed: OpenEnd, nursery: trio.Nursery
) -> None:
    made = 0

    def make() -> Iterable[str]:
        nonlocal made
        for _ in range(20):
            made += 1
            yield "x" * 500

    async with jammed(limits=TIGHT) as (ws, peer):
        sending = await begin(nursery, ws.send_stream, make())
        assert made <= 5
        frames = [await peer.next_frame() for _ in range(10)]
        await wait_all_tasks_blocked()
        assert made <= 15
        frames += [await peer.next_frame() for _ in range(10)]
        await sending.result()
        assert b"".join(frame.payload for frame in frames) == b"x" * 10_000


async def test_stream_waits_its_turn(jammed: OpenEnd, nursery: trio.Nursery) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        await ws.send("x" * 2000)
        calls = [await begin(nursery, ws.send_stream, ["fi", "rst"])]
        calls += [await begin(nursery, ws.send, "second")]
        assert not calls[0].done
        assert await peer.next_message() == "x" * 2000
        assert [frame.payload for frame in await peer.next_fragments()] == [b"fi", b"rst"]
        assert await peer.next_message() == "second"
        for call in calls:
            await call.result()


# -- failing


async def test_failure_before_the_first_piece_is_sent_leaves_the_connection_good(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pieces = Told()
        sending = await begin(nursery, ws.send_stream, pieces)
        pieces.give(ZeroDivisionError("mine"))
        with pytest.raises(ZeroDivisionError, match="mine"):
            await sending.result()
        sending = await begin(nursery, ws.send_stream, Told())
        await sending.cancel()
        await ws.send("good")
        assert await peer.next_message() == "good"


@pytest.mark.parametrize("pieces", ["message", b"message", 7, None, object()])
async def test_what_is_no_iterable_of_pieces_is_refused(memory: OpenEnd, pieces: Any) -> None:
    async with memory("client") as (ws, peer):
        with pytest.raises(rawws.InvalidMessage, match="iterable"):
            await ws.send_stream(pieces)
        await ws.send("good")
        assert await peer.next_message() == "good"


FAILURES = {
    "an error": ZeroDivisionError("mine"),
    "what is no piece": 7,
    "nothing": None,
    "a piece of the other kind": b"bytes",
    "a lone surrogate": "\ud800",
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_failure_after_the_first_piece_closes_with_1011(
    one_end: OpenEnd, nursery: trio.Nursery, failure: str
) -> None:
    async with one_end() as (ws, peer):
        pieces = Told()
        sending = await begin(nursery, ws.send_stream, pieces)
        waiting = await begin(nursery, ws.send, "waits")
        receiving = await begin(nursery, ws.receive)
        pieces.give("one", "two", FAILURES[failure])
        pieces.end()
        with pytest.raises((ZeroDivisionError, rawws.LocalProtocolError)):
            await sending.result()
        for call in (waiting, receiving):
            with pytest.raises(rawws.ConnectionBroken) as end:
                await call.result()
            assert isinstance(end.value.__cause__, trio.BrokenResourceError)
            assert end.value.sent is not None
            assert end.value.sent.code == 1011
        frames, (code, _) = await peer.read_to_close()
        assert code == 1011
        assert not any(frame.final for frame in frames)


async def test_cancellation_after_the_first_piece_closes_with_1011(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pieces = Told()
        sending = await begin(nursery, ws.send_stream, pieces)
        pieces.give("one", "two")
        assert (await peer.next_frame()).payload == b"one"
        await sending.cancel()
        with pytest.raises(rawws.ConnectionBroken):
            await ws.send("late")
        frames, (code, _) = await peer.read_to_close()
        assert code == 1011
        assert not any(frame.final for frame in frames)


async def test_cancellation_while_a_piece_waits_for_room_closes_with_1011(
    jammed: OpenEnd, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        sending = await begin(nursery, ws.send_stream, ["x" * 2000] * 5)
        with in_no_time():
            await sending.cancel()
            frames, (code, _) = await peer.read_to_close()
        assert code == 1011
        assert len(frames) < 5


async def test_end_of_the_connection_ends_the_stream(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pieces = Told()
        sending = await begin(nursery, ws.send_stream, pieces)
        pieces.give("one", "two")
        assert (await peer.next_frame()).payload == b"one"
        await peer.say_close()
        assert (await ws.wait_closed()).code == 1000
        pieces.give("three", "never asked for")
        with pytest.raises(rawws.ConnectionBroken) as end:
            await sending.result()
        assert end.value.received == rawws.Close(1000, "", "remote")
        assert await anext(pieces) == "never asked for"


async def test_loss_of_the_connection_stays_the_cause(
    jammed: OpenEnd, nursery: trio.Nursery
) -> None:
    async with jammed(limits=TIGHT) as (ws, peer):
        sending = await begin(nursery, ws.send_stream, ["x" * 2000] * 5)
        await peer.stream.aclose()
        for call in (sending.result, ws.receive):
            with pytest.raises(rawws.ConnectionBroken) as end:
                await call()
            assert end.value.sent is None
        assert ws.closed is not None
        assert ws.closed.code == 1006


async def test_messages_that_come_after_the_failure_are_for_nobody(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        pieces = Told()
        sending = await begin(nursery, ws.send_stream, pieces)
        pieces.give("one", ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await sending.result()
        waiting = await begin(nursery, ws.wait_closed)
        await peer.say("late")
        await peer.say_close(1011)
        assert (await waiting.result()).code == 1011
        with pytest.raises(rawws.ConnectionBroken):
            await ws.receive()
