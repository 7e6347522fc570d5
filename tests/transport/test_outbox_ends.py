"""How an outbox ends: all is written, or nothing can be any more."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rawws.transport.outbox import Outbox
from rawws.transport.streams import DirectSocket
from tests.transport.raw import PATIENCE
from tests.transport.senders import LIMIT, line_up, make_outbox, not_yet
from tests.transport.wires import ScriptedStream, jam, read_exactly, socket_pair

# -- how long nothing was taken


async def test_stuck_since_is_when_the_peer_last_took_something(
    nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    outbox, wire = make_outbox(nursery, 1)
    start = trio.current_time()
    outbox.put(b"one")
    outbox.put(b"two")
    await wait_all_tasks_blocked()
    mock_clock.jump(5)
    await wait_all_tasks_blocked()
    assert outbox.stuck_since == start
    for seconds, count in ((5, 1), (8, 3), (9, 2)):
        mock_clock.jump(start + seconds - trio.current_time())
        wire.take(count)
        await wait_all_tasks_blocked()
        assert outbox.stuck_since == start + seconds
    wire.take()
    await wait_all_tasks_blocked()
    assert outbox.stuck_since is None


# -- the end


async def test_end_is_said_at_once_when_nothing_waits(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 10)
    outbox.put(b"last")
    outbox.end()
    assert wire.ended == 1


async def test_end_is_said_once_all_is_written(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(b"one")
    outbox.put(b"two")
    outbox.end()
    wire.take(7)
    await wait_all_tasks_blocked()
    assert wire.ended == 0
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.written == b"<one><two>"
    assert wire.ended == 1


@pytest.mark.parametrize("started", [False, True])
async def test_no_end_is_said_on_a_stream_that_failed(nursery: trio.Nursery, started: bool) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(b"one")
    if started:
        await wait_all_tasks_blocked()
    outbox.end()
    outbox.fail(trio.BrokenResourceError())
    wire.close()
    await wait_all_tasks_blocked()
    outbox.end()
    assert wire.ended == 0


async def test_frames_that_wait_are_dropped_and_the_one_that_has_begun_is_finished(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 2)
    outbox.put(b"begun")
    outbox.put(b"waits")
    outbox.put(b"waits too")
    outbox.drop_waiting()
    assert outbox.size == 5  # of <begun>
    outbox.put(b"close")
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.written == b"<begun><close>"
    outbox.drop_waiting()
    assert outbox.size == 0


async def test_refusal_lets_go_of_all_who_wait_for_room(nursery: trio.Nursery) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))
    gone = trio.Semaphore(0)

    async def wait() -> None:
        await outbox.wait_room()
        gone.release()

    for _ in range(3):
        nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    outbox.put(b"close")
    outbox.refuse()
    with trio.fail_after(PATIENCE):
        for _ in range(3):
            await gone.acquire()
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.seals == [bytes(LIMIT), b"close"]
    assert outbox.failure is None
    assert not outbox.has_room


async def test_refusal_leaves_no_room_in_an_empty_outbox(nursery: trio.Nursery) -> None:
    outbox, _ = make_outbox(nursery, 1000)
    outbox.refuse()
    assert not outbox.has_room


# -- failure


@pytest.mark.parametrize("error", [trio.BrokenResourceError("lost"), trio.ClosedResourceError()])
async def test_stream_that_breaks_at_once_fails_the_outbox(
    nursery: trio.Nursery, error: Exception
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    wire.fail(error)
    outbox.put(b"one")
    assert outbox.failure is error
    assert outbox.size == 0
    outbox.put(b"two")
    outbox.put_message(b"three")
    assert outbox.size == 0
    assert wire.seals == [b"one"]


async def test_stream_that_breaks_while_drained_lets_go_of_all_that_waits(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(bytes(LIMIT))
    senders = await line_up(nursery, outbox, b"one", b"two")
    error = trio.BrokenResourceError("lost")
    wire.fail(error)
    with trio.fail_after(5):
        await wait_all_tasks_blocked()
    assert outbox.failure is error
    assert outbox.size == 0
    assert outbox.stuck_since is None
    assert not any(sender.sent for sender in senders)
    assert outbox._line is not None
    assert not outbox._line


async def test_stream_that_breaks_with_the_next_frame_fails_the_outbox(
    nursery: trio.Nursery,
) -> None:
    class BreaksLater(ScriptedStream):
        def seal(self, data: bytes) -> bytes:
            if data == b"bad":
                raise trio.BrokenResourceError("cannot be sealed")
            return super().seal(data)

    wire = BreaksLater(room=0)
    async with trio.open_nursery() as nursery:
        outbox = Outbox(wire, LIMIT, nursery.start_soon, not_yet)
        outbox.put(b"good")
        outbox.put(b"bad")
        wire.take()
    assert wire.written == b"<good>"
    assert str(outbox.failure) == "cannot be sealed"
    assert outbox.size == 0


async def test_write_that_is_done_after_the_failure_changes_nothing(
    nursery: trio.Nursery,
) -> None:
    outbox, wire = make_outbox(nursery, 0)
    outbox.put(b"one")
    outbox.end()
    await wait_all_tasks_blocked()
    outbox.fail(trio.BrokenResourceError())
    wire.take()
    await wait_all_tasks_blocked()
    assert wire.written == b"<one>"
    assert outbox.size == 0
    assert outbox.stuck_since is None
    assert wire.ended == 0


async def test_first_failure_is_the_one_that_is_kept(nursery: trio.Nursery) -> None:
    outbox, _ = make_outbox(nursery, 0)
    first = trio.BrokenResourceError()
    outbox.fail(first)
    outbox.fail(trio.ClosedResourceError())
    assert outbox.failure is first


# -- over a real socket


@pytest.mark.parametrize("kind", ["unix", "tcp"])
async def test_jammed_socket_gets_all_frames_in_order_once_it_is_read(
    nursery: trio.Nursery, kind: str
) -> None:
    with socket_pair(kind) as (near, far):
        stream = DirectSocket(near)
        outbox = Outbox(stream, 1000, nursery.start_soon, not_yet)
        taken, sent = jam(stream), b""
        for number in range(200):
            frame = bytes([number]) * (number * 37 + 1)
            outbox.put(frame)
            sent += frame
        outbox.end()
        assert (await read_exactly(far, taken + len(sent) + 1))[taken:] == sent
        assert outbox.size == 0
