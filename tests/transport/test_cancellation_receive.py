"""What receives and what closes, cancelled at every checkpoint: nothing lost, nothing doubled."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from tests.transport.checkpoints import Point, every_point
from tests.transport.raw import BINARY, CLOSE
from tests.transport.strict import (
    StrictPeer,
    either_form,
    either_role,
    every_kind,
    numbered,
    open_strict,
)

END = b"the end"


@every_kind
@either_role
@either_form
async def test_cancelled_receive_loses_and_doubles_nothing(
    kind: str, role: str, compressed: bool
) -> None:
    async with open_strict(kind, role, compressed=compressed) as (ws, peer):
        outcomes: list[bool] = []
        for number, point in enumerate(every_point()):
            got: list[str | bytes] = []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(say_in_pieces, peer, numbered(number), END)
                with point.cancels() as scope:
                    got.append(await ws.receive())
                outcomes.append(scope.cancelled_caught)
                while END not in got:
                    got.append(await ws.receive())
            assert got == [numbered(number), END]
        assert outcomes.count(True) >= 6
        assert outcomes.count(False) >= 2


@every_kind
@either_role
async def test_message_that_was_there_before_a_cancelled_receive_is_there_after_it(
    kind: str, role: str
) -> None:
    async with open_strict(kind, role) as (ws, peer):
        cancelled = 0
        for number, point in enumerate(every_point()):
            await peer.say(numbered(number))
            await wait_all_tasks_blocked()
            got = []
            with point.cancels() as scope:
                got.append(await ws.receive())
            cancelled += scope.cancelled_caught
            if not got:
                got.append(await ws.receive())
            assert got == [numbered(number)]
        assert cancelled >= 2


async def say_in_pieces(peer: StrictPeer, *messages: bytes) -> None:
    await peer.say(*messages, pieces=3)


@every_kind
@either_role
@either_form
async def test_cancelled_iteration_of_a_stream_goes_on_where_it_was(
    kind: str, role: str, compressed: bool
) -> None:
    async with open_strict(kind, role, compressed=compressed) as (ws, peer):
        cancelled = 0
        for number, point in enumerate(every_point()):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(say_in_pieces, peer, numbered(number))
                stream = ws.receive_stream()
                got = bytearray()
                with point.cancels() as scope:
                    async for piece in stream:
                        got += piece
                cancelled += scope.cancelled_caught
                async for piece in stream:
                    got += piece
            assert got == numbered(number)
        assert cancelled >= 6


@every_kind
@either_role
async def test_cancelled_wait_closed_changes_nothing(kind: str, role: str) -> None:
    said = [numbered(number) for number in range(3)]
    outcomes = []
    for point in every_point():
        async with open_strict(kind, role) as (ws, peer), trio.open_nursery() as nursery:
            nursery.start_soon(say_goodbye, peer, said)
            with point.cancels() as scope:
                close = await ws.wait_closed()
                assert (close.code, close.by) == (1001, "remote")
            outcomes.append(scope.cancelled_caught)
            assert [message async for message in ws] == said
            assert ws.closed == rawws.Close(1001, "", "remote")
            nursery.start_soon(ws.aclose)
            await peer.read_to_end()
            assert peer.opcodes() == [CLOSE]
    assert outcomes.count(True) >= 6
    assert outcomes.count(False) >= 2


async def say_goodbye(peer: StrictPeer, messages: list[bytes]) -> None:
    for message in messages:
        await say_in_pieces(peer, message)
    await peer.say_close(1001)


@every_kind
@either_role
@pytest.mark.parametrize("sent", [0, 1, 30], ids=["idle", "sent", "jammed"])
async def test_cancelled_aclose_is_the_end_all_the_same(kind: str, role: str, sent: int) -> None:
    outcomes = []
    for point in every_point():
        async with open_strict(kind, role) as (ws, peer):
            messages = [numbered(number) for number in range(sent)]
            for message in messages:
                await ws.send(message)
            outcomes.append(await outcome_of_aclose(point, ws, peer))
            assert peer.messages == messages[: len(peer.messages)]
            if outcomes[-1] == "closed":
                assert peer.messages == messages
                assert peer.opcodes() == [BINARY] * sent + [CLOSE]
    assert set(outcomes) == {"closed", "cancelled"}


async def outcome_of_aclose(point: Point, ws: rawws.WebSocket, peer: StrictPeer) -> str:
    async with peer.reading():
        with point.cancels() as scope:
            await ws.aclose(1001, "enough")
        assert ws.closed is not None
        with trio.fail_after(0.3):  # without any deadline's help
            await ws.aclose()
        for call in (ws.receive, ws.ping, lambda: ws.send("")):
            with pytest.raises(trio.ClosedResourceError):
                await call()
    await peer.read_to_end()
    peer.opcodes(torn=scope.cancelled_caught)
    if scope.cancelled_caught:
        assert ws.closed.code in (1001, 1006)
        return "cancelled"
    assert ws.closed == rawws.Close(1001, "enough", "local")
    assert peer.close_code == 1001
    return "closed"
