"""How connections end, and what each end means to who waits, and to who comes later."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import rawws
from rawws import Close, Limits, Timeouts
from tests.transport.conftest import OpenEnd
from tests.transport.raw import BINARY, CLOSE, PING, PONG, TEXT, RawPeer, close_of, frame
from tests.transport.support import Way, begin, open_end

both_roles = pytest.mark.parametrize("role", ["client", "server"])


@pytest.mark.parametrize("code", [1000, 1001, 1005])
async def test_good_close_of_the_peer_ends_receiving(one_end: OpenEnd, code: int) -> None:
    async with one_end() as (ws, peer):
        await peer.say("one", "two")
        if code == 1005:
            await peer.send(peer.frame(CLOSE))
        else:
            await peer.say_close(code, "bye")
        reason = "" if code == 1005 else "bye"
        assert await ws.receive() == "one"
        assert await ws.receive() == "two"
        with pytest.raises(rawws.ConnectionEnded) as end:
            await ws.receive()
        assert end.value.received == Close(code, reason, "remote")
        assert end.value.sent == Close(code, "", "local")
        assert end.value.__cause__ is None
        assert ws.closed == Close(code, reason, "remote")


@pytest.mark.parametrize("code", [1002, 1008, 1011, 1012, 3000, 4999])
async def test_other_close_of_the_peer_breaks_receiving(one_end: OpenEnd, code: int) -> None:
    async with one_end() as (ws, peer):
        await peer.say("one")
        await peer.say_close(code, "enough")
        assert await ws.receive() == "one"
        with pytest.raises(rawws.ConnectionBroken, match=f"the peer with {code} .enough.") as end:
            await ws.receive()
        assert end.value.received == Close(code, "enough", "remote")
        assert ws.closed == end.value.received


async def test_close_is_answered_and_then_the_stream_ends(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say_close(4321, "why not")
        with pytest.raises(rawws.ConnectionBroken):
            await ws.receive()
        assert await peer.read_close() == (4321, "")
        assert await peer.at_end()


async def test_end_stays_the_end_however_often_it_is_asked_for(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say_close()
        assert (await ws.wait_closed()).code == 1000
        for _ in range(2):
            with pytest.raises(rawws.ConnectionEnded):
                await ws.receive()
            with pytest.raises(rawws.ConnectionEnded):
                ws.receive_nowait()
            with pytest.raises(rawws.ConnectionBroken):
                await ws.ping()
            with pytest.raises(rawws.ConnectionBroken):
                await ws.send("late")
            assert (await ws.wait_closed()).code == 1000


@both_roles
async def test_good_end_is_not_spoilt_by_a_peer_that_does_not_leave(
    memory: OpenEnd, autojump_clock: MockClock, role: str
) -> None:
    async with memory(role, timeouts=Timeouts(close=3)) as (ws, peer):
        await peer.say("read this later")
        await peer.say_close()
        await trio.sleep(5)  # the stream is closed by now
        assert (await peer.read_close())[0] == 1000
        assert await peer.at_end()
        assert await ws.receive() == "read this later"
        with pytest.raises(rawws.ConnectionEnded):
            await ws.receive()


async def test_stream_that_ends_without_a_close_is_a_loss(one_end: OpenEnd) -> None:
    async with one_end() as (ws, peer):
        await peer.say("one")
        await peer.send(peer.frame(TEXT, b"half a message")[:9])
        await peer.stream.aclose()
        assert await ws.receive() == "one"
        with pytest.raises(rawws.ConnectionBroken) as end:
            await ws.receive()
        assert (end.value.received, end.value.sent) == (None, None)
        assert ws.closed is not None
        assert (ws.closed.code, ws.closed.by) == (1006, "remote")


def reset(peer: RawPeer) -> None:
    """Have the kernel break a TCP connection off."""
    sock = peer.stream.socket
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@both_roles
async def test_reset_is_a_loss_and_its_cause_is_told(nursery: trio.Nursery, role: str) -> None:
    async with open_end(nursery, Way("plain"), role) as (ws, peer):
        receiving = await begin(nursery, ws.receive)
        pinging = await begin(nursery, ws.ping)
        waiting = await begin(nursery, ws.wait_closed)
        reset(peer)
        for call in (receiving, pinging):
            with pytest.raises(rawws.ConnectionBroken) as end:
                await call.result()
            assert isinstance(end.value.__cause__, trio.BrokenResourceError)
        assert (await waiting.result()).code == 1006
        with pytest.raises(rawws.ConnectionBroken):
            await ws.send("anyone?")


@both_roles
async def test_send_that_finds_the_connection_reset_says_so(
    nursery: trio.Nursery, role: str
) -> None:
    async with open_end(nursery, Way("plain"), role) as (ws, peer):
        reset(peer)
        for send in (ws.send_nowait, ws.send_nowait):
            with pytest.raises(rawws.ConnectionBroken) as end:
                send("x")
            assert isinstance(end.value.__cause__, trio.BrokenResourceError)
        for send in (lambda: ws.send("x"), lambda: ws.send_stream("x" for _ in range(3))):
            with pytest.raises(rawws.ConnectionBroken):
                await send()
        assert (await ws.wait_closed()).code == 1006


async def test_wait_that_the_system_refuses_is_a_loss(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: object) -> None:
        raise OSError("no more descriptors to be waited for")

    async with open_end(nursery, Way("plain"), "client") as (ws, _):
        with monkeypatch.context() as patch, pytest.raises(rawws.ConnectionBroken) as end:
            patch.setattr(trio.lowlevel, "wait_readable", refuse)
            await ws.receive()
        assert "no more descriptors" in str(end.value.__cause__)


VIOLATIONS: dict[str, tuple[int, Any]] = {
    "frame masked for the wrong role": (1002, lambda peer: frame(TEXT, masked=not peer.masks)),
    "reserved bit": (1002, lambda peer: peer.frame(0x40 | TEXT)),
    "reserved opcode": (1002, lambda peer: peer.frame(3)),
    "fragmented ping": (1002, lambda peer: peer.frame(PING, fin=False)),
    "continuation of nothing": (1002, lambda peer: peer.frame(0, b"x")),
    "close with half a code": (1002, lambda peer: peer.frame(CLOSE, b"\x03")),
    "close with a reserved code": (1002, lambda peer: peer.frame(CLOSE, b"\x03\xed")),
    "text that is not UTF-8": (1007, lambda peer: peer.frame(TEXT, b"\xff")),
    "close reason that is not UTF-8": (1007, lambda peer: peer.frame(CLOSE, b"\x03\xe8\xff")),
    "message over the limit": (1009, lambda peer: peer.frame(BINARY, bytes(1001))),
    "fragments over the limit": (
        1008,
        lambda peer: peer.frame(TEXT, fin=False) + peer.frame(0, fin=False) * 10,
    ),
}


@pytest.mark.parametrize("violation", VIOLATIONS)
async def test_violation_gets_one_close_and_breaks_the_connection(
    one_end: OpenEnd, violation: str
) -> None:
    code, make = VIOLATIONS[violation]
    async with one_end(limits=Limits(max_message_size=1000, max_fragments=10)) as (ws, peer):
        await peer.say("good")
        await peer.send(make(peer), peer.frame(TEXT, b"behind it"), make(peer))
        assert await ws.receive() == "good"
        with pytest.raises(rawws.ConnectionBroken) as end:
            await ws.receive()
        cause = end.value.__cause__
        assert isinstance(cause, rawws.RemoteProtocolError)
        assert cause.code == code
        assert end.value.received is None
        assert ws.closed == end.value.sent
        (last,) = await peer.rest()
        assert close_of(last) == (code, ws.closed.reason)


async def test_message_too_big_is_the_cause_of_the_end(one_end: OpenEnd) -> None:
    async with one_end(limits=Limits(max_message_size=1000)) as (ws, peer):
        await peer.send(peer.frame(BINARY, bytes(1001)))
        with pytest.raises(rawws.ConnectionBroken) as end:
            await ws.receive()
        cause = end.value.__cause__
        assert isinstance(cause, rawws.MessageTooBig)
        assert (cause.size, cause.limit) == (1001, 1000)


async def test_flood_after_a_violation_is_dropped_and_the_close_arrives(
    one_end: OpenEnd, nursery: trio.Nursery
) -> None:
    async with one_end() as (ws, peer):
        await peer.send(peer.frame(3))
        with pytest.raises(rawws.ConnectionBroken):
            await ws.receive()
        closing = await begin(nursery, ws.aclose)
        for _ in range(40):
            await peer.send(bytes(50_000))
        assert (await peer.read_close())[0] == 1002
        assert await peer.at_end()
        await peer.stream.aclose()
        await closing.result()


async def test_violation_while_nobody_waits_is_answered_too(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("server") as (ws, peer):
        await peer.send(peer.frame(3))
        assert (await peer.read_close())[0] == 1002
        assert ws.closed is not None


async def test_all_who_wait_see_the_violation(one_end: OpenEnd, nursery: trio.Nursery) -> None:
    async with one_end() as (ws, peer):
        calls = [await begin(nursery, call) for call in (ws.ping, ws.receive)]
        await peer.send(peer.frame(PONG, bytes(10)), peer.frame(3))
        for call in calls:
            with pytest.raises(rawws.ConnectionBroken) as end:
                await call.result()
            assert isinstance(end.value.__cause__, rawws.RemoteProtocolError)
