"""A handler that waits for nothing: the heartbeat reads for it, and knows when to stop."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair, wait_all_tasks_blocked

import rawws
from rawws import Limits, Timeouts
from tests.transport.conftest import OpenEnd
from tests.transport.raw import CLOSE, PING, PONG, TEXT, Frame, RawPeer, close_payload, frame
from tests.transport.support import Way, begin, open_end

TICK = 0.5
SMALL = Limits(receive_buffer=10_000)
CHUNK = 65536  # bytes of one read
IMPATIENT = Timeouts(ping_interval=1, ping=1, write=3600)

both_roles = pytest.mark.parametrize("role", ["client", "server"])


class Flood:
    """Numbered messages from a peer that also answers pings, as fast as they are taken."""

    def __init__(self, peer: RawPeer, size: int = 1000) -> None:
        self._peer = peer
        self._size = size
        self._answering = trio.Lock()
        self.sent = 0

    def message(self, number: int) -> str:
        return f"{number}".ljust(self._size)

    async def send(self, count: int) -> None:
        for number in range(count):
            async with self._answering:
                await self._peer.send(self._peer.frame(TEXT, self.message(number).encode()))
            self.sent += 1

    async def answer(self) -> None:
        while True:
            asked: Frame = await self._peer.next_frame()
            if asked.opcode == PING:
                async with self._answering:
                    await self._peer.send(self._peer.frame(PONG, asked.payload))


@both_roles
async def test_pings_are_answered_within_a_tick(
    memory: OpenEnd, autojump_clock: MockClock, role: str
) -> None:
    async with memory(role) as (_, peer):
        for number in range(5):
            start = trio.current_time()
            await peer.send(peer.frame(PING, b"%d" % number))
            answer = await peer.next_frame()
            assert (answer.opcode, answer.payload) == (PONG, b"%d" % number)
            assert trio.current_time() - start <= TICK


@both_roles
async def test_close_is_answered_within_a_tick_and_then_the_stream_ended(
    memory: OpenEnd, autojump_clock: MockClock, role: str
) -> None:
    async with memory(role) as (ws, peer):
        start = trio.current_time()
        close = peer.frame(CLOSE, close_payload(1001))
        await peer.send(peer.frame(TEXT, b"not received yet"), close)
        assert await peer.read_close() == (1001, "")
        assert await peer.at_end()
        assert trio.current_time() - start <= TICK
        assert ws.closed == rawws.Close(1001, "", "remote")
        assert await ws.receive() == "not received yet"


@both_roles
async def test_loss_is_noticed_within_a_tick(
    memory: OpenEnd, autojump_clock: MockClock, role: str
) -> None:
    async with memory(role) as (ws, peer):
        await peer.stream.aclose()
        await trio.sleep(1.5 * TICK)
        assert ws.closed is not None
        assert ws.closed.code == 1006


async def test_shorter_timeouts_make_shorter_ticks(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("server", timeouts=Timeouts(ping=0.8)) as (_, peer):
        start = trio.current_time()
        await peer.send(peer.frame(PING))
        await peer.next_frame()
        assert trio.current_time() - start == pytest.approx(0.1)


async def test_buffer_fills_and_then_nothing_more_is_read(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    way = Way("foreign", lockstep_stream_pair)
    async with open_end(nursery, way, "server", limits=SMALL) as (ws, peer):
        flood = Flood(peer)
        sending = await begin(nursery, flood.send, 1000)
        await trio.sleep(20)
        assert not sending.done
        taken = flood.sent
        # What is buffered, what one read may be more, and what is read ahead of that.
        assert 9 <= taken * 1000 <= 10_000 + 2 * CHUNK
        await trio.sleep(9)
        assert flood.sent == taken
        for number in range(1000):
            assert await ws.receive() == flood.message(number)
        await sending.result()


async def test_connection_is_not_failed_for_pongs_that_nobody_could_read(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    way = Way("foreign", lockstep_stream_pair)
    options = {"limits": SMALL, "timeouts": IMPATIENT}
    async with open_end(nursery, way, "server", **options) as (ws, peer):
        flood = Flood(peer)
        sending = await begin(nursery, flood.send, 1000)
        answering = await begin(nursery, flood.answer)
        await trio.sleep(20)  # twenty times as long as a pong may take
        assert not sending.done
        assert ws.closed is None
        for number in range(1000):
            assert await ws.receive() == flood.message(number)
        await sending.result()
        await trio.sleep(5)
        assert ws.closed is None  # pongs are seen again
        await ws.send("still here")
        await answering.cancel()


async def test_pong_gets_the_whole_time_again_once_it_could_be_read(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    way = Way("foreign", lockstep_stream_pair)
    timeouts = Timeouts(ping_interval=None, ping=2)
    async with open_end(nursery, way, "server", limits=SMALL, timeouts=timeouts) as (ws, peer):
        pinging = await begin(nursery, ws.ping)
        await peer.next_frame()
        sending = await begin(nursery, Flood(peer).send, 300)
        await trio.sleep(10)
        assert ws.closed is None
        for _ in range(300):
            await ws.receive()
        await sending.result()
        start = trio.current_time()
        with pytest.raises(rawws.ConnectionBroken) as end:
            await pinging.result()
        assert isinstance(end.value.__cause__, trio.TooSlowError)
        assert trio.current_time() - start == pytest.approx(2, abs=TICK)


async def test_close_behind_a_full_buffer_is_seen_once_there_is_room(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("server", limits=SMALL) as (ws, peer):
        await peer.say(*["x" * 1000] * 100)
        await peer.say_close(1001)
        await trio.sleep(20)
        assert ws.closed is None
        assert [len(message) async for message in ws] == [1000] * 100
        assert ws.closed == rawws.Close(1001, "", "remote")


@pytest.mark.parametrize(
    ("text", "waiting"),
    [("x", 100), ("x" * 100, 50), ("\U0001f600" * 100, 20)],
    ids=["small", "narrow", "wide"],
)
async def test_messages_count_at_what_they_take_in_memory(
    nursery: trio.Nursery, autojump_clock: MockClock, text: str, waiting: int
) -> None:
    way = Way("foreign", lockstep_stream_pair)
    options = {"limits": SMALL, "timeouts": Timeouts(close=0.8)}  # ten ticks a second
    async with open_end(nursery, way, "server", **options) as (_, peer):
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await peer.say(text)
                sent += 1

        await begin(nursery, send)
        await trio.sleep(25)
        assert waiting <= sent <= waiting + 3  # in the reader's hands, and the stream's
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", ["plain", "tls"])
@both_roles
async def test_tcp_pushes_back_and_nothing_is_lost(
    nursery: trio.Nursery, name: str, role: str
) -> None:
    limits = Limits(receive_buffer=100_000)
    async with open_end(nursery, Way(name), role, limits=limits) as (ws, peer):
        flood = Flood(peer, size=60_000)
        sending = await begin(nursery, flood.send, 400)
        await wait_all_tasks_blocked(0.05)
        assert not sending.done
        assert ws.closed is None
        for number in range(400):
            assert await ws.receive() == flood.message(number)
        await sending.result()


@pytest.mark.parametrize("name", ["plain", "tls"])
async def test_jammed_both_ways_goes_on_when_both_read(nursery: trio.Nursery, name: str) -> None:
    limits = Limits(receive_buffer=100_000, send_buffer=100_000)
    async with open_end(nursery, Way(name), "server", limits=limits) as (ws, peer):

        async def send() -> None:
            for number in range(200):
                await ws.send(f"{number}".ljust(60_000))

        flood = Flood(peer, size=60_000)
        calls = [await begin(nursery, send), await begin(nursery, flood.send, 200)]
        await wait_all_tasks_blocked(0.05)
        assert not any(call.done for call in calls)
        for number in range(200):
            assert await ws.receive() == flood.message(number)
            assert await peer.next_message() == f"{number}".ljust(60_000)
        for call in calls:
            await call.result()


async def test_frame_that_only_a_reader_could_finish_is_finished(
    memory: OpenEnd, autojump_clock: MockClock
) -> None:
    async with memory("client", limits=Limits(receive_buffer=1)) as (ws, peer):
        ping = frame(PING, b"x" * 125)
        for cut in range(0, len(ping), 10):
            await peer.send(ping[cut : cut + 10])
            await trio.sleep(TICK)
        assert (await peer.next_frame()).payload == b"x" * 125
        await peer.send(frame(CLOSE))
        assert await peer.read_close() == (1005, "")
        assert ws.closed is not None
