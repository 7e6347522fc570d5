"""Leaving in the middle: no task, no warning and no ExceptionGroup stays behind."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import rawws
from tests.transport.raw import PATIENCE
from tests.transport.support import Way

Connect = Callable[[], AbstractAsyncContextManager[rawws.WebSocket]]


class Talker:
    """A handler that has much to say, and takes note of how connections end."""

    def __init__(self) -> None:
        self._ends, self._ended = trio.open_memory_channel[int](10)

    async def __call__(self, ws: rawws.WebSocket) -> None:
        with suppress(rawws.ConnectionBroken):
            for _ in range(5):
                await ws.send("talk")
                await ws.send_stream(["piece", "meal"])
        self._ends.send_nowait((await ws.wait_closed()).code)

    async def code(self) -> int:
        with trio.fail_after(PATIENCE):
            return await self._ended.receive()


def living(nursery: trio.Nursery) -> int:
    """Tasks in a nursery, and in the nurseries of those, and so on."""
    return sum(1 + sum(map(living, task.child_nurseries)) for task in nursery.child_tasks)


@pytest.fixture
def talker() -> Talker:
    return Talker()


@pytest.fixture
async def connect(way: Way, nursery: trio.Nursery, talker: Talker) -> AsyncIterator[Connect]:
    """How to connect to a `Talker`; in the end nothing must be left of it."""
    server = await way.serve(nursery, talker)
    await wait_all_tasks_blocked()
    before = living(nursery)

    yield lambda: way.connect(server)
    gc.collect()  # warnings come now, if any
    await wait_all_tasks_blocked()
    assert living(nursery) == before
    assert not server.connections


async def test_leaving_closes_with_1000(connect: Connect, talker: Talker) -> None:
    async with connect() as ws:
        assert await ws.receive() == "talk"
    assert await talker.code() == 1000
    assert ws.closed == rawws.Close(1000)
    with pytest.raises(trio.ClosedResourceError):
        await ws.receive()


async def test_break_out_of_messages_leaves_nothing(connect: Connect, talker: Talker) -> None:
    async with connect() as ws:
        async for message in ws:
            assert message == "talk"
            break
        async for message in ws:
            assert message == "piecemeal"
            break
        del message
    assert await talker.code() == 1000


async def test_break_out_of_pieces_leaves_nothing(connect: Connect, talker: Talker) -> None:
    async with connect() as ws:
        for _ in range(3):
            async for piece in ws.receive_stream():
                assert piece in ("talk", "piece", "piecemeal")
                break
        ws.receive_stream()
    assert await talker.code() == 1000


async def test_break_out_of_everything_leaves_nothing(connect: Connect, talker: Talker) -> None:
    async def first() -> str | bytes:
        while True:
            async with connect() as ws:
                async for _ in ws:
                    async for piece in ws.receive_stream():
                        return piece

    assert str(await first()).startswith("piece")
    assert await talker.code() == 1000


ERRORS = [
    ZeroDivisionError("mine"),
    trio.ClosedResourceError("mine"),
    trio.BrokenResourceError("mine"),
    StopAsyncIteration("mine"),
    ExceptionGroup("mine", [ZeroDivisionError("inner")]),
]
LAST_ERRORS = [
    KeyboardInterrupt("mine"),
    SystemExit("mine"),
    GeneratorExit("mine"),
    BaseExceptionGroup("mine", [KeyboardInterrupt("inner")]),
]


async def raise_in_connect(connect: Connect, error: BaseException) -> None:
    async with connect():
        raise error


async def raise_in_messages(connect: Connect, error: BaseException) -> None:
    async with connect() as ws:
        async for _ in ws:
            raise error


async def raise_in_pieces(connect: Connect, error: BaseException) -> None:
    async with connect() as ws:
        async for _ in ws.receive_stream():
            raise error


every_place = pytest.mark.parametrize(
    "fail", [raise_in_connect, raise_in_messages, raise_in_pieces]
)


def name_of(error: BaseException) -> str:
    return type(error).__name__


@every_place
@pytest.mark.parametrize("error", ERRORS, ids=name_of)
async def test_error_comes_out_as_it_is_and_closes_with_1011(
    connect: Connect, talker: Talker, fail: Callable[..., object], error: Exception
) -> None:
    with pytest.raises(type(error)) as raised:
        await fail(connect, error)
    assert raised.value is error
    assert await talker.code() == 1011


@every_place
@pytest.mark.parametrize("error", LAST_ERRORS, ids=name_of)
async def test_what_ends_the_program_comes_out_as_it_is_and_waits_for_nothing(
    connect: Connect, talker: Talker, way: Way, fail: Callable[..., object], error: BaseException
) -> None:
    with pytest.raises(type(error)) as raised:
        await fail(connect, error)
    assert raised.value is error
    # A stream in memory takes nothing without waiting.
    assert await talker.code() in ([1006] if way.name == "foreign" else [1001, 1006])


@every_place
async def test_cancellation_leaves_nothing(
    connect: Connect, talker: Talker, fail: Callable[..., object]
) -> None:
    with trio.CancelScope() as scope:
        async with connect() as ws:
            scope.cancel()
            if fail is raise_in_pieces:
                await anext(ws.receive_stream())
            elif fail is raise_in_messages:
                await anext(ws)
            else:
                await trio.sleep_forever()
    assert scope.cancelled_caught
    assert await talker.code() in (1001, 1006)


async def test_error_while_cancelled_comes_out_alone(connect: Connect, talker: Talker) -> None:
    with pytest.raises(KeyboardInterrupt) as raised, trio.CancelScope() as scope:
        async with connect() as ws:
            await ws.receive()
            scope.cancel()
            raise KeyboardInterrupt("mine")
    assert str(raised.value) == "mine"
    assert await talker.code() in (1001, 1006)


async def test_error_in_a_nursery_inside_comes_out_once_grouped(
    connect: Connect, talker: Talker
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ExceptionGroup) as raised:
        async with connect() as ws, trio.open_nursery() as nursery:
            nursery.start_soon(ws.wait_closed)
            nursery.start_soon(fail)
    (error,) = raised.value.exceptions
    assert isinstance(error, ZeroDivisionError)
    assert await talker.code() == 1011


# -- on the server's side


async def leave_at_once(ws: rawws.WebSocket) -> None:
    pass


async def break_out_of_messages(ws: rawws.WebSocket) -> None:
    async for _ in ws:
        break


async def break_out_of_pieces(ws: rawws.WebSocket) -> None:
    async for _ in ws.receive_stream():
        break


@pytest.mark.parametrize("handler", [leave_at_once, break_out_of_messages, break_out_of_pieces])
async def test_handler_may_leave_in_the_middle(
    way: Way, nursery: trio.Nursery, handler: Callable[[rawws.WebSocket], object]
) -> None:
    server = await way.serve(nursery, handler)
    await wait_all_tasks_blocked()
    before = living(nursery)
    async with way.connect(server) as ws:
        await ws.send_stream(["mess", "age"])
        assert await ws.wait_closed() == rawws.Close(1000, "", "remote")
    gc.collect()
    await wait_all_tasks_blocked()
    assert living(nursery) == before
