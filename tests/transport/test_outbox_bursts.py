"""Bursts: frames that may wait for the next share a system call, and none waits for long."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from rawws.transport.home import open_home
from rawws.transport.outbox import BATCH
from rawws.transport.streams import DirectSocket
from tests.transport.raw import BINARY, HOST, RawPeer, request
from tests.transport.senders import LIMIT, line_up, make_outbox

# -- the outbox


async def test_frames_that_may_wait_go_out_before_and_with_the_next(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, float("inf"))
    outbox.put_soon(b"one")
    outbox.put_soon(b"two")
    assert wire.seals == []
    assert outbox.size == 6
    outbox.put(b"three")
    assert wire.seals == [b"onetwothree"]
    assert outbox.size == 0


async def test_frames_that_nothing_follows_go_out_once_it_is_soon(nursery: trio.Nursery) -> None:
    later: list[Callable[[], None]] = []
    outbox, wire = make_outbox(nursery, float("inf"), soon=later.append)
    outbox.put_soon(b"one")
    outbox.put_soon(b"two")
    assert len(later) == 1
    later.pop()()
    assert wire.seals == [b"onetwo"]
    outbox.put_soon(b"three")
    assert len(later) == 1
    outbox.put(b"four")
    later.pop()()  # nothing is left to do
    assert wire.seals == [b"onetwo", b"threefour"]
    assert outbox.size == 0


async def test_more_than_a_batch_does_not_wait(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, float("inf"), limit=None)
    outbox.put_soon(b"one")
    outbox.put_soon(bytes(BATCH - 3))
    assert wire.seals == []
    outbox.put_soon(b"!")
    assert b"".join(wire.seals) == b"one" + bytes(BATCH - 3) + b"!"


async def test_frames_that_may_wait_stand_in_line_with_a_stuck_stream(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(b"stuck")
    outbox.put_soon(b"one")
    outbox.put(b"two")
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.seals == [b"stuck", b"onetwo"]


async def test_what_the_kernel_does_not_take_of_a_burst_is_drained(nursery: trio.Nursery) -> None:
    later: list[Callable[[], None]] = []
    outbox, wire = make_outbox(nursery, 4, soon=later.append)
    outbox.put_soon(b"one")
    outbox.put_soon(b"two")
    later.pop()()
    assert wire.written == b"<one"
    assert outbox.stuck_since is not None
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.written == b"<onetwo>"
    assert outbox.size == 0


async def test_frames_that_may_wait_never_take_all_the_room(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, float("inf"))
    outbox.put_soon(bytes(LIMIT - 1))
    assert wire.seals == []
    assert outbox.has_room
    outbox.put_soon(b"!")
    assert wire.seals == [bytes(LIMIT - 1) + b"!"]
    assert outbox.size == 0


async def test_who_waits_for_room_has_it_when_the_burst_is_out(nursery: trio.Nursery) -> None:
    later: list[Callable[[], None]] = []
    outbox, wire = make_outbox(nursery, 0, soon=later.append)
    outbox.put(bytes(LIMIT))
    (sender,) = await line_up(nursery, outbox, b"next")
    assert not sender.sent
    outbox.put_soon(b"behind")
    wire.take()
    await wait_all_tasks_blocked()
    assert sender.sent
    assert wire.seals == [bytes(LIMIT), b"behind", b"next"]
    assert later == []


async def test_writing_does_not_end_before_the_burst_is_out(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, float("inf"))
    outbox.put_soon(b"last")
    outbox.end()
    assert wire.seals == [b"last"]
    assert wire.ended == 1


# -- others' turn


async def test_home_calls_soon_and_each_once() -> None:
    calls: list[int] = []
    async with open_home() as home:
        for number in range(3):
            home.soon(partial(calls.append, number))
        assert calls == []
        await wait_all_tasks_blocked()
        assert calls == [0, 1, 2]
        home.soon(lambda: home.soon(partial(calls.append, 4)))
        home.soon(partial(calls.append, 3))
        await wait_all_tasks_blocked()
        assert calls == [0, 1, 2, 3, 4]


# -- the whole


@pytest.mark.parametrize("count", [2, 3, 50])
async def test_burst_is_answered_although_the_handler_goes_on_to_something_else(
    nursery: trio.Nursery, count: int
) -> None:
    async def answer_but_one(ws: rawws.WebSocket) -> None:
        for _ in range(count - 1):  # so that there always is one more to be received
            await ws.send(await ws.receive())
        await trio.sleep_forever()

    server = await nursery.start(partial(rawws.serve, answer_but_one, 0, host=HOST))
    peer = RawPeer(await trio.open_tcp_stream(HOST, server.port), masks=True)
    await peer.send(request() + b"".join(peer.frame(BINARY, b"%d" % n) for n in range(count)))
    await peer.read_head()
    with trio.fail_after(5):
        answers = [await peer.next_frame() for _ in range(count - 1)]
    assert [frame.payload for frame in answers] == [b"%d" % n for n in range(count - 1)]
    await peer.stream.aclose()
    nursery.cancel_scope.cancel()


async def test_answers_to_a_burst_share_system_calls(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    send_nowait = DirectSocket.send_nowait

    def counted(stream: DirectSocket, data: bytes | memoryview) -> int:
        nonlocal calls
        calls += 1
        return send_nowait(stream, data)

    async def echo(ws: rawws.WebSocket) -> None:
        async for message in ws:
            await ws.send(message)

    server = await nursery.start(partial(rawws.serve, echo, 0, host=HOST))
    peer = RawPeer(await trio.open_tcp_stream(HOST, server.port), masks=True)
    await peer.send(request())
    await peer.read_head()
    monkeypatch.setattr(DirectSocket, "send_nowait", counted)
    await peer.send(b"".join(peer.frame(BINARY, b"%d" % n) for n in range(100)))
    for number in range(100):
        assert (await peer.next_frame()).payload == b"%d" % number
    assert calls < 50
    await peer.stream.aclose()
    nursery.cancel_scope.cancel()


async def test_answer_in_a_burst_arrives_though_the_peer_ends_its_stream_behind_it(
    nursery: trio.Nursery,
) -> None:
    async def answer_the_first(ws: rawws.WebSocket) -> None:
        await ws.send(await ws.receive())
        async for _ in ws:
            pass

    server = await nursery.start(partial(rawws.serve, answer_the_first, 0, host=HOST))
    for _ in range(30):  # who runs first is a matter of luck
        stream = await trio.open_tcp_stream(HOST, server.port)
        peer = RawPeer(stream, masks=True)
        await peer.send(request())
        await peer.read_head()
        # In one go, so that the server finds all of it at once.
        os.write(stream.socket.fileno(), peer.frame(BINARY, b"ask") + peer.frame(BINARY, b"note"))
        stream.socket.shutdown(socket.SHUT_WR)
        assert (await peer.next_frame()).payload == b"ask"
        await stream.aclose()
    nursery.cancel_scope.cancel()
