"""One message to many: encoded once, waiting for nobody, between no fragments."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair

import rawws
from rawws import Deflate, Limits
from tests.transport.conftest import OpenPair
from tests.transport.raw import BINARY, CLOSE, TEXT, RawPeer
from tests.transport.support import Parked, Told, Way, begin, in_no_time, open_end, open_raw

TIGHT = Limits(send_buffer=1000)
FILLING = "f" * 2000


class Audience:
    """WebSockets of one server, each with its raw client."""

    def __init__(self, way: Way, server: rawws.Server, handler: Parked) -> None:
        self._way = way
        self._server = server
        self._handler = handler
        self.members: list[rawws.WebSocket] = []
        self.peers: list[RawPeer] = []

    async def join(self) -> tuple[rawws.WebSocket, RawPeer]:
        self.peers.append(await open_raw(self._way, self._server))
        self.members.append(await self._handler.taken())
        return self.members[-1], self.peers[-1]


@pytest.fixture
async def gather(nursery: trio.Nursery) -> AsyncIterator[Any]:
    """Makes an `Audience`."""
    audiences: list[Audience] = []

    async def gather(way: Way, **options: Any) -> Audience:
        handler = Parked()
        server = await way.serve(nursery, handler, **options)
        audiences.append(Audience(way, server, handler))
        return audiences[-1]

    yield gather
    for audience in audiences:
        for peer in audience.peers:
            await trio.aclose_forcefully(peer.stream)


def lockstep() -> Way:
    return Way("foreign", lockstep_stream_pair)


@pytest.mark.parametrize(
    ("value", "text", "opcode", "payload"),
    [
        ("text é", None, TEXT, "text é".encode()),
        (b"\xff", None, BINARY, b"\xff"),
        (bytearray(b"array"), None, BINARY, b"array"),
        (b"text", True, TEXT, b"text"),
        ("text", False, BINARY, b"text"),
    ],
)
async def test_everybody_gets_the_message(
    way: Way, gather: Any, value: Any, text: bool | None, opcode: int, payload: bytes
) -> None:
    audience = await gather(way)
    peers = [(await audience.join())[1] for _ in range(5)]
    rawws.broadcast(audience.members, value, text=text)
    rawws.broadcast(iter(audience.members), b"the end")
    for peer in peers:
        frame = await peer.next_frame()
        assert (frame.first, frame.payload, frame.masked) == (0x80 | opcode, payload, False)
        assert await peer.next_message() == b"the end"


async def test_clients_can_broadcast_too_each_with_a_mask_of_its_own(
    way: Way, nursery: trio.Nursery
) -> None:
    members, peers = [], []
    async with AsyncExitStack() as stack:
        for _ in range(3):
            ws, peer = await stack.enter_async_context(open_end(nursery, Way(way.name), "client"))
            members.append(ws)
            peers.append(peer)
        rawws.broadcast(members, "x" * 64)
        masks = {(await peer.read_bytes(2 + 4 + 64))[2:6] for peer in peers}
    assert len(masks) == 3


@pytest.mark.parametrize(
    ("value", "text", "error"),
    [
        (None, None, rawws.InvalidMessage),
        ("lone \ud800", None, rawws.LocalProtocolError),
        (b"\xff", True, rawws.LocalProtocolError),
    ],
)
async def test_what_cannot_be_sent_is_sent_to_nobody(
    gather: Any, value: Any, text: bool | None, error: type[Exception]
) -> None:
    audience = await gather(Way("foreign"))
    peers = [(await audience.join())[1] for _ in range(2)]
    with pytest.raises(error):
        rawws.broadcast(audience.members, value, text=text)
    rawws.broadcast(audience.members, "good")
    for peer in peers:
        assert await peer.next_message() == "good"


def test_nobody_is_an_audience_too() -> None:
    rawws.broadcast([], "hello?")


async def test_who_is_closed_or_closing_is_passed_over(
    way: Way, gather: Any, nursery: trio.Nursery
) -> None:
    audience = await gather(way)
    left, left_peer = await audience.join()
    leaving, leaving_peer = await audience.join()
    _, peer = await audience.join()
    await left_peer.say_close()
    await left.wait_closed()
    closing = await begin(nursery, leaving.aclose)
    rawws.broadcast(audience.members, "to who is there")
    assert await peer.next_message() == "to who is there"
    assert [frame.opcode for frame in await left_peer.rest()] == [CLOSE]
    await leaving_peer.read_close()
    await leaving_peer.say_close()
    assert await leaving_peer.at_end()
    await leaving_peer.stream.aclose()
    await closing.result()


async def test_who_has_failed_unnoticed_hinders_nobody(
    gather: Any, autojump_clock: MockClock
) -> None:
    audience = await gather(lockstep())
    _, gone = await audience.join()
    _, peer = await audience.join()
    await gone.stream.receive_stream.aclose()
    for text in ("one", "two"):
        rawws.broadcast(audience.members, text)
        assert await peer.next_message() == text


# -- who cannot keep up


async def test_jammed_peer_is_closed_with_1008_and_the_others_wait_for_nothing(
    gather: Any, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    audience = await gather(lockstep(), limits=TIGHT)
    jammed, jammed_peer = await audience.join()
    _, peer = await audience.join()
    receiving = await begin(nursery, jammed.receive)
    with in_no_time():
        for number in range(5):
            rawws.broadcast(audience.members, f"{number}" * 400)
            assert await peer.next_message() == f"{number}" * 400
        with pytest.raises(rawws.ConnectionBroken) as end:
            await receiving.result()
        assert "slow" in str(end.value.__cause__)
        assert end.value.sent is not None
        assert end.value.sent.code == 1008
        # The frame that had begun is whole, those behind it are gone.
        assert await jammed_peer.next_message() == "0" * 400
        assert (await jammed_peer.read_close())[0] == 1008


async def test_jammed_socket_is_closed_with_1008(gather: Any) -> None:
    audience = await gather(Way("plain"), limits=TIGHT)
    jammed, jammed_peer = await audience.join()
    _, peer = await audience.join()
    message, sent = b"x" * 100_000, 0
    with pytest.raises(rawws.ConnectionBroken):
        while True:
            rawws.broadcast(audience.members, message)
            sent += 1
            assert await peer.next_message() == message
            with suppress(trio.WouldBlock):
                jammed.receive_nowait()
    frames, (code, _) = await jammed_peer.read_to_close()
    assert code == 1008
    assert len(frames) < sent
    assert all(frame.payload == message for frame in frames)


# -- and fragments


async def test_message_comes_between_no_fragments(
    way: Way, gather: Any, nursery: trio.Nursery
) -> None:
    audience = await gather(way)
    ws, peer = await audience.join()
    _, other = await audience.join()
    pieces = Told()
    sending = await begin(nursery, ws.send_stream, pieces)
    pieces.give("one ")
    pieces.give("message")
    assert (await peer.next_frame()).payload == b"one "
    rawws.broadcast(audience.members, "first")
    rawws.broadcast(audience.members, "second")
    assert await other.next_message() == "first"
    pieces.end()
    await sending.result()
    while not (frame := await peer.next_frame()).final:
        assert frame.payload == b"message"
    assert frame.opcode == 0
    assert [await peer.next_message() for _ in range(2)] == ["first", "second"]
    await ws.send("third")
    assert await peer.next_message() == "third"


async def test_what_is_put_off_counts_against_the_send_buffer(
    gather: Any, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    audience = await gather(Way("foreign"), limits=TIGHT)
    ws, peer = await audience.join()
    pieces = Told()
    sending = await begin(nursery, ws.send_stream, pieces)
    pieces.give("one ")
    pieces.give("message")
    assert (await peer.next_frame()).payload == b"one "
    with in_no_time():
        rawws.broadcast(audience.members, FILLING)
        assert ws.closed is None
        rawws.broadcast(audience.members, FILLING)
        frames, (code, _) = await peer.read_to_close()
        assert code == 1008
        assert not any(frame.final for frame in frames)
        pieces.end()
        with pytest.raises(rawws.ConnectionBroken):
            await sending.result()


async def test_fragments_that_never_end_take_the_message_with_them(
    gather: Any, nursery: trio.Nursery
) -> None:
    audience = await gather(Way("foreign"))
    ws, peer = await audience.join()
    pieces = Told()
    sending = await begin(nursery, ws.send_stream, pieces)
    pieces.give("one ")
    pieces.give("message")
    assert (await peer.next_frame()).payload == b"one "
    rawws.broadcast(audience.members, "never sent")
    await sending.cancel()
    frames, (code, _) = await peer.read_to_close()
    assert code == 1011
    assert not any(frame.final for frame in frames)
    await peer.say_close(1011)
    await ws.wait_closed()
    assert await peer.at_end()


async def test_compressed_connection_gets_it_plain_and_keeps_its_context(
    pair: OpenPair,
) -> None:
    options = {"compression": Deflate(threshold=0)}
    async with pair(server=options, client=options) as (near, far):
        for ws, other in ((far, near), (near, far)):
            await ws.send("compressed " * 10)
            rawws.broadcast([ws], "plain " * 10)
            await ws.send("compressed " * 10)
            received = [await other.receive() for _ in range(3)]
            assert received == ["compressed " * 10, "plain " * 10, "compressed " * 10]
