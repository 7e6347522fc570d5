"""The outbox: frames leave whole and in order, bounded, and senders first come, first served."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rawws.transport.outbox import BATCH, Outbox
from tests.transport.senders import LIMIT, Sender, line_up, make_outbox, not_yet
from tests.transport.wires import ScriptedStream

# -- in order, whole


async def test_frame_is_written_at_once_and_by_no_task_when_nothing_waits() -> None:
    def no_task(async_fn: object) -> None:
        raise AssertionError("a task was started")

    wire = ScriptedStream()
    outbox = Outbox(wire, LIMIT, no_task, not_yet)
    outbox.put(b"one")
    outbox.put(b"two" * LIMIT)
    assert wire.written == b"<one><%b>" % (b"two" * LIMIT)
    assert outbox.size == 0
    assert outbox.stuck_since is None


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
async def test_what_is_not_taken_at_once_follows_in_order_and_whole(
    nursery: trio.Nursery, step: int
) -> None:
    outbox, wire = make_outbox(nursery, 4, limit=None, step=step)
    frames = [b"%d" % number * number for number in range(1, 30)]
    for frame in frames[:20]:
        outbox.put(frame)
    await wait_all_tasks_blocked()
    assert wire.written == b"<1><"[: len(wire.written)]
    for frame in frames[20:]:
        outbox.put(frame)
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.written.replace(b"><", b"").strip(b"<>") == b"".join(frames)
    assert b"".join(wire.seals) == b"".join(frames)
    assert wire.written == b"".join(b"<%b>" % sealed for sealed in wire.seals)
    assert outbox.size == 0


async def test_frames_that_wait_are_written_in_batches(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0, limit=None)
    outbox.put(b"first")
    frame = bytes(BATCH // 4)
    for _ in range(10):
        outbox.put(frame)
    wire.take()
    await wait_all_tasks_blocked()
    assert [len(sealed) for sealed in wire.seals] == [5, BATCH, BATCH, BATCH // 2]


async def test_frame_is_not_sealed_before_its_turn(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(b"one")
    outbox.put(b"two")
    await wait_all_tasks_blocked()
    assert wire.seals == [b"one"]
    wire.take(4)
    await wait_all_tasks_blocked()
    assert wire.seals == [b"one"]
    wire.take(1)
    await wait_all_tasks_blocked()
    assert wire.seals == [b"one", b"two"]


async def test_drain_task_is_gone_when_all_is_written_and_comes_again() -> None:
    wire = ScriptedStream(room=0)
    for message in (b"one", b"two"):
        async with trio.open_nursery() as nursery:
            outbox = Outbox(wire, LIMIT, nursery.start_soon, not_yet)
            outbox.put(message)
            wire.take(5)
    assert wire.written == b"<one><two>"


async def test_what_is_urgent_goes_ahead_of_what_is_queued_but_not_within_a_frame(
    nursery: trio.Nursery,
) -> None:
    pongs: list[bytes] = []

    def urgent() -> bytes:
        return pongs.pop() if pongs else b""

    wire = ScriptedStream(room=0)
    outbox = Outbox(wire, LIMIT, nursery.start_soon, not_yet, urgent)
    outbox.put(b"one")
    outbox.put(b"two")
    pongs.append(b"pong")
    await wait_all_tasks_blocked()
    assert wire.seals == [b"one"]
    wire.take(5)
    await wait_all_tasks_blocked()
    assert wire.seals == [b"one", b"pongtwo"]
    assert outbox.size == len(b"<pongtwo>")
    pongs.append(b"pong")
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.written == b"<one><pongtwo><pong>"
    assert outbox.size == 0
    assert outbox.stuck_since is None


# -- bounded


async def test_size_is_what_waits_to_be_written(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 2)
    outbox.put(b"one")
    assert outbox.size == 3  # of <one>
    outbox.put(b"three")
    assert outbox.size == 8
    wire.take(4)
    await wait_all_tasks_blocked()
    assert outbox.size == 6  # of <three>
    wire.take()
    await wait_all_tasks_blocked()
    assert outbox.size == 0


async def test_there_is_room_while_less_than_the_limit_waits(nursery: trio.Nursery) -> None:
    outbox, _ = make_outbox(nursery, 0)
    assert outbox.has_room
    outbox.put(bytes(LIMIT - 3))
    assert outbox.size == LIMIT - 1
    assert outbox.has_room
    assert outbox.has_space
    outbox.put(b"x")
    assert not outbox.has_room
    assert not outbox.has_space


async def test_empty_outbox_takes_a_message_of_any_size(nursery: trio.Nursery) -> None:
    outbox, _ = make_outbox(nursery, 0)
    assert outbox.has_room
    outbox.put(bytes(100 * LIMIT))
    assert outbox.size == 100 * LIMIT + 2
    assert not outbox.has_room


async def test_without_a_limit_there_is_always_room(nursery: trio.Nursery) -> None:
    outbox, _ = make_outbox(nursery, 0, limit=None)
    outbox.put(bytes(1_000_000))
    assert outbox.has_room
    assert outbox.has_space


# -- first come, first served


async def test_senders_get_room_in_the_order_they_came(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))
    messages = [b"%d" % number * LIMIT for number in range(5)]
    senders = await line_up(nursery, outbox, *messages)
    for done in range(6):
        assert [sender.sent for sender in senders] == [True] * done + [False] * (5 - done)
        wire.take(LIMIT + 2)
        await wait_all_tasks_blocked()
    assert wire.seals[1:] == messages


async def test_one_at_a_time_is_let_in_and_never_more_than_one_message_over_the_limit(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))
    await line_up(nursery, outbox, *[bytes(LIMIT - 10)] * 10)
    while outbox.size:
        wire.take(7)
        await wait_all_tasks_blocked()
        assert outbox.size < LIMIT + LIMIT
    assert sum(map(len, wire.seals)) == LIMIT + 10 * (LIMIT - 10)


async def test_small_messages_are_let_in_until_the_limit_is_reached(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))
    senders = await line_up(nursery, outbox, *[bytes(20)] * 10)
    wire.take(LIMIT + 2)
    await wait_all_tasks_blocked()
    assert sum(sender.sent for sender in senders) == 5
    assert LIMIT <= outbox.size < LIMIT + 20


async def test_room_that_was_handed_over_is_nobody_elses(nursery: trio.Nursery) -> None:
    outbox, _ = make_outbox(nursery, 0)
    outbox.put(b"begun")
    outbox.put(bytes(LIMIT))
    (sender,) = await line_up(nursery, outbox, b"waits")
    outbox.drop_waiting()
    outbox.put(b"ping")
    assert outbox.has_space
    assert not outbox.has_room  # the one in line, who has not run yet, has it
    await wait_all_tasks_blocked()
    assert sender.sent
    assert outbox.has_room


async def test_who_comes_while_others_wait_has_no_room_though_there_is_space(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(b"begun")
    outbox.put(bytes(LIMIT))
    (sender,) = await line_up(nursery, outbox, b"waits")
    outbox.drop_waiting()
    assert outbox.has_space
    assert not outbox.has_room
    wire.take()
    await wait_all_tasks_blocked()
    assert sender.sent


async def test_who_leaves_the_line_makes_no_room_for_others_than_those_in_it(
    nursery: trio.Nursery,
) -> None:
    outbox, _ = make_outbox(nursery, 0)
    outbox.put(b"begun")
    outbox.put(bytes(LIMIT))
    one, _two = await line_up(nursery, outbox, b"one", b"two")
    outbox.drop_waiting()
    one.scope.cancel()
    await wait_all_tasks_blocked()
    assert outbox.has_space
    assert not outbox.has_room


async def test_who_leaves_the_line_makes_no_room_of_what_was_handed_to_another(
    nursery: trio.Nursery,
) -> None:
    for _ in range(20):  # which of the two tasks runs first is up to chance
        outbox, _wire = make_outbox(nursery, 0)
        outbox.put(b"begun")
        outbox.put(bytes(LIMIT))
        (first,) = await line_up(nursery, outbox, b"first")

        async def leave(outbox: Outbox = outbox, first: Sender = first) -> None:
            try:
                await outbox.wait_room()
            finally:
                assert outbox.has_room is first.sent

        with trio.CancelScope() as scope:
            async with trio.open_nursery() as leaving:
                leaving.start_soon(leave)
                await wait_all_tasks_blocked()
                outbox.drop_waiting()
                outbox.put(b"ping")  # and the room is the first one's
                scope.cancel()
        await wait_all_tasks_blocked()
        assert first.sent


async def test_who_is_cancelled_in_line_gives_up_the_place(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))
    one, two, three = await line_up(nursery, outbox, b"one", b"two", b"three")
    one.scope.cancel()
    three.scope.cancel()
    await wait_all_tasks_blocked()
    wire.take()
    await wait_all_tasks_blocked()
    assert [one.sent, two.sent, three.sent] == [False, True, False]
    assert wire.seals[1:] == [b"two"]
    assert outbox.has_room


@pytest.mark.parametrize("delay", range(4))
async def test_who_is_cancelled_as_room_comes_does_not_keep_it(
    nursery: trio.Nursery, delay: int
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))
    senders = await line_up(nursery, outbox, b"one", b"two")
    wire.take()
    for _ in range(delay):
        await trio.lowlevel.checkpoint()
    senders[0].scope.cancel()
    await wait_all_tasks_blocked()
    assert senders[1].sent
    assert wire.seals[1:] == [b"one"] * senders[0].sent + [b"two"]
    assert outbox.has_room


async def test_who_sends_nothing_after_all_passes_the_room_on(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))

    async def change_its_mind() -> None:
        await outbox.wait_room()
        outbox.pass_on()

    nursery.start_soon(change_its_mind)
    await wait_all_tasks_blocked()
    (sender,) = await line_up(nursery, outbox, b"next")
    wire.take()
    await wait_all_tasks_blocked()
    assert sender.sent


async def test_control_frames_do_not_wait_and_hand_no_room_over_twice(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))
    senders = await line_up(nursery, outbox, b"one" * LIMIT, b"two" * LIMIT)
    outbox.put(b"ping")
    wire.take(LIMIT + 2)
    while not senders[0].sent:
        outbox.put(b".")
        await trio.lowlevel.checkpoint()
    await wait_all_tasks_blocked()
    assert not senders[1].sent
    assert outbox.size < 4 * LIMIT
