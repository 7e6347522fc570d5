"""The heartbeat: every connection gets its beat, and other tasks their turn."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from rawws.transport.heartbeat import TURN, heartbeat

TICK = 0.5


class Pulse:
    """Stands in for a connection, and notes when its beats came."""

    def __init__(self) -> None:
        self.beats: list[float] = []

    def beat(self, now: float) -> None:
        self.beats.append(now)


async def beat_for(seconds: float, connections: Any) -> None:
    """Let hearts beat, and stop."""
    with trio.move_on_after(seconds):
        await heartbeat(connections, TICK)


async def test_each_connection_gets_a_beat_each_tick(autojump_clock: MockClock) -> None:
    start = trio.current_time()
    pulses = [Pulse(), Pulse()]
    await beat_for(4.1 * TICK, pulses)
    for pulse in pulses:
        assert [now - start for now in pulse.beats] == [TICK, 2 * TICK, 3 * TICK, 4 * TICK]


async def test_connections_come_and_go_while_hearts_beat(autojump_clock: MockClock) -> None:
    first, second = Pulse(), Pulse()

    class Leaving(Pulse):
        def beat(self, now: float) -> None:
            super().beat(now)
            del live[self]
            live[second] = None

    leaving = Leaving()
    live: dict[Pulse, None] = {leaving: None, first: None}
    await beat_for(2.1 * TICK, live)
    assert [len(pulse.beats) for pulse in (leaving, first, second)] == [1, 2, 1]


async def test_no_connections_are_no_trouble(autojump_clock: MockClock) -> None:
    start = trio.current_time()
    await beat_for(10 * TICK, {})
    assert trio.current_time() - start == 10 * TICK


async def test_others_get_their_turn_between_many_connections(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    begun = trio.Event()

    class First(Pulse):
        def beat(self, now: float) -> None:
            super().beat(now)
            begun.set()

    pulses = [First(), *(Pulse() for _ in range(10 * TURN))]
    nursery.start_soon(heartbeat, pulses, TICK)
    await begun.wait()
    turns = 0
    while not pulses[-1].beats:
        await trio.lowlevel.checkpoint()
        turns += 1
    assert 8 <= turns <= 12
    nursery.cancel_scope.cancel()


async def test_a_beat_may_be_the_last_thing_that_is_done(autojump_clock: MockClock) -> None:
    with trio.CancelScope() as scope:

        class Cancelling(Pulse):
            def beat(self, now: float) -> None:
                super().beat(now)
                scope.cancel()

        pulses = [Cancelling()]
        await heartbeat(pulses, TICK)  # type: ignore[arg-type]
    assert scope.cancelled_caught
    assert len(pulses[0].beats) == 1
