"""The outbox while it is reserved for a message in fragments, and whatever may come together."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from rawws.transport.outbox import Outbox
from tests.transport.raw import PATIENCE
from tests.transport.senders import LIMIT, Sender, line_up, make_outbox
from tests.transport.wires import ScriptedStream


async def test_other_messages_wait_for_release_and_control_frames_do_not(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 1000)
    outbox.reserve()
    outbox.put(b"part")
    assert not outbox.has_room
    (sender,) = await line_up(nursery, outbox, b"sent")
    outbox.put_message(b"posted")
    outbox.put(b"ping")
    outbox.put_message(b"posted too")
    outbox.put(b"end")
    assert wire.written == b"<part><ping><end>"
    assert outbox.size == len(b"posted") + len(b"posted too")
    outbox.release(keep=True)
    await wait_all_tasks_blocked()
    assert sender.sent
    assert wire.seals[3:] == [b"posted", b"posted too", b"sent"]
    assert outbox.size == 0
    assert outbox.has_room
    outbox.reserve()
    outbox.release(keep=True)
    assert len(wire.seals) == 6


async def test_who_leaves_the_line_makes_no_room_before_release(nursery: trio.Nursery) -> None:
    outbox, _ = make_outbox(nursery, 1000)
    outbox.reserve()
    (sender,) = await line_up(nursery, outbox, b"sent")
    sender.scope.cancel()
    await wait_all_tasks_blocked()
    assert not outbox.has_room
    outbox.release(keep=True)
    assert outbox.has_room


async def test_message_that_is_posted_goes_at_once_when_nobody_reserved(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 1000)
    outbox.put_message(b"posted")
    outbox.reserve()
    outbox.release(keep=True)
    outbox.put_message(b"posted too")
    assert wire.written == b"<posted><posted too>"


async def test_what_was_posted_meanwhile_is_dropped_when_it_may_not_be_sent_any_more(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 1000)
    outbox.reserve()
    outbox.put_message(b"posted")
    outbox.put(b"close")
    outbox.release(keep=False)
    assert wire.written == b"<close>"
    assert outbox.size == 0


async def test_release_lets_the_next_in_line_reserve(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 1000)

    async def send_parts(name: bytes) -> None:
        if not outbox.has_room:
            await outbox.wait_room()
        outbox.reserve()
        for number in range(3):
            outbox.put(b"%b%d" % (name, number))
            await trio.lowlevel.checkpoint()
        outbox.release(keep=True)

    for name in (b"a", b"b", b"c"):
        nursery.start_soon(send_parts, name)
    await wait_all_tasks_blocked()
    sent = [sealed.decode() for sealed in wire.seals]
    assert len(sent) == 9
    assert [name[0] for name in sent] == [name[0] for name in sent[::3] for _ in range(3)]
    assert outbox.has_room


async def test_who_reserved_waits_for_space(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.reserve()
    went_on = trio.Event()

    async def send_parts() -> None:
        for _ in range(3):
            await outbox.wait_space()
            outbox.put(bytes(LIMIT))
        went_on.set()

    nursery.start_soon(send_parts)
    for parts in (1, 2, 3):
        await wait_all_tasks_blocked()
        assert (len(wire.seals), went_on.is_set()) == (parts, parts == 3)
        assert outbox.size == LIMIT + 2
        wire.take(2)
        await wait_all_tasks_blocked()
        assert outbox.size == LIMIT
        wire.take(LIMIT)
    await wait_all_tasks_blocked()
    assert outbox.size == 0


async def test_who_reserved_does_not_wait_for_what_waits_for_release(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 1000)
    outbox.reserve()
    outbox.put(b"part")
    outbox.put_message(bytes(LIMIT))
    with trio.fail_after(PATIENCE):
        await outbox.wait_space()
    outbox.put(b"end")
    outbox.release(keep=True)
    assert wire.seals == [b"part", b"end", bytes(LIMIT)]


async def test_who_reserved_goes_on_when_only_what_waits_for_release_is_left(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.reserve()
    outbox.put(b"part")
    outbox.put_message(bytes(LIMIT))

    async def finish() -> None:
        await outbox.wait_space()
        outbox.put(b"end")
        outbox.release(keep=True)

    nursery.start_soon(finish)
    await wait_all_tasks_blocked()
    assert wire.seals == [b"part"]
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.seals == [b"part", b"end", bytes(LIMIT)]


async def test_wait_for_space_can_be_cancelled_and_tried_again(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.reserve()
    outbox.put(bytes(LIMIT))
    with trio.CancelScope() as scope:
        scope.cancel()
        await outbox.wait_space()
    assert scope.cancelled_caught
    wire.take(2)
    (sender,) = await line_up(nursery, outbox, b"next")
    wire.take(1)
    with trio.fail_after(PATIENCE):
        await outbox.wait_space()
    outbox.release(keep=True)
    await wait_all_tasks_blocked()
    assert sender.sent


async def test_refusal_ends_the_wait_for_space_and_drops_nothing(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.reserve()
    outbox.put(bytes(LIMIT))
    went_on = trio.Event()

    async def wait() -> None:
        await outbox.wait_space()
        await outbox.wait_space()
        went_on.set()

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    outbox.put(b"close")
    outbox.refuse()
    await went_on.wait()
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.seals == [bytes(LIMIT), b"close"]


async def test_failure_ends_the_wait_for_space_and_drops_what_waits_for_release(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.reserve()
    outbox.put(bytes(LIMIT))
    outbox.put_message(b"posted")
    went_on = trio.Event()

    async def wait() -> None:
        await outbox.wait_space()
        went_on.set()

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    wire.fail(trio.BrokenResourceError())
    await went_on.wait()
    outbox.put_message(b"late")
    outbox.release(keep=True)
    assert outbox.size == 0
    assert wire.seals == [bytes(LIMIT)]


async def test_size_is_right_when_the_stream_breaks_in_the_midst_of_release(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 1000)
    outbox.reserve()
    for _ in range(3):
        outbox.put_message(b"posted")
    wire.fail(trio.BrokenResourceError())
    outbox.release(keep=True)
    assert outbox.size == 0


async def test_drop_waiting_drops_what_waits_for_release(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 1000)
    outbox.reserve()
    outbox.put_message(b"posted")
    outbox.drop_waiting()
    assert outbox.size == 0
    outbox.release(keep=True)
    assert not wire.seals


# -- whatever comes together


@dataclass
class Busy:
    """An outbox, what was done to it, and what has to come of that."""

    nursery: trio.Nursery
    outbox: Outbox
    wire: ScriptedStream
    senders: list[Sender] = field(default_factory=list)  # in the order they came
    largest: int = 0
    pings: int = 0

    async def send(self, size: int) -> None:
        self.largest = max(self.largest, size)
        sender = Sender(self.outbox, b"%04d" % len(self.senders) + b"." * (size - 4))
        started = len(self.senders)

        async def send() -> None:
            self.senders.append(sender)
            await sender()

        self.nursery.start_soon(send)
        while len(self.senders) == started:
            await trio.lowlevel.checkpoint()

    async def ping(self, _: int) -> None:
        self.pings += 1
        self.outbox.put(b"ping")

    async def cancel(self, number: int) -> None:
        if self.senders:
            self.senders[-number % len(self.senders)].scope.cancel()

    async def take(self, count: int) -> None:
        self.wire.take(count)

    async def settle(self, _: int) -> None:
        await wait_all_tasks_blocked()

    async def wait(self, turns: int) -> None:
        for _ in range(turns % 3):
            await trio.lowlevel.checkpoint()


STEPS = st.tuples(
    st.sampled_from(["send", "send", "ping", "cancel", "take", "take", "settle", "wait"]),
    st.integers(4, 2 * LIMIT),
)


@given(steps=st.lists(STEPS, max_size=40), step=st.integers(1, 300))
def test_whatever_is_sent_and_cancelled_all_else_leaves_whole_in_order_and_bounded(
    steps: list[tuple[str, int]], step: int
) -> None:
    async def run() -> None:
        async with trio.open_nursery() as nursery:
            busy = Busy(nursery, *make_outbox(nursery, 0, step=step))
            outbox, wire = busy.outbox, busy.wire
            for name, number in steps:
                await getattr(busy, name)(number)
                assert outbox.size < LIMIT + busy.largest + 4 * busy.pings + 2
            wire.take()
            await wait_all_tasks_blocked()
            assert outbox.size == 0
            assert outbox.has_room
            assert wire.written == b"".join(b"<%b>" % sealed for sealed in wire.seals)
            sent = [sender.message for sender in busy.senders if sender.sent]
            assert b"".join(wire.seals).replace(b"ping", b"") == b"".join(sent)
            assert all(sender.sent or sender.scope.cancel_called for sender in busy.senders)

    trio.run(run)


@pytest.mark.parametrize("keep", [True, False])
async def test_reserving_without_parts_changes_nothing(nursery: trio.Nursery, keep: bool) -> None:
    outbox, wire = make_outbox(nursery, 1000)
    outbox.reserve()
    outbox.release(keep=keep)
    assert outbox.has_room
    assert not wire.seals
