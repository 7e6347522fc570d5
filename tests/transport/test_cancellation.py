"""What sends, cancelled at every checkpoint: whole or not at all, and nobody else suffers."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from tests.transport.checkpoints import Point, every_point
from tests.transport.raw import BINARY, CLOSE, PING
from tests.transport.strict import (
    StrictPeer,
    either_form,
    either_role,
    every_kind,
    numbered,
    open_strict,
)

# The outbox is full as soon as a byte is in it.
NO_ROOM = rawws.Limits(send_buffer=1)


async def jam(ws: rawws.WebSocket, first: int) -> list[bytes]:
    """Send until there is no room; the messages that it took."""
    await wait_all_tasks_blocked()
    sent: list[bytes] = []
    try:
        while True:
            message = numbered(first + len(sent))
            ws.send_nowait(message)
            sent.append(message)
    except trio.WouldBlock:
        return sent


async def test_every_checkpoint_is_reached_asleep_and_awake() -> None:
    reached: list[tuple[int, bool]] = []
    for point in every_point():
        passed = 0
        with point.cancels() as scope:
            await trio.lowlevel.checkpoint()
            passed = 1
            await trio.lowlevel.checkpoint()
            passed = 2
        reached.append((passed, scope.cancelled_caught))
    asleep = [(0, True), (0, True), (1, True), (2, False)]
    awake = [(0, True), (1, True), (2, False)]
    assert reached == asleep + awake


@every_kind
@either_role
@either_form
async def test_cancelled_send_was_not_sent_and_one_that_returned_was(
    kind: str, role: str, compressed: bool
) -> None:
    async with open_strict(kind, role, compressed=compressed, limits=NO_ROOM) as (ws, peer):
        sent: list[bytes] = []
        outcomes: list[bool] = []
        for number, point in enumerate(every_point(), 1):
            sent += await jam(ws, number * 1000)
            maybe, surely = numbered(-number * 1000), numbered(-number * 1000 + 1)
            async with peer.reading():
                with point.cancels() as scope:
                    await ws.send(maybe)
                outcomes.append(scope.cancelled_caught)
                if not scope.cancelled_caught:
                    sent.append(maybe)
                await ws.send(surely)
                sent.append(surely)
            await peer.read_until(surely)
        assert peer.messages == sent
        assert set(peer.opcodes()) == {BINARY}
        assert peer.is_content
        assert outcomes.count(True) >= 4  # before, letting others run, waiting for room, awake
        assert outcomes.count(False) >= 2


@every_kind
@either_role
async def test_cancelled_send_stream_is_whole_or_ends_the_connection_with_1011(
    kind: str, role: str
) -> None:
    outcomes = []
    for point in every_point():
        async with open_strict(kind, role, limits=NO_ROOM) as (ws, peer):
            outcomes.append(await outcome_of_send_stream(point, ws, peer))
    assert set(outcomes) == {"sent", "not sent", "half"}


async def outcome_of_send_stream(point: Point, ws: rawws.WebSocket, peer: StrictPeer) -> str:
    pieces = [numbered(number) for number in range(3)]
    sent = await jam(ws, 1000)
    async with peer.reading():
        with point.cancels() as scope:
            await ws.send_stream(pieces)
        if not scope.cancelled_caught:
            sent.append(b"".join(pieces))
        try:
            await ws.send(b"more")
        except rawws.ConnectionBroken:
            await ws.aclose()
            sent.append(b"")
        else:
            sent.append(b"more")
    if sent[-1]:
        await peer.read_until(b"more")
        assert peer.messages == sent
        assert CLOSE not in peer.opcodes()
        return "not sent" if scope.cancelled_caught else "sent"
    assert peer.messages == sent[:-1]
    assert peer.opcodes()[-1] == CLOSE
    assert peer.close_code == 1011
    return "half"


@every_kind
@either_role
async def test_message_deferred_by_a_send_stream_that_fails_is_not_sent_behind_the_close(
    kind: str, role: str
) -> None:
    async def pieces(ws: rawws.WebSocket):
        yield b"a"
        yield b"b"
        rawws.broadcast([ws], b"in the way")
        raise ValueError("enough")

    async with open_strict(kind, role) as (ws, peer):
        async with peer.reading():
            with pytest.raises(ValueError, match="enough"):
                await ws.send_stream(pieces(ws))
            await ws.aclose()
        assert peer.opcodes().count(BINARY) == 1
        assert peer.opcodes()[-1] == CLOSE
        assert peer.close_code == 1011


@every_kind
@either_role
async def test_cancelled_ping_leaves_nothing_behind(kind: str, role: str) -> None:
    async with open_strict(kind, role) as (ws, peer):
        said: list[bytes] = []
        got: list[str | bytes] = []
        outcomes: list[bool] = []
        for number, point in enumerate(every_point()):
            said.append(numbered(number))
            async with trio.open_nursery() as nursery, peer.reading():
                nursery.start_soon(peer.say, said[-1])
                with point.cancels() as scope:
                    await ws.ping(b"here?")
                outcomes.append(scope.cancelled_caught)
                with trio.fail_after(5):
                    assert await ws.ping(b"here?") >= 0
                    got.append(await ws.receive())
        assert got == said
        assert set(peer.opcodes()) == {PING}
        assert outcomes.count(True) >= 4
        assert outcomes.count(False) >= 2
